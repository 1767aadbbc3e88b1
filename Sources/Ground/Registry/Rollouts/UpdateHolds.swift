import Passport
import Rollout
import Store
import Wire

/// Devices that a person keeps from newer releases: pinned to one, or held at what they run.
package enum UpdateHolds {
    /// The highest release that the device may be offered; nil if nobody holds it.
    package static func highest(for device: DeviceID, in rows: any Rows) throws -> Int? {
        try rows.first("SELECT highest FROM update_hold WHERE device = $1", [Value(device)])?.int("highest")
    }

    /// Those of the devices that may not be offered the release.
    package static func held(_ devices: [DeviceID], from sequence: Int, in rows: any Rows) throws -> Set<DeviceID> {
        var held: Set<DeviceID> = []
        var left = devices[...]
        while !left.isEmpty {
            let asked = left.prefix(100)
            left = left.dropFirst(100)
            var conditions = Conditions()
            let names = asked.map { conditions.argument(Value($0)) }.joined(separator: ", ")
            conditions.add("device IN (\(names))")
            conditions.add("highest < ?", Value(sequence))
            for row in try rows.query("SELECT device FROM update_hold \(conditions.sql)", conditions.arguments) {
                held.insert(try row.id("device"))
            }
        }
        return held
    }

    /// Those that a rollout passes by: one that brings a release back moves nobody whom a person holds, whatever the number.
    package static func held(_ devices: [DeviceID], by plan: RolloutPlan, in rows: any Rows) throws -> Set<DeviceID> {
        try held(devices, from: plan.returnsFrom == nil ? plan.sequence : .max, in: rows)
    }

    package static func hold(_ device: DeviceID, at highest: Int, in change: Change) throws {
        try change.rows.execute(
            """
            INSERT INTO update_hold (device, highest, at) VALUES ($1, $2, $3)
            ON CONFLICT (device) DO UPDATE SET highest = excluded.highest, at = excluded.at
            """, [Value(device), Value(highest), Value(change.now)])
    }

    /// False if nobody held it.
    package static func release(_ device: DeviceID, in rows: any Rows) throws -> Bool {
        try rows.execute("DELETE FROM update_hold WHERE device = $1", [Value(device)]) > 0
    }
}

/// What the ledger says of holds, against their table.
struct HoldAudit {
    private var highest: [String: Int] = [:]

    mutating func take(_ event: Event) {
        switch event {
        case .updatesHeld(let device, let highest): self.highest[device.text] = highest
        case .updatesReleased(let device): highest[device.text] = nil
        default: break
        }
    }

    func compare(_ rows: any Rows, _ notes: Notes) throws {
        var left = highest
        var after = ""
        while true {
            let page = try rows.query(
                "SELECT device, highest FROM update_hold WHERE device > $1 ORDER BY device LIMIT 1000", [.text(after)])
            guard let last = page.last else { break }
            after = try last.text("device")
            for row in page {
                let device = try row.text("device")
                if left.removeValue(forKey: device) != (try row.int("highest")) {
                    notes.find("hold of \(device)", "It is not the one that somebody ordered.")
                }
            }
        }
        for device in left.keys.sorted() { notes.find("hold of \(device)", "Its row is gone from the registry.") }
    }
}
