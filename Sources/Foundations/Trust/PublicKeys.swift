import Crypto
import CryptoExtras
import Foundation
import Wire

/// What can be done with a public key in its one form here, the DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
package enum PublicKeys {
    /// DER of a SubjectPublicKeyInfo for Ed25519 up to the 32 key bytes (RFC 8410 §4).
    package static let ed25519Prefix: [UInt8] = [
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
    ]

    /// SHA-256 of the SubjectPublicKeyInfo.
    package static func digest(_ spki: [UInt8]) -> Wire.Digest { Wire.Digest(SHA256.hash(data: spki)) }

    /// Whether `signature` is by this key over `message`, with the one hash that its kind uses here: P-256 SHA-256,
    /// P-384 SHA-384, P-521 SHA-512, Ed25519, RSA PKCS#1 v1.5 SHA-256. False for anything that cannot be read.
    package static func verify(signature: [UInt8], over message: [UInt8], spki: [UInt8]) -> Bool {
        guard let key = try? PublicKey(spki: spki) else { return false }
        return key.verifies(signature[...], over: message[...], by: key.usualSignatureAlgorithm)
    }

    /// The kind of key, if this project makes such keys.
    package static func algorithm(_ spki: [UInt8]) throws(Refusal) -> KeyAlgorithm? {
        switch try PublicKey(spki: spki) {
        case .p256: .p256
        case .p384: .p384
        case .ed25519: .ed25519
        case .p521, .rsa: nil
        }
    }

    package static func isRSA(_ spki: [UInt8]) throws(Refusal) -> Bool {
        guard case .rsa = try PublicKey(spki: spki) else { return false }
        return true
    }

    /// Key identifier by method 1 of RFC 5280 §4.2.1.2: SHA-1 of the public key's bits, a name and not a protection.
    package static func keyIdentifier(_ spki: [UInt8]) throws(Refusal) -> [UInt8] {
        var fields = try DERNode.parse(spki[...], as: "public key").children()
        _ = try fields.take()
        return Array(Insecure.SHA1.hash(data: try fields.take().bytesOfBitString()))
    }
}

/// A public key that can check a signature.
enum PublicKey: Sendable {
    case p256(P256.Signing.PublicKey)
    case p384(P384.Signing.PublicKey)
    case p521(P521.Signing.PublicKey)
    case ed25519(Curve25519.Signing.PublicKey)
    case rsa(_RSA.Signing.PublicKey)

    /// Refuses what it does not know, and says which.
    init(spki: [UInt8]) throws(Refusal) {
        var fields = try DERNode.parse(spki[...], as: "public key").children()
        let algorithm = try AlgorithmIdentifier(try fields.take())
        let bits = Array(try fields.take().bytesOfBitString())
        try fields.end()
        do {
            switch algorithm.oid {
            case .ecPublicKey: self = try Self.curve(algorithm, bits)
            case .ed25519 where algorithm.parameters == nil:
                self = .ed25519(try Curve25519.Signing.PublicKey(rawRepresentation: bits))
            case .rsaEncryption: self = .rsa(try _RSA.Signing.PublicKey(derRepresentation: Data(spki)))
            default: throw Self.unsupported("algorithm \(algorithm.oid)")
            }
        } catch let refusal as Refusal {
            throw refusal
        } catch {
            throw Refusal(
                .malformed, "The public key is not a valid key of its algorithm, or an RSA key under 2048 bits.",
                hint: "Make a new key pair: ECDSA on P-256 is the best choice.", rule: "RFC 5480 §2.2")
        }
    }

    private static func curve(_ algorithm: AlgorithmIdentifier, _ point: [UInt8]) throws -> PublicKey {
        guard let parameters = algorithm.parameters, parameters.has(.objectIdentifier) else {
            throw unsupported("elliptic curve given by explicit parameters")
        }
        guard point.first == 4 else { throw unsupported("compressed elliptic-curve point") }
        switch try parameters.objectIdentifier() {
        case .secp256r1: return .p256(try P256.Signing.PublicKey(x963Representation: point))
        case .secp384r1: return .p384(try P384.Signing.PublicKey(x963Representation: point))
        case .secp521r1: return .p521(try P521.Signing.PublicKey(x963Representation: point))
        case let other: throw unsupported("elliptic curve \(other)")
        }
    }

    private static func unsupported(_ what: String) -> Refusal {
        Refusal(
            .malformed, "The public key has an unsupported \(what).",
            hint: "Use ECDSA on P-256 or P-384, Ed25519, or RSA of at least 2048 bits.", rule: "RFC 5480 §2.1.1")
    }

    var usualSignatureAlgorithm: SignatureAlgorithm {
        switch self {
        case .p256: .ecdsaSHA256
        case .p384: .ecdsaSHA384
        case .p521: .ecdsaSHA512
        case .ed25519: .ed25519
        case .rsa: .rsaSHA256
        }
    }

    func verifies(
        _ signature: ArraySlice<UInt8>, over message: ArraySlice<UInt8>, by algorithm: SignatureAlgorithm
    ) -> Bool {
        switch algorithm {
        case .ed25519:
            guard case .ed25519(let key) = self else { return false }
            return key.isValidSignature(Data(signature), for: Data(message))
        case .ecdsaSHA256: return ecdsa(signature, SHA256.hash(data: message))
        case .ecdsaSHA384: return ecdsa(signature, SHA384.hash(data: message))
        case .ecdsaSHA512: return ecdsa(signature, SHA512.hash(data: message))
        case .rsaSHA256: return rsa(signature, SHA256.hash(data: message), .insecurePKCS1v1_5)
        case .rsaSHA384: return rsa(signature, SHA384.hash(data: message), .insecurePKCS1v1_5)
        case .rsaSHA512: return rsa(signature, SHA512.hash(data: message), .insecurePKCS1v1_5)
        case .rsaPSSSHA256: return rsa(signature, SHA256.hash(data: message), .PSS)
        case .rsaPSSSHA384: return rsa(signature, SHA384.hash(data: message), .PSS)
        case .rsaPSSSHA512: return rsa(signature, SHA512.hash(data: message), .PSS)
        }
    }

    private func ecdsa(_ signature: ArraySlice<UInt8>, _ digest: some Crypto.Digest) -> Bool {
        switch self {
        case .p256(let key):
            (try? P256.Signing.ECDSASignature(derRepresentation: signature)).map {
                key.isValidSignature($0, for: digest)
            }
                ?? false
        case .p384(let key):
            (try? P384.Signing.ECDSASignature(derRepresentation: signature)).map {
                key.isValidSignature($0, for: digest)
            }
                ?? false
        case .p521(let key):
            (try? P521.Signing.ECDSASignature(derRepresentation: signature)).map {
                key.isValidSignature($0, for: digest)
            }
                ?? false
        case .ed25519, .rsa: false
        }
    }

    private func rsa(
        _ signature: ArraySlice<UInt8>, _ digest: some Crypto.Digest, _ padding: _RSA.Signing.Padding
    ) -> Bool {
        guard case .rsa(let key) = self else { return false }
        return key.isValidSignature(.init(rawRepresentation: Data(signature)), for: digest, padding: padding)
    }
}
