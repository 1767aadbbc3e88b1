import Crypto
import Keys
import Passport
import Store
import Wire

/// Ownerships: everything personal hangs on one, and ending it destroys its key.
package enum Tenures {
    /// What wrapped the data keys of rows that do not say: the first of every house.
    static let firstWrapping = KeyLabel(trusted: "tenure-wrapping")

    /// Opens a tenure for the owner with a data key of its own; the passport decides whether it may be.
    @discardableResult
    package static func open(
        _ device: Device, for owner: OwnerID, grade: Grade, in change: Change
    ) throws -> (TenureID, Passport) {
        let tenure: TenureID = change.newID()
        let dataKey = change.house.random(32)
        let commitment = Self.commitment(to: owner, of: tenure, under: dataKey)
        let passport = try change.record(.paired(tenure: tenure, grade: grade, owner: commitment), on: device.id)
        let wrapping = try change.house.authorities.label(of: .wrapping)
        let wrapped = try change.house.keys.wrap(dataKey, under: wrapping, context: Array(tenure.text.utf8))
        try change.rows.execute(
            """
            INSERT INTO tenure (id, device, owner, grade, since, data_key, commitment, wrapped_under)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """,
            [
                Value(tenure), Value(device.id), Value(owner), .text(grade.rawValue), Value(change.now),
                .bytes(wrapped),
                Value(commitment), Value(wrapping),
            ])
        try change.setOwner(owner, of: device.id, in: passport.stage, before: nil)
        try change.rows.execute("UPDATE device SET pairing_failures = 0 WHERE id = $1", [Value(device.id)])
        try change.rows.execute("DELETE FROM pairing WHERE device = $1", [Value(device.id)])
        return (tenure, passport)
    }

    /// Ends the tenure in the caller's transaction: certificates revoked, data and data key gone, the owner forgotten.
    package static func end(_ device: Device, because cause: RevocationCause, in change: Change) throws {
        guard let tenure = device.passport.tenure else { return }
        try Revocation.revokeAll(of: device.id, because: cause, in: change)
        let passport = try change.record(.tenureEnded(tenure: tenure.id), on: device.id)
        change.count(Tally.tenuresEnded)
        try change.rows.execute(
            "UPDATE tenure SET ended = $1, owner = NULL, data_key = NULL WHERE id = $2",
            [Value(change.now), Value(tenure.id)])
        try change.rows.execute("DELETE FROM configuration WHERE tenure = $1", [Value(tenure.id)])
        // What the device said while it was this owner's; the ledger keeps the hashes.
        for table in ["contact", "device_log"] {
            try change.rows.execute("DELETE FROM \(table) WHERE device = $1", [Value(device.id)])
        }
        // A code that its owner gave out lets nobody enrol for the next one.
        try change.rows.execute("DELETE FROM nonce WHERE device = $1 AND purpose = 'enrolment'", [Value(device.id)])
        try change.setOwner(nil, of: device.id, in: passport.stage, before: device.owner)
    }

    /// The ledger's only word about an owner: HMAC-SHA256 under the tenure's data key. Without the key, which dies with
    /// the tenure, it says nothing.
    package static func commitment(to owner: OwnerID, of tenure: TenureID, under dataKey: [UInt8]) -> Wire.Digest {
        let message = Array("lifelong owner commitment v1\n\(tenure)\n\(owner)".utf8)
        return Wire.Digest(HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: dataKey)))
    }

    /// Encrypts what belongs to the tenure; unreadable for ever once the tenure has ended.
    package static func seal(_ plain: [UInt8], for tenure: TenureID, in change: Change) throws -> [UInt8] {
        let key = try dataKey(of: tenure, in: change.rows, house: change.house)
        let box = try AES.GCM.seal(plain, using: key, authenticating: Array(tenure.text.utf8))
        guard let combined = box.combined else {
            throw Refusal(.internal, "Sealing gave no bytes.", hint: "Report this with the server's log.")
        }
        return Array(combined)
    }

    package static func open(_ sealed: [UInt8], of tenure: TenureID, in rows: any Rows, house: House) throws -> [UInt8]
    {
        let key = try dataKey(of: tenure, in: rows, house: house)
        let box = try AES.GCM.SealedBox(combined: sealed)
        return Array(try AES.GCM.open(box, using: key, authenticating: Array(tenure.text.utf8)))
    }

    private static func dataKey(of tenure: TenureID, in rows: any Rows, house: House) throws -> SymmetricKey {
        guard
            let row = try rows.first("SELECT data_key, wrapped_under FROM tenure WHERE id = $1", [Value(tenure)]),
            let wrapped = try? row.bytes("data_key")
        else {
            throw Refusal(
                .gone, "The tenure has ended and its data key is destroyed.", hint: "Nothing can bring its data back.")
        }
        let wrapping = try row.optionalText("wrapped_under").map { try KeyLabel($0) } ?? firstWrapping
        return SymmetricKey(data: try house.keys.unwrap(wrapped, under: wrapping, context: Array(tenure.text.utf8)))
    }
}
