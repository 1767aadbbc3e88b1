import Passport
import Rollout
import Selection
import Store
import Wire

/// What selectors are judged over, for few devices at a time.
package enum SelectedDevices {
    /// Devices in one statement.
    package static let batch = 100

    /// The facts of those of the devices that there are, in no order.
    /// - Parameter condition: beside the names, with its arguments as `?`.
    static func facts(
        of devices: some Collection<DeviceID>, at now: Timestamp, _ condition: String? = nil, _ values: [Value] = [],
        in rows: any Rows
    ) throws -> [DeviceFacts] {
        guard !devices.isEmpty else { return [] }
        var conditions = Conditions()
        let names = devices.map { conditions.argument(Value($0)) }.joined(separator: ", ")
        conditions.add("d.id IN (\(names))")
        if let condition, let value = values.first { conditions.add(condition, value) }
        return try rows.query(
            """
            SELECT d.serial, d.hardware, d.passport, o.kind AS owner_kind, c.at AS seen, c.version AS said, c.posture
            FROM device d LEFT JOIN owner o ON o.id = d.owner LEFT JOIN contact c ON c.device = d.id \(conditions.sql)
            """, conditions.arguments
        ).map { row in
            DeviceFacts(
                passport: try Passport(json: row.text("passport").utf8), serial: try row.text("serial"),
                hardware: try row.text("hardware"), ownerKind: row.optionalText("owner_kind"),
                seen: row.optionalTime("seen"), version: row.optionalText("said"), posture: posture(row), now: now)
        }
    }

    /// What the device said of itself; nothing if that cannot be read.
    package static func posture(_ row: Row) -> [String: String] {
        let text = row.optionalText("posture").map { Array($0.utf8) }
        return text.flatMap { try? CanonicalJSON.decode([String: String].self, from: $0) } ?? [:]
    }

    /// Those rows of a list whose devices the selector matches, in the same order.
    static func matching(
        _ selector: Selector, among found: [Row], at now: Timestamp, in rows: any Rows
    ) throws -> [Row] {
        var matched: Set<String> = []
        var left = found[...]
        while !left.isEmpty {
            let names = try left.prefix(batch).map { try $0.id("id", as: DeviceKind.self) }
            left = left.dropFirst(batch)
            for facts in try Self.facts(of: names, at: now, in: rows) where selector.matches(facts) {
                matched.insert(facts.passport.device.text)
            }
        }
        return found.filter { matched.contains($0.optionalText("id") ?? "") }
    }
}
