import Passport
import Registry
import Store
import Wire

/// The device answers the challenge of a pairing: it signed the fresh nonce with its birth key, so it is here, now.
///
/// The receipt is verified against the birth key, the nonce is judged, and the tenure opens.
package struct ProvePresence: Action {
    package static let name = "pairing/prove-presence"
    package static let permission = Permission.beDevice
    package var seal: Seal
    package init(seal: Seal) { self.seal = seal }

    package func perform(in change: Change) throws -> Done {
        guard let admitted = try Receipts.admit(seal, kinds: [.pairingProof], in: change) else { return Done() }
        let device = admitted.device
        guard
            let row = try change.rows.first(
                "SELECT owner, nonce, expires FROM pairing WHERE device = $1", [Value(device.id)]),
            try row.text("nonce") == admitted.receipt.nonce
        else {
            throw Refusal(
                .conflict, "That nonce is not the one that this device was given.",
                hint: "Ask for the status again and sign the nonce in it.", rule: "pairing: nonce")
        }
        guard try row.time("expires") > change.now else {
            throw Refusal(
                .gone, "The challenge has expired.", hint: "Ask the owner to start the pairing again.",
                rule: "pairing: nonce")
        }
        try device.passport.demand(.pair)
        try Tenures.open(device, for: row.id("owner"), grade: .proven, in: change)
        return Done()
    }
}
