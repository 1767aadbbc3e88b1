import Store
import Trust
import Wire

/// Keys of releases that are proposed in update metadata, and published when others have signed, or never.
extension PayloadKeys {
    package struct Proposed: Sendable {
        fileprivate let artifact: Wire.Digest
        /// Nil: the same is kept already.
        fileprivate let prepared: Prepared?
    }

    /// Wraps it, unless the artifact was proposed before, with this very key: what is published never has two. Outside of
    /// transactions, because the key store may be a token.
    package static func propose(
        _ secret: [UInt8], for artifact: Wire.Digest, in house: House
    ) async throws -> Proposed {
        guard let stored = try await house.read({ try find(.artifact(artifact), in: $0) }) else {
            return Proposed(
                artifact: artifact, prepared: try await prepare(secret, for: .artifact(artifact), in: house))
        }
        guard ConstantTime.equal(try await open(stored, in: house).secret, secret) else { throw otherKey }
        return Proposed(artifact: artifact, prepared: nil)
    }

    private static var otherKey: Refusal {
        Refusal(
            .conflict, "The same encrypted artifact was proposed with another key.",
            hint: "Encrypt it anew: lifelong tuf propose … --encrypt", rule: "release: payload key")
    }

    fileprivate static func isKept(_ artifact: Wire.Digest, in rows: any Rows) throws -> Bool {
        try rows.first(
            "SELECT release FROM payload_key WHERE release = $1", [.text(Owner.artifact(artifact).description)]) != nil
    }

    /// In the transaction that publishes what the artifact is of.
    static func demandProposed(_ artifact: Wire.Digest, in rows: any Rows) throws {
        guard try isKept(artifact, in: rows) else {
            throw Refusal(
                .conflict, "What opens the encrypted artifact \(artifact) is not here any more.",
                hint: "Propose the release anew, and have it signed.", rule: "release: payload key")
        }
    }
}

extension PayloadKeys.Proposed {
    /// In the transaction that proposes. What was proposed, and not published while a draft may wait, is forgotten.
    package func keep(in change: Change) throws {
        let life = UpdateDraft.lifeDays
        try change.rows.execute(
            """
            DELETE FROM payload_key WHERE release LIKE 'artifact:%' AND at < $1 AND NOT EXISTS
                (SELECT 1 FROM release AS published WHERE payload_key.release = 'artifact:' || published.sha256)
            """, [Value(change.now.adding(days: -life))])
        let isKept = try PayloadKeys.isKept(artifact, in: change.rows)
        switch prepared {
        case .some(let prepared) where !isKept: try PayloadKeys.keep(prepared, in: change)
        case nil where isKept:
            // Waits as long as this draft does.
            try change.rows.execute(
                "UPDATE payload_key SET at = $1 WHERE release = $2",
                [Value(change.now), .text(PayloadKeys.Owner.artifact(artifact).description)])
        default:
            throw Refusal(
                .conflict, "Somebody proposed the same encrypted artifact meanwhile.", hint: "Propose it again.")
        }
    }
}
