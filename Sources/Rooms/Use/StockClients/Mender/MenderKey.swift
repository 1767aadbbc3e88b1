import Passport
import Registry
import Store
import Trust
import Wire

/// The key of a Mender client: its owner accepts it, and from then on it is that device's, for the tenure.
package enum MenderKey {
    /// More than an RSA key of 8192 bits has.
    package static let maximumBytes = 4096

    /// What stands in a list: Base64 of the key's SubjectPublicKeyInfo (DER), or the SHA-256 of that in hexadecimal.
    static func digest(_ text: String) throws(Refusal) -> Digest {
        if text.utf8.count == 64, let digest = Digest(hex: text) { return digest }
        guard text.utf8.count <= maximumBytes, let spki = Base64.decode(text) else {
            throw Refusal(
                .malformed, "That is neither a public key nor its SHA-256.",
                hint: "Bring what stands between the lines of the PEM, or the SHA-256 of its DER in hexadecimal.")
        }
        try KeyQuality.demand(spki)
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
        try change.record(.deviceKeyAccepted(key: key), on: device.id)
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
