import Passport
import Registry
import Store
import Trust
import Wire

/// The key of a Mender client: its owner accepts it, and from then on it is that device's, for the tenure.
///
/// Public keys are no secrets, and a client keeps its own when it is sold: so the key itself says which device it belongs to. Otherwise
/// any owner could have somebody else's client speak for a device of theirs.
package enum MenderKey {
    /// More than an RSA key of 8192 bits has, together with its signature.
    package static let maximumBytes = 4096

    /// What the key signs of the device with this serial.
    package static func statement(of serial: String) -> [UInt8] { Array("lifelong mender key v1\n\(serial)".utf8) }

    /// The SHA-256 of what stands in a list: Base64 of the key's SubjectPublicKeyInfo (DER), a dot, and Base64 of its signature over the
    /// statement.
    static func proven(_ text: String, for device: Device) throws(Refusal) -> Digest {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= maximumBytes, parts.count == 2, let spki = Base64.decode(String(parts[0])),
            let signature = Base64.decode(String(parts[1]))
        else {
            throw Refusal(
                .malformed, "That is not a public key, a dot and a signature, each in Base64.",
                hint: "Let the key sign which device it belongs to: docs/stock-clients.md.")
        }
        try KeyQuality.demand(spki)
        guard PublicKeys.verify(signature: signature, over: statement(of: device.serial), spki: spki) else {
            throw Refusal(
                .forbidden,
                "The signature is not the key's over \"lifelong mender key v1\", a line end and the device's serial.",
                hint: "Have it made on the device itself: docs/stock-clients.md.", rule: "key: proven")
        }
        return PublicKeys.digest(spki)
    }

    /// One key is one device's.
    static func demandFree(_ key: Digest, for device: Device, in rows: any Rows) throws {
        let other = try rows.first(
            "SELECT device FROM stock_client WHERE mender_key = $1 AND device <> $2", [Value(key), Value(device.id)])
        guard other == nil else {
            throw Refusal(
                .conflict, "Another device has that key already.", hint: "Let the device make a key of its own.",
                rule: "key: one device")
        }
    }

    /// The same key once more changes nothing.
    static func accept(_ key: Digest, of device: Device, in change: Change) throws {
        var client = try StockClient.find(device.id, in: change.rows)
        guard client.menderKey != key else { return }
        client.tenure = device.passport.tenure?.id
        client.menderKey = key
        client.mender = MenderTickets()
        try client.keep(in: change)
        // The ledger is public, and the key is the same in the next ownership: nobody may see that there.
        let blinded = LeafCertificate.sha256(change.house.random(32) + key.bytes)
        try change.record(.deviceKeyAccepted(key: blinded), on: device.id)
    }

    package static func notAccepted(_ key: Digest) -> Refusal {
        Refusal(
            .unauthenticated, "The key with the SHA-256 \(key) is not accepted for any device.",
            hint: "Let the device's owner accept it: lifelong device adopt-tokens.", rule: "mender: key not accepted")
    }

    /// The device whose accepted key it is.
    package static func owner(of key: Digest, in rows: any Rows) throws -> Device? {
        guard let row = try rows.first("SELECT device FROM stock_client WHERE mender_key = $1", [Value(key)]) else {
            return nil
        }
        let id: DeviceID = try row.id("device")
        let device = try Device.require(id.text, in: rows)
        let client = try StockClient.find(id, in: rows)
        guard let tenure = client.tenure, device.passport.tenure?.id == tenure else { return nil }
        return device
    }
}
