import Passport
import Selection
import Store
import Trust
import Wire

/// Names for selectors. A group's selector holds no groups: they are replaced when it is defined, and so again wherever it is used.
package enum DeviceGroups {
    /// Of a house, at most.
    package static let most = 1000

    /// The selector with each group replaced by what it means now.
    package static func resolve(_ selector: Selector, in rows: any Rows) throws -> Selector {
        guard selector.fields.contains(.group) else { return selector }
        let resolved = try selector.resolved { name in
            let row = try rows.first("SELECT selector FROM device_group WHERE name = $1", [.text(name)])
            guard let row else {
                throw Refusal(
                    .notFound, "There is no group \"\(name.prefix(64))\".", hint: "List them: lifelong group list")
            }
            return try Selector(row.text("selector"))
        }
        // As long and as deep as one may be that somebody types.
        return try Selector(resolved.description)
    }

    package static func set(_ name: String, _ selector: Selector, in change: Change) throws {
        try DeviceLabels.demandName(name)
        let text = try resolve(selector, in: change.rows).description
        let others = try change.rows.count("SELECT COUNT(*) AS n FROM device_group WHERE name <> $1", [.text(name)])
        guard others < most else {
            throw Refusal(
                .conflict, "There are \(most) groups already.", hint: "Remove one first.", rule: "group: number")
        }
        try change.rows.execute(
            """
            INSERT INTO device_group (name, selector, at) VALUES ($1, $2, $3)
            ON CONFLICT (name) DO UPDATE SET selector = excluded.selector, at = excluded.at
            """, [.text(name), .text(text), Value(change.now)])
        try change.record(.groupSet(group: name, selector: digest(text)))
    }

    package static func remove(_ name: String, in change: Change) throws {
        guard try change.rows.execute("DELETE FROM device_group WHERE name = $1", [.text(name)]) > 0 else {
            throw Refusal(
                .notFound, "There is no group \"\(name.prefix(64))\".", hint: "List them: lifelong group list")
        }
        try change.record(.groupRemoved(group: name))
    }

    static func digest(_ selector: String) -> Digest { LeafCertificate.sha256(Array(selector.utf8)) }
}

/// What the ledger says of labels and groups, against their tables.
struct LabelAudit {
    private var labels: [String: Digest] = [:]
    private var groups: [String: Digest] = [:]

    mutating func take(_ event: Event) {
        switch event {
        case .deviceLabelled(let device, let digest): labels[device.text] = digest
        case .groupSet(let group, let digest): groups[group] = digest
        case .groupRemoved(let group): groups[group] = nil
        default: break
        }
    }

    func compare(_ rows: any Rows, _ notes: Notes) throws {
        var left = labels
        var after = ""
        while true {
            let page = try rows.query(
                "SELECT device, labels, salt FROM device_label WHERE device > $1 ORDER BY device LIMIT 1000",
                [.text(after)])
            guard let last = page.last else { break }
            after = try last.text("device")
            for row in page {
                let device = try row.text("device")
                if left.removeValue(forKey: device)
                    != DeviceLabels.digest(try row.bytes("salt"), try row.text("labels"))
                {
                    notes.find("labels of \(device)", "They are not those that somebody wrote.")
                }
            }
        }
        for device in left.keys.sorted() { notes.find("labels of \(device)", "Their row is gone from the registry.") }
        var names = groups
        for row in try rows.query("SELECT name, selector FROM device_group ORDER BY name LIMIT \(DeviceGroups.most)") {
            let name = try row.text("name")
            if names.removeValue(forKey: name) != DeviceGroups.digest(try row.text("selector")) {
                notes.find("group \(name)", "Its meaning is not the one that somebody gave it.")
            }
        }
        for name in names.keys.sorted() { notes.find("group \(name)", "Its row is gone from the registry.") }
    }
}
