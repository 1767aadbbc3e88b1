import Passport
import Store
import Wire

/// Alarms: what a person must look at. In the ledger as a fact, in a table with its sentence.
package enum Alarms {
    /// Raises one, unless the same is open on the same device already, before the same eyes: a former owner's alarm tells the
    /// next one nothing.
    package static func raise(_ alarm: Alarm, on device: DeviceID, detail: String, in change: Change) throws {
        let open = try change.rows.count(
            """
            SELECT COUNT(*) AS n FROM alarm WHERE device = $1 AND alarm = $2 AND acknowledged_at IS NULL
            AND COALESCE(owner, '') = COALESCE((SELECT d.owner FROM device d WHERE d.id = $3), '')
            """, [Value(device), .text(alarm.rawValue), Value(device)])
        guard open == 0 else { return }
        try change.record(.alarmRaised(alarm: alarm), on: device)
        try change.rows.execute(
            """
            INSERT INTO alarm (idx, device, alarm, detail, at, owner)
            VALUES ($1, $2, $3, $4, $5, (SELECT owner FROM device WHERE id = $6))
            """,
            [
                .int(change.lastIndex), Value(device), .text(alarm.rawValue), .text(detail), Value(change.now),
                Value(device),
            ])
    }

    /// Raises one about the house itself, unless the same about the same `subject` is open already. The subject stands at
    /// the beginning of the detail.
    package static func raise(_ alarm: Alarm, about subject: String, detail: String, in change: Change) throws {
        guard try !isOpen(alarm, ofHouse: subject, in: change.rows) else { return }
        let index = try change.record(.alarmRaised(alarm: alarm))
        try change.rows.execute(
            "INSERT INTO alarm (idx, device, alarm, detail, at) VALUES ($1, NULL, $2, $3, $4)",
            [.int(index), .text(alarm.rawValue), .text("\(subject): \(detail)"), Value(change.now)])
    }

    package static func isOpen(_ alarm: Alarm, ofHouse subject: String, in rows: any Rows) throws -> Bool {
        try rows.query(
            "SELECT detail FROM alarm WHERE device IS NULL AND alarm = $1 AND acknowledged_at IS NULL LIMIT 100",
            [.text(alarm.rawValue)]
        ).contains { try $0.text("detail").hasPrefix("\(subject): ") }
    }
}

/// A person has seen the alarm and dealt with it.
package struct AcknowledgeAlarm: Action {
    package static let name = "alarms/acknowledge"
    package static let permission = Permission.respond
    /// Index of the alarm's leaf in the ledger.
    package var index: Int

    package init(index: Int) { self.index = index }

    package func perform(in change: Change) throws -> Done {
        let changed = try change.rows.execute(
            "UPDATE alarm SET acknowledged_at = $1 WHERE idx = $2 AND acknowledged_at IS NULL",
            [Value(change.now), Value(index)])
        guard changed == 1 else {
            throw Refusal(.notFound, "There is no open alarm \(index).", hint: "List the open alarms again.")
        }
        try change.record(.alarmAcknowledged(index: index))
        return Done()
    }
}
