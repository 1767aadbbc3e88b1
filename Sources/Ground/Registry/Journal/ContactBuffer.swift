import Logging
import Passport
import Store
import Wire

/// The last contact of each device: arrives often, matters little, never enters the ledger. Kept in memory and written
/// once a second; a crash loses at most that second.
package actor ContactBuffer {
    package struct Contact: Sendable {
        package var device: DeviceID
        package var at: Timestamp
        package var report: CheckInReport
        package init(device: DeviceID, at: Timestamp, report: CheckInReport) {
            self.device = device
            self.at = at
            self.report = report
        }
    }

    private var waiting: [DeviceID: Contact] = [:]
    private let database: any Database
    private let log: Logger
    /// Beyond it the oldest second is written at once, to bound memory.
    private static let limit = 50_000

    package init(database: any Database, log: Logger) {
        self.database = database
        self.log = log
    }

    package func note(_ contact: Contact) async {
        waiting[contact.device] = contact
        if waiting.count >= Self.limit { await flush() }
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
        guard !waiting.isEmpty else { return }
        let batch = Array(waiting.values)
        waiting.removeAll(keepingCapacity: true)
        do {
            try await database.write { rows in for contact in batch { try Self.write(contact, in: rows) } }
        } catch {
            // Kept for the next second, unless the device has called again.
            for contact in batch where waiting[contact.device] == nil { waiting[contact.device] = contact }
            log.warning("last contacts were not written", metadata: ["count": "\(batch.count)", "error": "\(error)"])
        }
    }

    private static func write(_ contact: Contact, in rows: any Rows) throws {
        let report = contact.report
        let posture = String(decoding: try CanonicalJSON.encode(report.posture), as: UTF8.self)
        // Only while it is owned: what a former owner's device said last is gone with the tenure.
        try rows.later(
            """
            INSERT INTO contact (device, at, agent, version, sequence, slot, configuration, posture)
            SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE EXISTS (SELECT 1 FROM device WHERE id = $9 AND owner IS NOT NULL)
            ON CONFLICT (device) DO UPDATE SET at = excluded.at, agent = excluded.agent, version = excluded.version,
                sequence = excluded.sequence, slot = excluded.slot, configuration = excluded.configuration,
                posture = excluded.posture
            """,
            [
                Value(contact.device), Value(contact.at), .text(report.agent), .text(report.version),
                Value(report.sequence), Value(report.slot), Value(report.configuration), .text(posture),
                Value(contact.device),
            ], changing: nil)
    }
}
