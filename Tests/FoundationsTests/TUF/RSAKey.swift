import Crypto
import CryptoExtras
import Foundation

/// An RSA key for tests: this project only verifies such signatures.
struct RSAKey {
    private let key: _RSA.Signing.PrivateKey

    init() throws { key = try _RSA.Signing.PrivateKey(keySize: .bits2048) }

    var publicPEM: String { key.publicKey.pemRepresentation }

    func signature(over message: [UInt8]) throws -> [UInt8] {
        Array(try key.signature(for: SHA256.hash(data: message), padding: .PSS).rawRepresentation)
    }

    /// PKCS #1 v1.5, which the scheme does not allow.
    func oldSignature(over message: [UInt8]) throws -> [UInt8] {
        Array(try key.signature(for: SHA256.hash(data: message), padding: .insecurePKCS1v1_5).rawRepresentation)
    }
}
