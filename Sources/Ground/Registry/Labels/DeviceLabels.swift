import Passport
import Store
import Trust
import Wire

/// What people wrote on a device: a few short words, for selectors.
package enum DeviceLabels {
    /// Labels of a device at most.
    package static let most = 16
    private static let bytes = 64

    /// How labels and groups may be called: what a selector can name without quotation marks.
    package static func demandName(_ name: String) throws(Refusal) {
        let isGood =
            (1...32).contains(name.utf8.count) && name.utf8.first.map { (97...122).contains($0) } ?? false
            && name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
        guard isGood else {
            throw Refusal(
                .malformed, "\"\(name.prefix(64))\" is no name of a label or group.",
                hint: "Use a to z, digits and hyphens, a letter first, 32 at most.", rule: "label: name")
        }
    }

    private static func demandValue(_ value: String) throws(Refusal) {
        guard (1...bytes).contains(value.utf8.count),
            value.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f })
        else {
            throw Refusal(
                .malformed, "A label's value is empty, too long or not printable.",
                hint: "Use 1 to \(bytes) bytes of text.", rule: "label: value")
        }
    }

    package static func of(_ device: DeviceID, in rows: any Rows) throws -> [String: String] {
        try rows.first("SELECT labels FROM device_label WHERE device = $1", [Value(device)]).map { try read($0) } ?? [:]
    }

    /// Of a row with the column `labels`; nothing if there is none.
    static func read(_ row: Row) throws -> [String: String] {
        try row.optionalText("labels").map { try CanonicalJSON.decode([String: String].self, from: Array($0.utf8)) }
            ?? [:]
    }

    /// False if it has them like that already.
    package static func change(
        _ device: DeviceID, set: [String: String], remove: [String], in change: Change
    ) throws -> Bool {
        for (name, value) in set {
            try demandName(name)
            try demandValue(value)
        }
        let before = try of(device, in: change.rows)
        var labels = before
        for name in remove { labels[name] = nil }
        labels.merge(set) { $1 }
        guard labels != before else { return false }
        guard labels.count <= most else {
            throw Refusal(
                .conflict, "A device has \(most) labels at most.", hint: "Remove one first.", rule: "label: number")
        }
        let (salt, text) = (change.house.random(16), try json(labels))
        try change.rows.execute(
            """
            INSERT INTO device_label (device, labels, salt, at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (device) DO UPDATE SET labels = excluded.labels, salt = excluded.salt, at = excluded.at
            """, [Value(device), .text(text), .bytes(salt), Value(change.now)])
        try change.record(.deviceLabelled(device: device, labels: digest(salt, text)))
        return true
    }

    private static func json(_ labels: [String: String]) throws -> String {
        String(decoding: try CanonicalJSON.encode(labels), as: UTF8.self)
    }

    static func digest(_ salt: [UInt8], _ labels: String) -> Digest {
        LeafCertificate.sha256(salt + Array(labels.utf8))
    }
}
