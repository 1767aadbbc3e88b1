import Ledger
import Wire

/// Gets (done, total) as an audit goes on.
package typealias AuditProgress = @Sendable (_ done: Int64, _ total: Int64) -> Void

/// What `lifelong verify log` says.
package struct LogReport: JudgedReport, Equatable {
    package var verified: Bool
    package var origin: String
    package var head: TreeHead?
    package var witnesses: [Vouching] = []
    package var entriesRead: Int64
    package var tilesRead: Int64
    /// Whether the entries alone, hashed anew, make the signed root. If so and tiles differ, only tiles are bad.
    package var entriesMakeRoot: Bool
    /// In the order of the log; at most `maximumFindings`.
    package var findings: [AuditFinding]

    package static let maximumFindings = 100

    package var lines: [String] {
        let what = "log \(origin)" + (head.map { ": \($0.line)" } ?? "")
        let read =
            "  \(entriesRead) entries and \(tilesRead) tiles read; the entries "
            + (entriesMakeRoot ? "make the signed root" : "do not make the signed root")
        return [verdict(verified, what)] + witnesses.map(\.line) + [read] + findings.map { "  \($0.line)" }
    }
}

/// Reads a whole log once and computes everything anew: each leaf hash, each tile on each level, and the root.
package enum VerifyLog {
    /// Bundles that are read ahead of the one being hashed.
    private static let readAhead = 4

    /// - Parameters:
    ///   - key: the one thing that is trusted.
    ///   - quorum: whose cosignatures the checkpoint must have.
    ///   - note: the checkpoint to check against; nil for the one that the log shows.
    ///   - entry: gets each entry's index and bytes in order, with the head of the tree up to and including it on
    ///     demand.
    package static func run(
        _ source: any LogSource, key: VerifierKey, quorum: WitnessQuorum = .none, note given: [UInt8]? = nil,
        progress: AuditProgress = { _, _ in },
        entry: (Int64, [UInt8], Frontier) throws -> Void = { _, _, _ in }
    ) async throws -> LogReport {
        let note: [UInt8]
        if let given { note = given } else { note = try await source.checkpointNote(key: key, quorum: quorum) }
        let found: WitnessedCheckpoint
        do throws(Refusal) {
            found = try WitnessedCheckpoint(note: note, key: key, quorum: quorum)
        } catch {
            return LogReport(
                verified: false, origin: key.name, head: nil, entriesRead: 0, tilesRead: 0, entriesMakeRoot: false,
                findings: [AuditFinding(error)])
        }
        let head = found.checkpoint.head
        var scan = LogScan(head: head)
        let bundles = (head.size + Int64(TileID.fullWidth) - 1) / Int64(TileID.fullWidth)
        try await inOrder(0..<bundles, ahead: readAhead) { index in
            try await Fetched(
                index: index, bundle: source.bundle(index, size: head.size),
                tile: source.tile(TileID(level: 0, index: index), size: head.size))
        } body: { fetched in
            try await scan.take(fetched, from: source, entry: entry)
            progress(min(head.size, (fetched.index + 1) * Int64(TileID.fullWidth)), head.size)
        }
        try await scan.finish(from: source)
        var report = scan.report(origin: key.name)
        report.witnesses = found.cosignatures.map(Vouching.init)
        return report
    }

    struct Fetched: Sendable {
        let index: Int64
        let bundle: [UInt8]?
        let tile: [UInt8]?
    }
}

/// Runs `fetch` for several indices at once and hands on the results in order.
func inOrder<Value: Sendable>(
    _ range: Range<Int64>, ahead: Int, fetch: @escaping @Sendable (Int64) async throws -> Value,
    body: (Value) async throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: (Int64, Value).self) { group in
        var (next, wanted) = (range.lowerBound, range.lowerBound)
        var waiting: [Int64: Value] = [:]
        while wanted < range.upperBound {
            while next < range.upperBound, next < wanted + Int64(ahead) {
                let index = next
                group.addTask { (index, try await fetch(index)) }
                next += 1
            }
            while waiting[wanted] == nil, let (index, value) = try await group.next() { waiting[index] = value }
            if let value = waiting.removeValue(forKey: wanted) { try await body(value) }
            wanted += 1
        }
    }
}
