import Passport
import Registry
import Store
import Wire

/// The device wiped itself and signed the nonce of the order with its birth key. After a transfer it is the buyer's from
/// here on: the receipt is also the proof of presence, so that the new tenure has the grade `proven`.
package struct RecordWipe: Action {
    package static let name = "transfer/record-wipe"
    package static let permission = Permission.beDevice

    package var seal: Seal
    package init(seal: Seal) { self.seal = seal }

    package func perform(in change: Change) throws -> Done {
        guard let admitted = try Receipts.admit(seal, kinds: [.wiped], in: change) else { return Done() }
        let device = admitted.device
        try WipeOrders.fulfil(admitted.receipt.nonce, for: device.id, in: change)
        let passport = try change.record(.wiped(receipt: admitted.sha256), on: device.id)
        guard passport.stage == .claimable else { return Done() }
        let row = try change.rows.first("SELECT to_owner FROM transfer WHERE device = $1", [Value(device.id)])
        try change.rows.execute("DELETE FROM transfer WHERE device = $1", [Value(device.id)])
        if let buyer = row?.optionalText("to_owner") {
            try Tenures.open(change.device(device.id.text), for: OwnerID(buyer), grade: .proven, in: change)
        }
        return Done()
    }
}
