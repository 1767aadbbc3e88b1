import Wire

/// Whose cosignatures a checkpoint must carry, and how many of them, before it is believed: the remedy against a log
/// that shows different histories to different people.
package struct WitnessQuorum: Sendable, Equatable {
    package let witnesses: [WitnessKey]
    package let needed: Int

    /// The log's own word is enough.
    package static let none = WitnessQuorum()
    /// Bound of the witnesses that are named; a note has room for twice as many lines.
    package static let maximumWitnesses = 32

    private init() { (witnesses, needed) = ([], 0) }

    /// - Parameter needed: all of them unless told.
    package init(_ witnesses: [WitnessKey], needed: Int? = nil) throws(Refusal) {
        guard witnesses.count <= Self.maximumWitnesses else {
            throw Refusal(
                .tooLarge, "\(witnesses.count) witnesses are named; \(Self.maximumWitnesses) are allowed.",
                hint: "Name fewer.")
        }
        guard Set(witnesses).count == witnesses.count else {
            throw Refusal(
                .malformed, "A witness is named twice.", hint: "Name each witness once: a quorum counts different ones."
            )
        }
        let needed = needed ?? witnesses.count
        guard (witnesses.isEmpty ? 0...0 : 1...witnesses.count).contains(needed) else {
            throw Refusal(
                .malformed, "A quorum of \(needed) of \(witnesses.count) witnesses is not possible.",
                hint: witnesses.isEmpty
                    ? "Name witnesses with --witness." : "Use a quorum from 1 to \(witnesses.count).")
        }
        self.witnesses = witnesses
        self.needed = needed
    }

    /// The rule of the refusal that says that cosignatures are missing.
    package static let rule = "C2SP tlog-cosignature, quorum"
}

/// A checkpoint that its log signed and, if that was demanded, enough witnesses cosigned.
package struct WitnessedCheckpoint: Sendable, Equatable {
    package let checkpoint: Checkpoint
    /// Of the witnesses that were asked for; none if none were.
    package let cosignatures: [Cosignature]

    package init(note bytes: [UInt8], key: VerifierKey, quorum: WitnessQuorum) throws(Refusal) {
        checkpoint = try Checkpoint(note: bytes, key: key)
        guard quorum.needed > 0 else {
            cosignatures = []
            return
        }
        cosignatures = try Note(bytes).cosignatures(by: quorum.witnesses)
        guard cosignatures.count >= quorum.needed else {
            let there = Set(cosignatures.map(\.witness))
            let missing = quorum.witnesses.filter { !there.contains($0) }.map { "\"\($0.name)\"" }
            throw Refusal(
                .unauthenticated,
                "The checkpoint of \(checkpoint.size) entries has \(cosignatures.count) of \(quorum.needed) cosignatures; "
                    + "missing: \(missing.joined(separator: ", ")).",
                hint:
                    "Fetch it again in a minute; if it stays so, ask the witness: it refuses a log with two histories.",
                rule: WitnessQuorum.rule)
        }
    }
}
