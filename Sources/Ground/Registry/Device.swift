import Passport
import Store
import Wire

/// A device as the registry keeps it: its passport, and what must not stand in the ledger.
package struct Device: Sendable {
    package let id: DeviceID
    package let serial: String
    package let hardware: String
    package let owner: OwnerID?
    package let birthCertificate: [UInt8]
    package let labelCode: Digest?
    package let secretHash: String?
    package let pairingFailures: Int
    package internal(set) var passport: Passport

    package static let columns =
        "id, serial, hardware, owner, birth_certificate, label_code, secret_hash, pairing_failures, passport"

    package init(_ row: Row) throws(Refusal) {
        id = try row.id("id")
        serial = try row.text("serial")
        hardware = try row.text("hardware")
        owner = try row.optionalID("owner")
        birthCertificate = try row.bytes("birth_certificate")
        labelCode = row.optionalText("label_code").flatMap { Digest(hex: $0) }
        secretHash = row.optionalText("secret_hash")
        pairingFailures = try row.int("pairing_failures")
        passport = try Passport(json: row.text("passport").utf8)
    }

    /// By its name in Lifelong, or by its serial.
    package static func find(_ name: String, in rows: any Rows) throws -> Device? {
        let sql =
            "SELECT \(columns) FROM device WHERE id = $1 UNION ALL SELECT \(columns) FROM device WHERE serial = $2"
        return try rows.first(sql, [.text(name), .text(name)]).map { try Device($0) }
    }

    package static func require(_ name: String, in rows: any Rows) throws -> Device {
        guard let device = try find(name, in: rows) else {
            throw Refusal(
                .notFound, "There is no device \"\(name.prefix(64))\".",
                hint: "Check the serial on its label, or import the batch that it was made in.")
        }
        return device
    }
}
