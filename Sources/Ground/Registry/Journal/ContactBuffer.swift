import Logging
import Passport
import Store
import Wire

/// The last contact of each device: arrives often, matters little, never enters the ledger. Kept in memory and written
/// once a second; a crash loses at most that second.
///
/// Bounded: `limit` devices. While the database does not take them, contacts of further devices are dropped; and so is one
/// that it refuses for what it says, so that it takes no other along.
package final class ContactBuffer: Sendable {
    package struct Contact: Sendable {
        package var device: DeviceID
        /// That it was judged under. What nobody owns is no contact that is kept.
        package var tenure: TenureID?
        package var at: Timestamp
        package var report: CheckInReport
        package init(device: DeviceID, tenure: TenureID?, at: Timestamp, report: CheckInReport) {
            self.device = device
            self.tenure = tenure
            self.at = at
            self.report = report
        }
    }

    private final class Cell: Sendable {
        let waiting = Locked<[DeviceID: Contact]>([:])
    }

    /// About 400 bytes each.
    private static let limit = 200_000
    private static let cellCount = 16
    /// Contacts in one statement: the same few sizes again and again, so that each is prepared once.
    private static let statementSizes = [128, 16, 1]
    /// Contacts in one transaction, so that a change never waits long behind them.
    private static let transactionSize = 4096

    private let cells = (0..<cellCount).map { _ in Cell() }
    private let database: any Database
    private let log: Logger
    private let outage: Locked<Outage>

    package init(database: any Database, log: Logger) {
        self.database = database
        self.log = log
        outage = Locked(Outage("last contacts cannot be written", log: log))
    }

    package func note(_ contact: Contact) {
        guard contact.tenure != nil else { return }
        let cell = cells[Int(UInt(bitPattern: contact.device.hashValue) % UInt(Self.cellCount))]
        cell.waiting.withLock { waiting in
            if waiting.count >= Self.limit / Self.cellCount, waiting[contact.device] == nil { return }
            waiting[contact.device] = contact
        }
    }

    package func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            // A cancelled task cannot write; whoever stops the program flushes once more.
            guard !Task.isCancelled else { return }
            await flush()
        }
    }

    package func flush() async {
        for cell in cells {
            let batch = Self.take(from: cell)
            for start in stride(from: 0, to: batch.count, by: Self.transactionSize) {
                await write(batch[start..<min(start + Self.transactionSize, batch.count)], of: cell)
            }
        }
    }

    private func write(_ batch: ArraySlice<Contact>, of cell: Cell) async {
        do {
            try await database.write { rows in try Self.write(batch, in: rows) }
            tell(nil)
        } catch let refusal as Refusal where refusal.code != .unavailable && batch.count == 1 {
            log.warning("a last contact was dropped, the database refuses it: \(refusal.detail)")
        } catch let refusal as Refusal where refusal.code != .unavailable {
            // One of them is refused: halved until it stands alone.
            let middle = batch.startIndex + batch.count / 2
            await write(batch[..<middle], of: cell)
            await write(batch[middle...], of: cell)
        } catch {
            Self.putBack(batch, into: cell)
            tell(error)
        }
    }

    private static func take(from cell: Cell) -> [Contact] {
        cell.waiting.withLock { waiting in
            defer { waiting.removeAll(keepingCapacity: true) }
            return Array(waiting.values)
        }
    }

    /// For the next second, unless the device has called again.
    private static func putBack(_ batch: ArraySlice<Contact>, into cell: Cell) {
        cell.waiting.withLock { waiting in
            for contact in batch where waiting[contact.device] == nil { waiting[contact.device] = contact }
        }
    }

    private func tell(_ error: (any Error)?) {
        outage.withLock { outage in
            if let error { outage.failed(error) } else { outage.works() }
        }
    }

    private static func write(_ batch: ArraySlice<Contact>, in rows: any Rows) throws {
        var rest = batch
        for size in statementSizes {
            let sql = Self.sql[size] ?? ""
            while rest.count >= size {
                try rows.later(sql, try rest.prefix(size).flatMap(values), changing: nil)
                rest = rest.dropFirst(size)
            }
        }
    }

    private static let sql = Dictionary(uniqueKeysWithValues: statementSizes.map { ($0, statement(of: $0)) })

    /// Only while that tenure is open: what a former owner's device said last is gone with it, and is no word to the next one. And
    /// never backwards: another node may have heard of it later.
    private static func statement(of size: Int) -> String {
        let kinds = ["TEXT", "BIGINT", "TEXT", "TEXT", "BIGINT", "TEXT", "BIGINT", "TEXT", "BIGINT", "TEXT"]
        let tuples = (0..<size).map { row in
            "("
                + kinds.enumerated().map { "CAST($\(row * kinds.count + $0.offset + 1) AS \($0.element))" }
                .joined(separator: ", ") + ")"
        }
        let columns = (1..<kinds.count).map { "v.column\($0)" }.joined(separator: ", ")
        return """
            INSERT INTO contact (device, at, agent, version, sequence, slot, configuration, posture, succession)
            SELECT \(columns) FROM (VALUES \(tuples.joined(separator: ", "))) AS v
            JOIN tenure AS t ON t.id = v.column\(kinds.count) WHERE t.ended IS NULL
            ON CONFLICT (device) DO UPDATE SET at = excluded.at, agent = excluded.agent, version = excluded.version,
                sequence = excluded.sequence, slot = excluded.slot, configuration = excluded.configuration,
                posture = excluded.posture, succession = excluded.succession
            WHERE contact.at <= excluded.at
            """
    }

    private static func values(_ contact: Contact) throws -> [Value] {
        let report = contact.report
        let posture = String(decoding: try CanonicalJSON.encode(report.posture), as: UTF8.self)
        return [
            Value(contact.device), Value(contact.at), .text(report.agent), .text(report.version),
            Value(report.sequence), Value(report.slot), Value(report.configuration), .text(posture),
            report.succession.map { .int(Int64($0)) } ?? .null, Value(contact.tenure),
        ]
    }
}
