import Passport
import Registry
import Store
import Wire

/// Reads the ledger as it grows, entry by entry, with a bystander for each device.
struct LedgerFold {
    /// What is counted: a kind of event of a device.
    struct Count: Hashable {
        var device: DeviceID
        var kind: String
    }

    private(set) var next: Int64 = 0
    private(set) var counts: [Count: Int] = [:]
    /// Events that can be told from all others: tenures, certificates, receipts, reasons; how often each is there.
    private(set) var marks: [String: Int] = [:]
    private(set) var bystanders: [DeviceID: Bystander] = [:]
    private var lastAt: Timestamp?

    /// New entries since the last look, in order; the first thing that should not be.
    mutating func read(_ rows: any Rows, _ report: inout RunReport) throws {
        let size = Int64(try rows.first("SELECT size FROM ledger_size WHERE one = 1")?.int("size") ?? 0)
        while next < size {
            let page = try rows.query(
                "SELECT idx, entry FROM ledger WHERE idx >= $1 ORDER BY idx LIMIT 1000", [.int(next)])
            for row in page {
                guard try row.int("idx") == next else {
                    throw Bystander.Complaint(.oneOrder, "entry \(next) is missing; the next is \(try row.int("idx"))")
                }
                next += 1
                try take(CanonicalJSON.decode(Entry.self, from: row.bytes("entry")), &report)
            }
            guard !page.isEmpty else { throw Bystander.Complaint(.oneOrder, "entries from \(next) on are missing") }
        }
        let beyond = try rows.count("SELECT COUNT(*) AS n FROM ledger WHERE idx >= $1", [.int(size)])
        guard beyond == 0, next == size else {
            throw Bystander.Complaint(.oneOrder, "the ledger has \(size) entries, and \(beyond) more stand behind them")
        }
        report.entries = Int(size)
    }

    private mutating func take(_ entry: Entry, _ report: inout RunReport) throws {
        report.note(entry.event.kind)
        report.note(Int(truncatingIfNeeded: entry.at.milliseconds))
        if let lastAt, entry.at < lastAt {
            throw Bystander.Complaint(.timeForward, "entry \(next - 1) is dated before the one before it")
        }
        lastAt = entry.at
        if case .certificateAbandoned(let serial) = entry.event { abandoned.insert(serial) }
        guard let device = entry.device else { return }
        report.note(device.text)
        counts[Count(device: device, kind: entry.event.kind), default: 0] += 1
        if let mark = Self.mark(entry.event, device) { marks[mark, default: 0] += 1 }
        if case .enrolled(_, let certificate) = entry.event, abandoned.contains(certificate.serial) {
            throw Bystander.Complaint(.abandonedStaysDead, "certificate \(certificate.serial) was abandoned and issued")
        }
        try bystanders[device, default: Bystander()].see(entry.event, at: entry.at)
    }
    private var abandoned: Set<String> = []

    static func mark(_ event: Event, _ device: DeviceID) -> String? {
        switch event {
        case .paired(let tenure, _, _): "tenure \(tenure)"
        case .enrolled(_, let certificate), .renewed(_, let certificate, _): "certificate \(certificate.serial)"
        case .wiped(let receipt), .updated(_, _, let receipt), .updateFailed(_, _, _, let receipt),
            .configurationApplied(_, let receipt):
            "receipt \(receipt)"
        case .retired: "retired \(device)"
        default: nil
        }
    }
}

/// What clients were told, against what the ledger says.
struct Books {
    /// Answered "done".
    private(set) var sure: [LedgerFold.Count: Int] = [:]
    /// Under way, or with an outcome that nobody was told.
    private(set) var maybe: [LedgerFold.Count: Int] = [:]
    private(set) var marked: Set<String> = []
    /// Refused, by a name that only this attempt had.
    private(set) var denied: Set<String> = []

    mutating func begin(_ count: LedgerFold.Count?) { if let count { maybe[count, default: 0] += 1 } }
    mutating func done(_ count: LedgerFold.Count?) {
        guard let count else { return }
        maybe[count, default: 0] -= 1
        sure[count, default: 0] += 1
    }
    mutating func refused(_ count: LedgerFold.Count?) { if let count { maybe[count, default: 0] -= 1 } }
    mutating func mark(_ mark: String) { marked.insert(mark) }
    mutating func deny(_ mark: String) { denied.insert(mark) }

    func judge(_ ledger: LedgerFold) throws(Bystander.Complaint) {
        let all = Set(sure.keys).union(maybe.keys)
        for count in all.sorted(by: { ($0.device, $0.kind) < ($1.device, $1.kind) }) {
            let (least, there) = (sure[count] ?? 0, ledger.counts[count] ?? 0)
            let most = least + (maybe[count] ?? 0)
            guard there >= least else {
                throw .init(.answeredOnce, "\(count.kind) of \(count.device): answered \(least) times, there \(there)")
            }
            guard there <= most else {
                throw .init(
                    least > 0 ? .answeredOnce : .refusedLeavesNothing,
                    "\(count.kind) of \(count.device): at most \(most) can be there, there are \(there)")
            }
        }
        for mark in marked.sorted() where ledger.marks[mark] != 1 {
            throw .init(.answeredOnce, "\(mark) was answered and is there \(ledger.marks[mark] ?? 0) times")
        }
        for (mark, count) in ledger.marks where count > 1 {
            throw .init(.answeredOnce, "\(mark) is there \(count) times")
        }
        for mark in denied.sorted() where ledger.marks[mark] != nil {
            throw .init(.refusedLeavesNothing, "\(mark) was refused and is there")
        }
    }
}
