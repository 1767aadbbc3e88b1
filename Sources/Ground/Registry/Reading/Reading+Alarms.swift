import Passport
import Store
import Wire

extension Reading {
    /// Alarms, newest first.
    ///
    /// - Parameter open: true for those that nobody acknowledged, false for the others, nil for all.
    package func alarms(
        open: Bool? = nil, before: Int64? = nil, limit: Int? = nil, as principal: Principal
    ) async throws -> AlarmPage {
        let confined = try Self.confinement(of: principal)
        let size = try Self.pageSize(limit)
        return try await house.read { rows in
            let found = try Self.alarms(open: open, owner: confined, before: before, limit: size + 1, in: rows)
            let page = Array(found.prefix(size))
            return AlarmPage(alarms: page, next: found.count > size ? page.last?.index : nil)
        }
    }

    static func alarms(
        open: Bool?, owner: OwnerID?, before: Int64?, limit: Int, in rows: any Rows
    ) throws -> [AlarmView] {
        var conditions = Conditions()
        if let open { conditions.add(open ? "a.acknowledged_at IS NULL" : "a.acknowledged_at IS NOT NULL") }
        if let owner { conditions.add("a.owner = ?", Value(owner)) }
        if let before { conditions.add("a.idx < ?", .int(before)) }
        return try query(conditions, limit: limit, in: rows)
    }

    /// - Parameter owner: only those that are this owner's to know; all if it is nil.
    static func openAlarms(of device: Device, owner: OwnerID?, in rows: any Rows) throws -> [AlarmView] {
        var conditions = Conditions()
        if let owner { conditions.add("a.owner = ?", Value(owner)) }
        conditions.add("a.device = ?", Value(device.id))
        conditions.add("a.acknowledged_at IS NULL")
        return try query(conditions, limit: 100, in: rows)
    }

    private static func query(_ asked: Conditions, limit: Int, in rows: any Rows) throws -> [AlarmView] {
        var conditions = asked
        let limit = conditions.argument(Value(limit))
        return try rows.query(
            """
            SELECT a.idx, a.device, d.serial, a.alarm, a.detail, a.at, a.acknowledged_at FROM alarm a
            LEFT JOIN device d ON d.id = a.device \(conditions.sql) ORDER BY a.idx DESC LIMIT \(limit)
            """, conditions.arguments
        ).compactMap { row in
            guard let alarm = Alarm(rawValue: try row.text("alarm")) else { return nil }
            return AlarmView(
                index: Int64(try row.int("idx")), device: try row.optionalID("device"),
                serial: row.optionalText("serial"), alarm: alarm, meaning: Sentences.meaning(of: alarm),
                detail: try row.text("detail"), at: try row.time("at"),
                acknowledgedAt: row.optionalTime("acknowledged_at"))
        }
    }
}
