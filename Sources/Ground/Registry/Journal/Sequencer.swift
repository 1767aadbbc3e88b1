import Crypto
import Passport
import Store
import Wire

/// Gives leaves their index within one transaction: the ledger has one order, the order of commits.
///
/// Invariant: an index is given once. It is read from `ledger_size` at the start of the transaction and written back with
/// a compare-and-set at its end, so that a second node that took the same indexes fails as a whole.
final class Sequencer {
    let now: Timestamp
    private let start: Int64
    private var size: Int64
    /// Devices that have a new leaf; those of a change that was undone may be among them.
    private(set) var touched: Set<DeviceID> = []

    /// More than this behind the ledger's last entry, in seconds, and the clock is not believed.
    static let toleratedClockStepSeconds: Int64 = 300

    init(rows: any Rows, clock: Timestamp) throws {
        guard let row = try rows.first("SELECT size, last_at FROM ledger_size WHERE one = 1") else {
            throw Refusal(.unavailable, "The ledger's size is missing.", hint: "Restore the database from the backup.")
        }
        let last = try row.time("last_at")
        guard clock.seconds(since: last) >= -Self.toleratedClockStepSeconds else {
            throw Refusal(
                .unavailable, "The server's clock (\(clock)) is behind the ledger's last entry (\(last)).",
                hint: "Set the clock right, with NTP; nothing is recorded until then.", retryAfterSeconds: 60)
        }
        now = max(clock, last)
        size = Int64(try row.int("size"))
        start = size
    }

    var mark: Int64 { size }
    var leaves: Range<Int64> { start..<size }
    func reset(to mark: Int64) { size = mark }

    @discardableResult
    func append(_ entry: Entry, to rows: any Rows) throws -> Int64 {
        let bytes = try CanonicalJSON.encode(entry)
        guard bytes.count <= Entry.maximumBytes else {
            throw Refusal(.tooLarge, "The event has \(bytes.count) bytes.", hint: "Shorten its texts.")
        }
        let index = size
        try rows.execute(
            "INSERT INTO ledger (idx, entry, hash, device, kind, at) VALUES ($1, $2, $3, $4, $5, $6)",
            [
                .int(index), .bytes(bytes), .bytes(LedgerLeaf.hash(bytes)), Value(entry.device),
                .text(entry.event.kind),
                Value(entry.at),
            ])
        size += 1
        if let device = entry.device { touched.insert(device) }
        return index
    }

    func finish(in rows: any Rows) throws {
        guard size > start else { return }
        let changed = try rows.execute(
            "UPDATE ledger_size SET size = $1, last_at = $2 WHERE one = 1 AND size = $3",
            [.int(size), Value(now), .int(start)])
        guard changed == 1 else {
            throw Refusal(
                .unavailable, "Another node took the same place in the ledger.", hint: "Try again.",
                retryAfterSeconds: 1)
        }
    }
}

enum LedgerLeaf {
    /// RFC 9162 §2.1.1: SHA-256(0x00 ‖ entry).
    static func hash(_ entry: [UInt8]) -> [UInt8] {
        var hasher = SHA256()
        hasher.update(data: [0])
        hasher.update(data: entry)
        return Array(hasher.finalize())
    }
}
