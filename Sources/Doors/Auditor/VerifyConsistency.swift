import Ledger
import Wire

/// What `lifelong verify consistency` says.
package struct ConsistencyReport: AuditReport, Equatable {
    package enum Outcome: String, Codable, Sendable {
        /// The newer tree holds the older one unchanged.
        case consistent
        /// The newer checkpoint is of a smaller tree.
        case rollback
        /// Two histories: the older tree is not the beginning of the newer one.
        case fork
        /// One of the two checkpoints is not signed, or not a checkpoint.
        case badCheckpoint
        /// The tiles that are served do not make the roots that were signed; with honest tiles it may be consistent.
        case badTiles
    }

    package private(set) var verified: Bool
    package fileprivate(set) var outcome: Outcome { didSet { verified = outcome == .consistent } }
    package var origin: String
    package var old: TreeHead?
    package var new: TreeHead?
    /// The roots that the tiles make at the two sizes, where they were needed.
    package var computedOldRoot: Digest?
    package var computedNewRoot: Digest?
    package var findings: [AuditFinding]

    fileprivate init(of origin: String) {
        self.verified = false
        self.outcome = .badCheckpoint
        self.origin = origin
        self.findings = []
    }

    package var lines: [String] {
        let heads = [("old", old), ("new", new)].compactMap { name, head in head.map { "  \(name): \($0.line)" } }
        return [verdict(verified, "\(origin): \(outcome.rawValue)")] + heads + findings.map { "  \($0.line)" }
    }
}

package enum VerifyConsistency {
    /// Two signed checkpoints of one log, and the log's tiles, which are not believed either: they must make a
    /// consistency proof that leads to both signed roots.
    package static func run(
        old: [UInt8], new: [UInt8], key: VerifierKey, quorum: WitnessQuorum = .none, tiles source: any LogSource
    ) async throws -> ConsistencyReport {
        var report = ConsistencyReport(of: key.name)
        do throws(Refusal) {
            report.old = try Checkpoint(note: old, key: key).head
            // The older one may be from a time before there were witnesses.
            report.new = try WitnessedCheckpoint(note: new, key: key, quorum: quorum).checkpoint.head
        } catch {
            report.findings = [AuditFinding(error)]
            return report
        }
        guard let old = report.old, let new = report.new else { return report }
        if old.size > new.size {
            return report.ending(.rollback, "The log shrank from \(old.size) to \(new.size) entries.")
        }
        if old.size == new.size, old.root != new.root {
            return report.ending(.fork, "Two different roots were signed for \(old.size) entries.")
        }
        guard old.size > 0, old.size < new.size else { return report.ending(.consistent) }
        return try await prove(from: old, to: new, source, report)
    }

    private static func prove(
        from old: TreeHead, to new: TreeHead, _ source: any LogSource, _ report: ConsistencyReport
    ) async throws -> ConsistencyReport {
        var report = report
        let needed = try Tiles.neededForConsistency(from: old.size, to: new.size)
            .union(Tiles.neededForRoot(size: old.size)).union(Tiles.neededForRoot(size: new.size))
        let tiles = try await source.tiles(needed, size: new.size)
        do {
            let beginning = try Tiles.root(size: old.size, reading: tiles)
            report.computedOldRoot = beginning
            report.computedNewRoot = try Tiles.root(size: new.size, reading: tiles)
            // First the tiles are judged by the newer root alone; only then may they accuse the older one.
            try Tiles.consistency(from: old.size, to: new.size, reading: tiles)
                .verify(oldRoot: beginning, newRoot: new.root)
        } catch let refusal as Refusal {
            report.outcome = .badTiles
            report.findings = [
                AuditFinding(
                    "The tiles of \(source.name) do not make the newer root: \(refusal.detail)",
                    hint: "Fetch them from the log itself, or find the bad one with `lifelong verify log`.")
            ]
            return report
        }
        guard report.computedOldRoot == old.root else {
            return report.ending(
                .fork, "The first \(old.size) entries of the newer tree do not make the root that was signed for them.")
        }
        return report.ending(.consistent)
    }
}

extension ConsistencyReport {
    fileprivate func ending(_ outcome: Outcome, _ detail: String? = nil) -> ConsistencyReport {
        var report = self
        report.outcome = outcome
        if let detail {
            let kind: AuditFinding.Kind? = outcome == .fork ? .fork : outcome == .rollback ? .rollback : nil
            let hint = "Keep both checkpoints: signed by the log, together they prove that history was rewritten."
            report.findings.append(AuditFinding(kind: kind, detail, hint: hint))
        }
        return report
    }
}
