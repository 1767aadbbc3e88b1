import Passport
import Registry
import Store
import Wire

/// The owner gives a device away: it is cut off from now on, and whoever has the code may accept it. Reversible until then.
package struct OfferDevice: Action {
    package static let name = "transfer/offer-device"
    package static let permission = Permission.own

    package var device: String
    /// How long the offer stands.
    package var days: Int

    package init(device: String, days: Int = 14) {
        self.device = device
        self.days = days
    }

    package struct Answer: Codable, Sendable {
        /// Shown once; the buyer types it. Kept only as a hash.
        package var code: String
    }

    package func perform(in change: Change) throws -> Answer {
        guard (1...90).contains(days) else {
            throw Refusal(.malformed, "An offer stands 1 to 90 days.", hint: "Choose such a number.")
        }
        let device = try change.device(device)
        try Access.demandOwner(of: device, change.principal)
        try change.record(.offered, on: device.id)
        let code = TransferCode.make(change.house.random(TransferCode.randomBytes))
        try change.rows.execute("DELETE FROM transfer WHERE device = $1", [Value(device.id)])
        try change.rows.execute(
            "INSERT INTO transfer (device, code_hash, failures, to_owner, expires) VALUES ($1, $2, 0, NULL, $3)",
            [Value(device.id), .text(TransferCode.hash(code, device.id)), Value(change.now.adding(days: Int64(days)))])
        return Answer(code: code)
    }
}

/// The owner takes the offer back.
package struct WithdrawOffer: Action {
    package static let name = "transfer/withdraw-offer"
    package static let permission = Permission.own
    package var device: String
    package init(device: String) { self.device = device }

    package func perform(in change: Change) throws -> Done {
        let device = try change.device(device)
        try Access.demandOwner(of: device, change.principal)
        try change.record(.offerWithdrawn, on: device.id)
        try change.rows.execute("DELETE FROM transfer WHERE device = $1", [Value(device.id)])
        return Done()
    }
}
