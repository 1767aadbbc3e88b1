import Crypto
import Passport
import Store
import Trust
import Wire

/// Orders to wipe, each with a fresh nonce that its receipt must carry: a receipt counts once, and only for its order.
package enum WipeOrders {
    package static func issue(for device: DeviceID, in change: Change) throws {
        try change.rows.execute("DELETE FROM nonce WHERE device = $1 AND purpose = 'wipe'", [Value(device)])
        try change.rows.execute(
            "INSERT INTO nonce (nonce, device, purpose, expires, used) VALUES ($1, $2, 'wipe', NULL, 0)",
            [.text(Base64.encode(change.house.random(32))), Value(device)])
    }

    package static func pending(for device: DeviceID, in rows: any Rows) throws -> String? {
        try rows.first(
            "SELECT nonce FROM nonce WHERE device = $1 AND purpose = 'wipe' AND used = 0", [Value(device)])?.text(
                "nonce")
    }

    package static func fulfil(_ nonce: String?, for device: DeviceID, in change: Change) throws {
        let used = try change.rows.execute(
            "UPDATE nonce SET used = 1 WHERE nonce = $1 AND device = $2 AND purpose = 'wipe' AND used = 0",
            [.text(nonce ?? ""), Value(device)])
        guard used == 1 else {
            throw Refusal(
                .conflict, "That nonce is not of an open order to wipe this device.",
                hint: "Ask for the status again and answer the order in it.", rule: "receipt: nonce")
        }
    }
}

/// The code that a buyer types: 80 bits, so that a plain hash keeps it.
package enum TransferCode {
    package static let randomBytes = 10

    package static func make(_ random: [UInt8]) -> String {
        let text = Array(CrockfordBase32.encode(random))
        return stride(from: 0, to: text.count, by: 4).map { String(text[$0..<min($0 + 4, text.count)]) }
            .joined(separator: "-")
    }

    /// SHA-256 over the device and the code as it was made, however it was typed.
    package static func hash(_ code: String, _ device: DeviceID) -> String {
        let plain = CrockfordBase32.normalize(code, count: 16) ?? ""
        return Wire.Digest(SHA256.hash(data: Array("\(device):\(plain)".utf8))).description
    }
}
