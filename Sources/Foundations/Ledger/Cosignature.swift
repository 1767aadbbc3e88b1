import Trust
import Wire

/// A witness's statement that it saw a checkpoint and that it is consistent with all that it saw of this log before
/// (C2SP tlog-cosignature, Ed25519).
package struct Cosignature: Hashable, Sendable {
    package let witness: WitnessKey
    /// When the witness signed, by its own clock; whole seconds.
    package let at: Timestamp

    /// Seconds since 1970 up to the end of the year 9999; the format has room for far more, and 0 means "no time",
    /// which a checkpoint's cosignature must not say.
    private static let seconds = Int64(1)...253_402_300_799
    /// u64 big-endian time ‖ Ed25519 signature.
    private static let signatureBytes = 8 + 64

    /// What a witness signs: a header, the time, and the whole text of the note.
    static func message(_ text: [UInt8], seconds: Int64) -> [UInt8] {
        Array("cosignature/v1\ntime \(seconds)\n".utf8) + text
    }

    static func blob(seconds: Int64, signature: [UInt8]) -> [UInt8] {
        stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: seconds >> $0) } + signature
    }

    /// Nil if the line's signature is not the witness's over this text.
    init?(_ signature: Note.Signature, by witness: WitnessKey, over text: [UInt8]) {
        let blob = signature.signature
        guard blob.count == Self.signatureBytes else { return nil }
        let time = blob.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard let seconds = Int64(exactly: time), Self.seconds.contains(seconds),
            witness.verifies(Array(blob.dropFirst(8)), over: Self.message(text, seconds: seconds))
        else { return nil }
        self.witness = witness
        self.at = Timestamp(milliseconds: seconds * 1000)
    }

    static let rule = "C2SP tlog-cosignature"
}

extension Note {
    /// The cosignatures of these witnesses, the newest of each. As with every signed note, a line by a known key that
    /// does not verify spoils the whole note, and lines by other keys are ignored.
    package func cosignatures(by witnesses: [WitnessKey]) throws(Refusal) -> [Cosignature] {
        var found: [Cosignature] = []
        for signature in signatures {
            for witness in witnesses where witness.isMeant(by: signature) {
                guard let cosignature = Cosignature(signature, by: witness, over: text) else {
                    throw Refusal(
                        .unauthenticated, "The cosignature of the witness \"\(witness.name)\" is not valid.",
                        hint: "Do not trust the checkpoint; fetch it again, and check the witness's key.",
                        rule: Cosignature.rule)
                }
                if let at = found.firstIndex(where: { $0.witness == witness }) {
                    if found[at].at < cosignature.at { found[at] = cosignature }
                } else {
                    found.append(cosignature)
                }
            }
        }
        return found
    }
}

/// Makes cosignatures with one Ed25519 key under one name. Whoever runs it must have checked the checkpoint against
/// all that it cosigned before (`WitnessedLog.cosign`).
package struct Cosigner: Sendable {
    /// What verifies the cosignatures; publish it as the vkey.
    package let key: WitnessKey
    private let sign: @Sendable ([UInt8]) throws -> [UInt8]

    package init(name: String, key signing: any SigningKey) throws(Refusal) {
        key = try WitnessKey(name: name, ed25519: NoteSigner.rawKey(of: signing, name))
        sign = signing.signature(over:)
    }

    /// One signature line over a checkpoint's text.
    func line(_ text: [UInt8], at: Timestamp) throws -> [UInt8] {
        let seconds = at.milliseconds / 1000
        let signature = try sign(Cosignature.message(text, seconds: seconds))
        let line = Note.Signature(
            name: key.name, keyID: key.keyID, signature: Cosignature.blob(seconds: seconds, signature: signature))
        guard Cosignature(line, by: key, over: text) != nil else {
            throw Refusal(
                .internal, "The key of the witness \"\(key.name)\" made a cosignature that does not verify.",
                hint: "Check the key store and the clock of the witness.")
        }
        return line.line
    }
}
