import Trust
import Wire

/// Signs notes with one Ed25519 key under one name. A log has one for its whole life: its origin and its key belong
/// together.
package struct NoteSigner: Sendable {
    /// What verifies the signatures; publish it as the vkey.
    package let verifierKey: VerifierKey
    private let sign: @Sendable ([UInt8]) throws -> [UInt8]

    /// - Parameter sign: gives the 64 raw bytes of RFC 8032 over the bytes that it gets.
    package init(
        name: String, ed25519 publicKey: [UInt8], sign: @escaping @Sendable ([UInt8]) throws -> [UInt8]
    ) throws(Refusal) {
        verifierKey = try VerifierKey(name: name, ed25519: publicKey)
        self.sign = sign
    }

    /// - Parameter key: an Ed25519 key; its public half is read out of the SubjectPublicKeyInfo (RFC 8410 §4).
    package init(name: String, key: any SigningKey) throws(Refusal) {
        try self.init(name: name, ed25519: try Self.rawKey(of: key, name), sign: key.signature(over:))
    }

    static func rawKey(of key: any SigningKey, _ name: String) throws(Refusal) -> [UInt8] {
        let spki = key.publicKeyDER
        guard key.algorithm == .ed25519, spki.count == 44 else {
            throw Refusal(
                .unsupported, "The key of \"\(name)\" is not an Ed25519 key.",
                hint: "Make an Ed25519 key for checkpoints and cosignatures.", rule: "C2SP tlog-tiles, Checkpoints")
        }
        return Array(spki.suffix(32))
    }

    /// The whole note: the text, a blank line, and this signer's line. The text must end with a newline.
    /// - Parameter others: sign the same text, each with a line of its own: keys that this one succeeds.
    package func note(_ text: String, with others: [NoteSigner] = []) throws -> [UInt8] {
        guard text.utf8.last == newline else { throw Note.refuse("its text does not end with a newline") }
        let bytes = Array(text.utf8)
        let note = try ([self] + others).reduce(bytes + [newline]) { $0 + (try $1.line(bytes)) }
        // Nothing leaves that a verifier would refuse (a text with control characters, for instance).
        _ = try Note(note)
        return note
    }

    private func line(_ bytes: [UInt8]) throws -> [UInt8] {
        let signature = try sign(bytes)
        guard verifierKey.verifies(signature, over: bytes) else {
            throw Refusal(
                .internal, "The key of \"\(verifierKey.name)\" made a signature that its public key does not verify.",
                hint: "Check that the key store holds the key of this log.")
        }
        return Note.Signature(name: verifierKey.name, keyID: verifierKey.keyID, signature: signature).line
    }
}
