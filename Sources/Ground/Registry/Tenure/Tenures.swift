import Crypto
import Keys
import Passport
import Store
import Wire

/// Ownerships: everything personal hangs on one, and ending it destroys its key.
package enum Tenures {
    /// What wrapped the data keys of rows that do not say: the first of every house.
    static let firstWrapping = KeyLabel(trusted: "tenure-wrapping")

    /// What a tenure needs before it can open: its name and its data key, wrapped. Made before the change that opens it,
    /// because the key store may be a token that takes its time, and everybody's changes wait for one another.
    package struct Prepared: Sendable {
        package let id: TenureID
        fileprivate let dataKey: [UInt8]
        fileprivate let wrapped: [UInt8]
        fileprivate let wrapping: KeyLabel
    }

    package static func prepare(in house: House) async throws -> Prepared {
        let id = TenureID.timeOrdered(at: try house.time(), random: house.random(10))
        let dataKey = house.random(32)
        let (keys, wrapping) = (house.keys, try house.authorities.label(of: .wrapping))
        let wrapped = try await keys.apart { try keys.wrap(dataKey, under: wrapping, context: Array(id.text.utf8)) }
        return Prepared(id: id, dataKey: dataKey, wrapped: wrapped, wrapping: wrapping)
    }

    /// Opens a tenure for the owner with a data key of its own; the passport decides whether it may be.
    @discardableResult
    package static func open(
        _ device: Device, for owner: OwnerID, grade: Grade, as prepared: Prepared, in change: Change
    ) throws -> (TenureID, Passport) {
        let tenure = prepared.id
        let commitment = Self.commitment(to: owner, of: tenure, under: prepared.dataKey)
        let passport = try change.record(.paired(tenure: tenure, grade: grade, owner: commitment), on: device.id)
        try change.rows.execute(
            """
            INSERT INTO tenure (id, device, owner, grade, since, data_key, commitment, wrapped_under)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """,
            [
                Value(tenure), Value(device.id), Value(owner), .text(grade.rawValue), Value(change.now),
                .bytes(prepared.wrapped), Value(commitment), Value(prepared.wrapping),
            ])
        try change.setOwner(owner, of: device.id, in: passport.stage, before: nil)
        // What it said since the tenure before ended is not this owner's.
        try forgetClient(of: device.id, in: change)
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
        try forgetClient(of: device.id, in: change)
        // A code that its owner gave out lets nobody enrol for the next one.
        try change.rows.execute("DELETE FROM nonce WHERE device = $1 AND purpose = 'enrolment'", [Value(device.id)])
        try change.setOwner(nil, of: device.id, in: passport.stage, before: device.owner)
    }

    /// What a stock client said belongs to a tenure. What the maker asked of it, to stop an update, stays asked.
    private static func forgetClient(of device: DeviceID, in change: Change) throws {
        try change.rows.execute(
            "DELETE FROM stock_client WHERE device = $1 AND COALESCE(state, '') <> 'cancelling'", [Value(device)])
        try change.rows.execute(
            """
            UPDATE stock_client SET tenure = NULL, token = NULL, attributes = NULL, auto_confirm = NULL, messages = '[]',
                mender_key = NULL, mender = NULL
            WHERE device = $1
            """, [Value(device)])
    }

    /// The ledger's only word about an owner: HMAC-SHA256 under the tenure's data key. Without the key, which dies with
    /// the tenure, it says nothing.
    package static func commitment(to owner: OwnerID, of tenure: TenureID, under dataKey: [UInt8]) -> Wire.Digest {
        let message = Array("lifelong owner commitment v1\n\(tenure)\n\(owner)".utf8)
        return Wire.Digest(HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: dataKey)))
    }

    /// The data key of an open tenure as the store holds it: read in a transaction, and opened outside of it.
    package struct WrappedKey: Sendable {
        package let tenure: TenureID
        fileprivate let wrapped: [UInt8]
        fileprivate let wrapping: KeyLabel
    }

    package static func key(of tenure: TenureID, in rows: any Rows) throws -> WrappedKey {
        guard
            let row = try rows.first("SELECT data_key, wrapped_under FROM tenure WHERE id = $1", [Value(tenure)]),
            let wrapped = try? row.bytes("data_key")
        else {
            throw Refusal(
                .gone, "The tenure has ended and its data key is destroyed.", hint: "Nothing can bring its data back.")
        }
        let wrapping = try row.optionalText("wrapped_under").map { try KeyLabel($0) } ?? firstWrapping
        return WrappedKey(tenure: tenure, wrapped: wrapped, wrapping: wrapping)
    }

    /// Encrypts what belongs to the tenure; unreadable for ever once the tenure has ended.
    package static func seal(_ plain: [UInt8], under key: WrappedKey, in house: House) async throws -> [UInt8] {
        let box = try AES.GCM.seal(
            plain, using: try await unwrap(key, in: house), authenticating: Array(key.tenure.text.utf8))
        guard let combined = box.combined else {
            throw Refusal(.internal, "Sealing gave no bytes.", hint: "Report this with the server's log.")
        }
        return Array(combined)
    }

    package static func open(_ sealed: [UInt8], under key: WrappedKey, in house: House) async throws -> [UInt8] {
        let box = try AES.GCM.SealedBox(combined: sealed)
        return Array(
            try AES.GCM.open(
                box, using: try await unwrap(key, in: house), authenticating: Array(key.tenure.text.utf8)))
    }

    private static func unwrap(_ key: WrappedKey, in house: House) async throws -> SymmetricKey {
        let keys = house.keys
        return SymmetricKey(
            data: try await keys.apart {
                try keys.unwrap(key.wrapped, under: key.wrapping, context: Array(key.tenure.text.utf8))
            })
    }
}
