import Ledger
import Wire

/// What an auditor saw of logs before, so that a log that shrinks or forks between two visits is caught, also without
/// any witness. A small document that the caller keeps.
package struct Remembered: Codable, Sendable, Equatable {
    package struct Seen: Codable, Sendable, Equatable {
        /// The log's verifier key: one memory a key.
        package var vkey: String
        package var size: Int64
        package var root: Digest
        /// The signed note itself: evidence, should it come to that.
        package var note: String
        package var at: Timestamp

        package init(vkey: String, size: Int64, root: Digest, note: String, at: Timestamp) {
            self.vkey = vkey
            self.size = size
            self.root = root
            self.note = note
            self.at = at
        }
    }

    /// Bounds of the document, in bytes, logs, and contradictions that are kept.
    package static let maximumBytes = 32 << 20
    private static let maximumLogs = 100
    private static let maximumContradictions = 100

    /// Version of this format.
    package private(set) var v = 1
    package private(set) var logs: [Seen] = []
    /// Checkpoints that contradicted what was remembered. Nothing is taken out of here.
    package private(set) var contradictions: [Seen] = []

    package init() {}

    /// A memory of one visit.
    package init(seen: Seen) { logs = [seen] }

    /// - Parameter document: as it was written; nil for a first visit.
    package init(document: [UInt8]?) throws(Refusal) {
        guard let document else { return }
        self = try CanonicalJSON.decode(Remembered.self, from: document, limit: Self.maximumBytes)
        guard v == 1, logs.count <= Self.maximumLogs, contradictions.count <= Self.maximumContradictions else {
            throw Refusal(
                .unsupported, "The memory has format \(v), or more logs than this program keeps.",
                hint: "Name another file with --remember, or use a newer lifelong program.")
        }
    }

    /// Compares a checkpoint with what is remembered and, if they agree, remembers the newer one.
    ///
    /// - Parameters:
    ///   - note: signed by the key; checked by the caller.
    ///   - source: the log's tiles, to prove that it only grew. Without them a larger checkpoint is believed no more
    ///     than before, and is not remembered.
    ///   - isLive: the log says that this is its newest; an older document may be of a smaller tree.
    package mutating func judge(
        _ note: [UInt8], key: VerifierKey, tiles source: (any LogSource)?, isLive: Bool, at now: Timestamp
    ) async throws -> [AuditFinding] {
        let head = try Checkpoint(note: note, key: key).head
        let seen = Seen(
            vkey: key.description, size: head.size, root: head.root, note: String(decoding: note, as: UTF8.self),
            at: now)
        guard let index = logs.firstIndex(where: { $0.vkey == seen.vkey }) else {
            if isLive, logs.count < Self.maximumLogs { logs.append(seen) }
            return []
        }
        let before = logs[index]
        if before.size == head.size {
            guard before.root != head.root else { return [] }
            return contradicted(
                seen, .fork,
                "FORK: two different roots are signed for \(head.size) entries: \(before.root), seen \(before.at), and now \(head.root)."
            )
        }
        if before.size > head.size, isLive {
            return contradicted(
                seen, .rollback,
                "ROLLBACK: the log shows \(head.size) entries, and had \(before.size) when it was seen \(before.at).")
        }
        guard let source else { return [] }
        let (old, new) =
            before.size < head.size ? (Array(before.note.utf8), note) : (note, Array(before.note.utf8))
        let report = try await VerifyConsistency.run(old: old, new: new, key: key, tiles: source)
        switch report.outcome {
        case .consistent:
            if before.size < head.size { logs[index] = seen }
            return []
        case .fork, .rollback, .badCheckpoint:
            return contradicted(
                seen, .fork,
                "FORK: the checkpoint of \(max(head.size, before.size)) entries does not go on from the one of \(min(head.size, before.size)), seen before."
            )
        case .badTiles: return report.findings
        }
    }

    private mutating func contradicted(_ seen: Seen, _ kind: AuditFinding.Kind, _ detail: String) -> [AuditFinding] {
        if contradictions.count < Self.maximumContradictions,
            !contradictions.contains(where: { $0.vkey == seen.vkey && $0.size == seen.size && $0.root == seen.root })
        {
            contradictions.append(seen)
        }
        return [
            AuditFinding(
                kind: kind, detail,
                hint:
                    "Keep the memory file: both signed checkpoints stand in it and prove it; then ask the log's operator."
            )
        ]
    }
}

extension JudgedReport {
    /// What was remembered has the last word.
    package mutating func add(_ findings: [AuditFinding]) {
        self.findings = findings + self.findings
        verified = verified && findings.isEmpty
    }
}
