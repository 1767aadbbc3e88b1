import Passport
import Registry
import Store
import Wire

/// The device wiped itself and signed the nonce of the order with its birth key. After a transfer it is the buyer's from
/// here on: the receipt is also the proof of presence, so that the new tenure has the grade `proven`.
///
/// 1. If a buyer waits, the new tenure's data key is made and wrapped. 2. In one transaction the receipt is verified and kept,
/// and the tenure opens.
package struct RecordWipe: Ceremony {
    package static let name = "transfer/record-wipe"
    package static let permission = Permission.beDevice

    package var seal: Seal
    package init(seal: Seal) { self.seal = seal }

    package func perform(in house: House, as principal: Principal) async throws -> Done {
        let prepared = try await hasBuyer(in: house, principal) ? Tenures.prepare(in: house) : nil
        return try await house.change(as: principal) { change in try record(opening: prepared, in: change) }
    }

    private func hasBuyer(in house: House, _ principal: Principal) async throws -> Bool {
        guard let device = principal.device else { return false }
        return try await house.read { rows in
            try rows.first(
                "SELECT device FROM transfer WHERE device = $1 AND to_owner IS NOT NULL", [Value(device)]) != nil
        }
    }

    private func record(opening prepared: Tenures.Prepared?, in change: Change) throws -> Done {
        guard let admitted = try Receipts.admit(seal, kinds: [.wiped], in: change) else { return Done() }
        let device = admitted.device
        try WipeOrders.fulfil(admitted.receipt.nonce, for: device.id, in: change)
        let passport = try change.record(.wiped(receipt: admitted.sha256), on: device.id)
        guard passport.stage == .claimable else { return Done() }
        let row = try change.rows.first("SELECT to_owner FROM transfer WHERE device = $1", [Value(device.id)])
        try change.rows.execute("DELETE FROM transfer WHERE device = $1", [Value(device.id)])
        if let buyer = row?.optionalText("to_owner") {
            guard let prepared else {
                throw Refusal(
                    .conflict, "The device was accepted at this moment.", hint: "Send the receipt again.",
                    retryAfterSeconds: 1)
            }
            try Tenures.open(
                change.device(device.id.text), for: OwnerID(buyer), grade: .proven, as: prepared, in: change)
        }
        return Done()
    }
}
