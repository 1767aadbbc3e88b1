import Passport
import Store
import Wire

/// Finds a page of devices without reading more than a few thousand rows, whatever is asked for and however many there are.
///
/// The narrowest condition that has an index leads; it reads in the order of the list from where the page before ended. The
/// other conditions are looked at in what it finds, and after `lookedAt` rows the page ends where it is.
package struct DeviceSearch: Sendable {
    private let filter: DeviceFilter
    private let after: String?
    private let size: Int
    private let lookedAt: Int

    package struct Page {
        package var found: [Row]
        /// Key of the last row that was looked at; nil at the end.
        package var next: String?
    }

    /// - Parameters:
    ///   - size: rows of a page.
    ///   - lookedAt: rows that one page looks at, about, at most.
    package init(filter: DeviceFilter, after: String?, size: Int, lookedAt: Int = 5000) {
        self.filter = filter
        self.after = after
        self.size = size
        self.lookedAt = lookedAt
    }

    private static let columns = "id, serial, product, batch, hardware, stage, owner, born_at, changed_at"

    /// By name, or by serial where the beginning of one is given.
    private var key: String { filter.q == nil ? "id" : "serial" }

    package func page(in rows: any Rows) throws -> Page {
        let walks = self.parts
        let parts = try walks.map { try find($0, of: walks.count, in: rows) }
        let end = parts.compactMap(\.next).min()
        var all = parts.flatMap(\.found)
        if parts.count > 1 { all.sort { ($0.optionalText(key) ?? "") < ($1.optionalText(key) ?? "") } }
        if let end { all.removeAll { $0.optionalText(key) ?? "" > end } }
        var page = Page(found: Array(all.prefix(size)), next: end)
        if all.count > size { page.next = page.found.last?.optionalText(key) }
        if after == nil, let whole = try named(in: rows) { page.found.insert(whole, at: 0) }
        return page
    }

    /// The device whose whole name was typed.
    private func named(in rows: any Rows) throws -> Row? {
        guard let q = filter.q else { return nil }
        var conditions = Conditions()
        conditions.add("id = ?", .text(String(q.prefix(64))))
        for rest in residual(but: []) { rest(&conditions) }
        if let alarm = filter.alarm { Self.alarmed(alarm, &conditions) }
        return try rows.first("SELECT \(Self.columns) FROM device \(conditions.sql)", conditions.arguments)
    }

    // MARK: Parts

    private enum Lead {
        case serial(String), alarm(DeviceFilter.AlarmFilter), batch(BatchID), owner(OwnerID), product(ProductID), all
    }

    /// One walk along one index.
    private struct Part {
        var lead: Lead
        /// The indices that lead by batch, owner or product have the stage next: without one, each stage is a part.
        var stage: Stage?
    }

    private var parts: [Part] {
        let stages = filter.stage.map { [$0] } ?? StageTable.order
        if let q = filter.q { return [Part(lead: .serial(String(q.prefix(64))))] }
        if let alarm = filter.alarm { return [Part(lead: .alarm(alarm))] }
        if let batch = filter.batch { return stages.map { Part(lead: .batch(batch), stage: $0) } }
        if let owner = filter.owner { return stages.map { Part(lead: .owner(owner), stage: $0) } }
        if let product = filter.product { return stages.map { Part(lead: .product(product), stage: $0) } }
        return [Part(lead: .all, stage: filter.stage)]
    }

    private enum Field { case stage, product, batch, owner }

    /// Conditions that the leading one does not cover.
    private func residual(but covered: Set<Field>) -> [(inout Conditions) -> Void] {
        var rest: [(inout Conditions) -> Void] = []
        if let stage = filter.stage, !covered.contains(.stage) {
            rest.append { $0.add("stage = ?", .text(stage.rawValue)) }
        }
        if let product = filter.product, !covered.contains(.product) {
            rest.append { $0.add("product = ?", Value(product)) }
        }
        if let batch = filter.batch, !covered.contains(.batch) { rest.append { $0.add("batch = ?", Value(batch)) } }
        if let owner = filter.owner, !covered.contains(.owner) { rest.append { $0.add("owner = ?", Value(owner)) } }
        return rest
    }

    private func find(_ part: Part, of count: Int, in rows: any Rows) throws -> Page {
        var lead = Conditions()
        var rest: [(inout Conditions) -> Void] = []
        switch part.lead {
        case .alarm(let alarm): return try findAlarmed(alarm, in: rows)
        case .serial(let prefix):
            // Serials are ASCII: everything that begins with the prefix lies below the prefix and this.
            lead.add("serial >= ?", .text(prefix))
            lead.add("serial < ?", .text(prefix + "\u{10FFFF}"))
            rest = residual(but: [])
            if let alarm = filter.alarm { rest.append { Self.alarmed(alarm, &$0) } }
        case .batch(let batch):
            lead.add("batch = ?", Value(batch))
            rest = residual(but: [.batch, .stage])
        case .owner(let owner):
            lead.add("owner = ?", Value(owner))
            rest = residual(but: [.owner, .stage])
        case .product(let product):
            lead.add("product = ?", Value(product))
            rest = residual(but: [.product, .stage])
        case .all: break
        }
        if let stage = part.stage { lead.add("stage = ?", .text(stage.rawValue)) }
        if let after { lead.add("\(key) > ?", .text(after)) }
        return try walk(lead, rest, atMost: max(1, lookedAt / count), in: rows)
    }

    /// Devices with open alarms, in the order of their names.
    private func findAlarmed(_ alarm: DeviceFilter.AlarmFilter, in rows: any Rows) throws -> Page {
        var lead = Conditions()
        lead.add("acknowledged_at IS NULL")
        lead.add("device > ?", .text(after ?? ""))
        let limit = lead.argument(Value(lookedAt))
        var alarmed = try rows.query(
            "SELECT device, alarm FROM alarm \(lead.sql) ORDER BY device LIMIT \(limit)", lead.arguments)
        var page = Page(found: [], next: nil)
        if alarmed.count == lookedAt, let last = try alarmed.last?.text("device") {
            page.next = last
            // The last device's alarms may go on behind the end.
            alarmed += try rows.query(
                "SELECT device, alarm FROM alarm WHERE device = $1 AND acknowledged_at IS NULL", [.text(last)])
        }
        var last = ""
        for row in alarmed {
            let device = try row.text("device")
            if case .kind(let kind) = alarm, try row.text("alarm") != kind.rawValue { continue }
            guard device != last else { continue }
            last = device
            var conditions = Conditions()
            conditions.add("id = ?", .text(device))
            for rest in residual(but: []) { rest(&conditions) }
            guard
                let found = try rows.first("SELECT \(Self.columns) FROM device \(conditions.sql)", conditions.arguments)
            else { continue }
            page.found.append(found)
            if page.found.count > size {
                page.next = device
                break
            }
        }
        return page
    }

    private static func alarmed(_ alarm: DeviceFilter.AlarmFilter, _ conditions: inout Conditions) {
        let open = "EXISTS (SELECT 1 FROM alarm a WHERE a.device = id AND a.acknowledged_at IS NULL"
        switch alarm {
        case .any: conditions.add("\(open))")
        case .kind(let kind): conditions.add("\(open) AND a.alarm = ?)", .text(kind.rawValue))
        }
    }

    private func walk(
        _ lead: Conditions, _ rest: [(inout Conditions) -> Void], atMost: Int, in rows: any Rows
    ) throws -> Page {
        var conditions = lead
        guard !rest.isEmpty else {
            let limit = conditions.argument(Value(size + 1))
            let found = try rows.query(
                "SELECT \(Self.columns) FROM device \(conditions.sql) ORDER BY \(key) LIMIT \(limit)",
                conditions.arguments)
            return Page(found: found, next: found.count > size ? try found.last?.text(key) : nil)
        }
        let bound = conditions.argument(Value(atMost))
        let inner = "SELECT \(Self.columns) FROM device \(conditions.sql) ORDER BY \(key) LIMIT \(bound)"
        var outer = Conditions(after: conditions)
        for condition in rest { condition(&outer) }
        let limit = outer.argument(Value(size + 1))
        let found = try rows.query(
            "SELECT \(Self.columns) FROM (\(inner)) AS walked \(outer.sql) ORDER BY \(key) LIMIT \(limit)",
            outer.arguments)
        if found.count > size { return Page(found: found, next: try found.last?.text(key)) }
        var last = lead
        let offset = last.argument(Value(atMost - 1))
        let end = try rows.first(
            "SELECT \(key) FROM device \(last.sql) ORDER BY \(key) LIMIT 1 OFFSET \(offset)", last.arguments)
        return Page(found: found, next: try end?.text(key))
    }
}
