import Ledger
import Passport
import Store
import Wire

/// Replays the ledger through the stage machine and compares the result with the registry, row by row: what was changed
/// behind the registry's back is found and named.
///
/// Two walks over the ledger: in its own order for the tree (`TreeAudit`), and device by device for everything else
/// (`DeviceAudit`); documents that the ledger names by a hash on the way (`DocumentAudit`). Memory is that of a thousand devices, however many there are, and all processors share the devices.
/// Each part is read in one state of the database, so that a server may go on beside it.
package enum Audit {
    package struct Finding: Codable, Sendable, Equatable {
        /// "device 0192…", "ledger entry 17", "certificate 4a…"
        package var what: String
        /// One sentence.
        package var finding: String

        package init(what: String, finding: String) {
            self.what = what
            self.finding = finding
        }
    }

    package struct Report: Codable, Sendable {
        package var entries: Int64
        package var devices: Int
        /// At most `findingLimit`.
        package var findings: [Finding]
        /// Findings beyond those.
        package var omitted: Int
        package var root: Digest

        package init(entries: Int64, devices: Int, findings: [Finding], omitted: Int = 0, root: Digest) {
            self.entries = entries
            self.devices = devices
            self.findings = findings
            self.omitted = omitted
            self.root = root
        }
    }

    /// Findings that are told; whoever rewrote a million rows is found without a list of them.
    package static let findingLimit = 10_000

    /// - Parameters:
    ///   - workers: how many parts are under way at once.
    ///   - progress: called with (entries done, all entries); an entry is done when both walks have passed it.
    package static func run(
        _ database: any Database, workers: Int = 1, progress: @escaping @Sendable (Int64, Int64) -> Void = { _, _ in }
    ) async throws -> Report {
        let size = try await database.read { rows in
            Int64(try rows.first("SELECT size FROM ledger_size WHERE one = 1")?.int("size") ?? 0)
        }
        let notes = Notes(size: size, progress: progress)
        let house = try await HouseAudit.run(database, notes)
        let (ranges, receipts) = (DeviceRanges(), DocumentAudit.ReceiptParts())
        let root = try await withThrowingTaskGroup(of: Digest?.self) { group in
            group.addTask {
                let root = try await TreeAudit.run(database, size: size, notes)
                try await DeviceAudit.run(database, ranges, house, notes)
                try await DocumentAudit.receipts(database, receipts, notes)
                return root
            }
            for _ in 1..<max(1, workers) {
                group.addTask {
                    try await DeviceAudit.run(database, ranges, house, notes)
                    try await DocumentAudit.receipts(database, receipts, notes)
                    return nil
                }
            }
            var root: Digest?
            for try await found in group { root = root ?? found }
            return root ?? MerkleTree.emptyRoot
        }
        try await DeviceAudit.compareStrays(database, notes)
        try await DocumentAudit.compareStrays(database, notes)
        try await DeviceAudit.compareCounts(database, notes)
        return notes.report(root: root)
    }
}

/// What the walks find, and how far they are.
final class Notes: Sendable {
    private struct State {
        var findings: [Audit.Finding] = []
        var omitted = 0
        var devices = 0
        var passed: Int64 = 0
    }
    private let state = Locked(State())
    private let size: Int64
    private let progress: @Sendable (Int64, Int64) -> Void

    init(size: Int64, progress: @escaping @Sendable (Int64, Int64) -> Void) {
        self.size = size
        self.progress = progress
    }

    func find(_ what: String, _ finding: String) {
        state.withLock { state in
            guard state.findings.count < Audit.findingLimit else {
                state.omitted += 1
                return
            }
            state.findings.append(Audit.Finding(what: what, finding: finding))
        }
    }

    /// One walk passed so many entries and devices.
    func pass(entries: Int, devices: Int = 0) {
        let passed = state.withLock { state in
            state.passed += Int64(entries)
            state.devices += devices
            return state.passed
        }
        progress(min(passed / 2, size), size)
    }

    func report(root: Digest) -> Audit.Report {
        state.withLock { state in
            Audit.Report(
                entries: size, devices: state.devices,
                findings: state.findings.sorted { ($0.what, $0.finding) < ($1.what, $1.finding) },
                omitted: state.omitted, root: root)
        }
    }
}

/// The entries that are about no device, and the documents that they name.
enum HouseAudit {
    /// What they say about certificates of devices.
    struct Word: Sendable {
        /// Serials of the certificates that were abandoned.
        var abandoned: Set<String> = []
        /// The last entry that was read.
        var last: Int64 = -1

        /// By what a server beside has written since.
        func isAbandoned(_ serial: String, in rows: any Rows) throws -> Bool {
            let later = try rows.query(
                "SELECT entry FROM ledger WHERE device IS NULL AND idx > $1 ORDER BY idx LIMIT 1000", [.int(last)])
            return later.contains { row in
                let entry = try? CanonicalJSON.decode(Entry.self, from: row.bytes("entry"))
                guard case .certificateAbandoned(let abandoned)? = entry?.event else { return false }
                return abandoned == serial
            }
        }
    }

    /// In one state of the database: the house's entries are few.
    static func run(_ database: any Database, _ notes: Notes) async throws -> Word {
        try await database.read { rows in
            var word = Word()
            var documents = DocumentAudit.House()
            var people = PeopleAudit()
            var rollouts = RolloutAudit()
            var holds = HoldAudit()
            var labels = LabelAudit()
            var artifacts = ArtifactAudit()
            while true {
                let page = try rows.query(
                    "SELECT idx, entry, kind FROM ledger WHERE device IS NULL AND idx > $1 ORDER BY idx LIMIT 1000",
                    [.int(word.last)])
                guard let last = page.last else { break }
                for row in page {
                    guard let entry = LedgerRow.entry(row, Int64(try row.int("idx")), device: nil, notes) else {
                        continue
                    }
                    if case .certificateAbandoned(let serial) = entry.event { word.abandoned.insert(serial) }
                    documents.take(entry.event)
                    people.take(entry.event)
                    rollouts.take(entry)
                    holds.take(entry.event)
                    labels.take(entry.event)
                    artifacts.take(entry.event)
                }
                word.last = Int64(try last.int("idx"))
                notes.pass(entries: page.count)
            }
            try documents.compare(rows, notes)
            try people.compare(rows, notes)
            try rollouts.compare(rows, notes)
            try holds.compare(rows, notes)
            try labels.compare(rows, notes)
            try artifacts.compare(rows, notes)
            return word
        }
    }
}

/// One row of the ledger, read with suspicion.
enum LedgerRow {
    /// What the bytes say, if the columns beside them say the same; else a finding.
    static func entry(_ row: Row, _ index: Int64, device: String?, _ notes: Notes) -> Entry? {
        guard let bytes = try? row.bytes("entry"), let entry = try? CanonicalJSON.decode(Entry.self, from: bytes) else {
            notes.find("ledger entry \(index)", "Its bytes are not an entry.")
            return nil
        }
        guard entry.device?.text == device, entry.event.kind == row.optionalText("kind") else {
            notes.find("ledger entry \(index)", "The columns beside it do not say what it says.")
            return nil
        }
        return entry
    }
}
