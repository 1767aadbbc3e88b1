import Crypto
import Wire

/// The signing half of a key; a private key's bytes never cross it. Implemented by the engines of Keys.
package protocol SigningKey: Sendable {
    var algorithm: KeyAlgorithm { get }
    /// DER SubjectPublicKeyInfo.
    var publicKeyDER: [UInt8] { get }
    /// ECDSA: DER, over SHA-256 for P-256 and SHA-384 for P-384; Ed25519: the raw 64 bytes.
    func signature(over message: [UInt8]) throws -> [UInt8]
    /// Whether a signature is a matter of microseconds in this process: worth no thread of its own. A token's is not.
    var signsAtOnce: Bool { get }
}

extension SigningKey {
    package var signsAtOnce: Bool { false }

    /// SHA-256 of `publicKeyDER`: the name of a key everywhere in this project.
    package var keyDigest: Wire.Digest { PublicKeys.digest(publicKeyDER) }
}

/// A key that lives in memory only: for tests, simulators and rehearsals, never for an authority.
package struct EphemeralKey: OpeningKey {
    private enum Engine: Sendable {
        case p256(P256.Signing.PrivateKey)
        case p384(P384.Signing.PrivateKey)
        case ed25519(Curve25519.Signing.PrivateKey)
    }

    private let engine: Engine
    package let algorithm: KeyAlgorithm
    package let publicKeyDER: [UInt8]
    package var signsAtOnce: Bool { true }

    package init(_ algorithm: KeyAlgorithm = .p256) {
        self.algorithm = algorithm
        switch algorithm {
        case .p256:
            let key = P256.Signing.PrivateKey()
            engine = .p256(key)
            publicKeyDER = Array(key.publicKey.derRepresentation)
        case .p384:
            let key = P384.Signing.PrivateKey()
            engine = .p384(key)
            publicKeyDER = Array(key.publicKey.derRepresentation)
        case .ed25519:
            let key = Curve25519.Signing.PrivateKey()
            engine = .ed25519(key)
            publicKeyDER = PublicKeys.ed25519Prefix + Array(key.publicKey.rawRepresentation)
        }
    }

    package func signature(over message: [UInt8]) throws -> [UInt8] {
        switch engine {
        case .p256(let key): Array(try key.signature(for: message).derRepresentation)
        case .p384(let key): Array(try key.signature(for: message).derRepresentation)
        case .ed25519(let key): Array(try key.signature(for: message))
        }
    }

    package func open(_ envelope: KeyEnvelope, context: [UInt8]) throws -> [UInt8] {
        guard case .p256(let key) = engine else { throw Refusal.opensNothing }
        return try envelope.open(with: key, context: context)
    }
}
