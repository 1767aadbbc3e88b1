import Crypto
import Keys
import Trust
import Wire

/// Keys that follow from a seed and a label: the same run makes the same keys and, because Ed25519 draws no random numbers,
/// the same signatures. For simulations only; whoever knows the seed has the keys.
package final class SimulatedKeys: KeyStore {
    package let kind = "keys of a seed (simulation)"
    private let seed: UInt64
    private let held = Locked<[KeyLabel: SimulatedKey]>([:])

    package init(seed: UInt64) { self.seed = seed }

    package func make(_ label: KeyLabel, algorithm: KeyAlgorithm) throws -> any SigningKey {
        try held.withLock { held in
            guard held[label] == nil else { throw Refusal(.conflict, "Taken.", hint: "Choose another label.") }
            let key = try SimulatedKey("\(seed):\(label)")
            held[label] = key
            return key
        }
    }
    package func find(_ label: KeyLabel) throws -> (any SigningKey)? { held.withLock { $0[label] } }
    /// Every wrapping key follows from the seed, so there is one under each label.
    package func holdsWrapping(_ label: KeyLabel) throws -> Bool { true }
    package func makeWrapping(_ label: KeyLabel) throws {}
    package func labels() throws -> [KeyLabel] { held.withLock { $0.keys.sorted() } }
    package func destroy(_ label: KeyLabel) throws { held.withLock { $0[label] = nil } }

    package func wrap(_ secret: [UInt8], under label: KeyLabel, context: [UInt8]) throws -> [UInt8] {
        let nonce = try AES.GCM.Nonce(data: Array(SHA256.hash(data: secret + context)).prefix(12))
        let box = try AES.GCM.seal(secret, using: wrapping(label), nonce: nonce, authenticating: context)
        return Array(nonce) + Array(box.ciphertext) + Array(box.tag)
    }
    package func unwrap(_ wrapped: [UInt8], under label: KeyLabel, context: [UInt8]) throws -> [UInt8] {
        let box = try AES.GCM.SealedBox(combined: wrapped)
        return Array(try AES.GCM.open(box, using: wrapping(label), authenticating: context))
    }
    private func wrapping(_ label: KeyLabel) -> SymmetricKey {
        SymmetricKey(data: SHA256.hash(data: Array("\(seed):wrap:\(label)".utf8)))
    }
}

/// One key pair out of a text.
package struct SimulatedKey: SigningKey {
    private let key: Curve25519.Signing.PrivateKey
    package let algorithm = KeyAlgorithm.ed25519
    package let publicKeyDER: [UInt8]

    package init(_ text: String) throws {
        key = try Curve25519.Signing.PrivateKey(rawRepresentation: SHA256.hash(data: Array(text.utf8)))
        // RFC 8410 §4: SubjectPublicKeyInfo of Ed25519 up to the 32 key bytes.
        let prefix: [UInt8] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00]
        publicKeyDER = prefix + Array(key.publicKey.rawRepresentation)
    }

    /// Swift Crypto draws random numbers for Ed25519 on some platforms; on Linux (BoringSSL) RFC 8032 holds.
    package func signature(over message: [UInt8]) throws -> [UInt8] { Array(try key.signature(for: message)) }
}
