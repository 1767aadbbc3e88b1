import Passport
import Registry
import Store
import Trust
import Wire

/// The owner lets a device be served that cannot show a certificate: its stock client gets a token (hawkBit's target
/// token). It belongs to the tenure and ends with it; a new one ends the one before.
package struct IssueDeviceToken: Action {
    package static let name = "use/issue-device-token"
    package static let permission = Permission.own

    package var device: String

    package init(device: String) { self.device = device }

    package struct Answer: Codable, Sendable {
        /// Shown once.
        package var token: String
    }

    package func perform(in change: Change) throws -> Answer {
        let device = try change.device(device)
        try Access.demandOwner(of: device, change.principal)
        try device.passport.demand(.backEnd)
        let token = DeviceToken.make(change.house.random(DeviceToken.randomBytes))
        try DeviceToken.give(token, to: device, in: change)
        return Answer(token: token)
    }
}

/// 256 random bits in hexadecimal, kept as a hash over the device and the token: what one device has opens nothing of
/// another's.
package enum DeviceToken {
    static let randomBytes = 32
    /// Longer ones are nobody's.
    package static let maximumBytes = 256
    /// What hawkBit makes has so many; shorter ones could be guessed, because a plain hash keeps them.
    static let leastBytes = 32
    static let mostBytes = 128

    static func make(_ random: [UInt8]) -> String { Digest(random).description }

    static func check(_ token: String) throws(Refusal) {
        guard (leastBytes...mostBytes).contains(token.utf8.count), token.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else {
            throw Refusal(
                .malformed, "That cannot be a device's token.",
                hint: "Bring one of \(leastBytes) to \(mostBytes) random printable characters, or let one be made.")
        }
    }

    static func give(_ token: String, to device: Device, in change: Change) throws {
        var client = try StockClient.find(device.id, in: change.rows)
        let (tenure, hash) = (device.passport.tenure?.id, hash(token, device.id))
        // Taken over again, such as by a list that was read half the first time: nothing new.
        guard client.tenure != tenure || client.token != hash else { return }
        client.tenure = tenure
        client.token = hash
        try client.keep(in: change)
        try change.record(.deviceTokenIssued, on: device.id)
    }

    static func hash(_ token: String, _ device: DeviceID) -> Digest {
        LeafCertificate.sha256(Array("lifelong device token v1\n\(device)\n\(token)".utf8))
    }

    /// The device of that name, if the token is that of its open tenure.
    package static func admit(_ token: String, of name: String, in rows: any Rows) throws -> (Device, StockClient)? {
        guard let device = try Device.find(name, in: rows) else { return nil }
        let client = try StockClient.find(device.id, in: rows)
        guard let kept = client.token, let tenure = client.tenure, device.passport.tenure?.id == tenure,
            ConstantTime.equal(hash(token, device.id).bytes, kept.bytes)
        else { return nil }
        return (device, client)
    }
}
