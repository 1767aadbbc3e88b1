import Passport
import Registry
import Store
import Wire

/// The device answers the challenge of a pairing: it signed the fresh nonce with its birth key, so it is here, now.
///
/// 1. If the nonce is the one that waits, the tenure's data key is made and wrapped. 2. In one transaction the receipt is
/// verified against the birth key, the nonce is judged, and the tenure opens.
package struct ProvePresence: Ceremony {
    package static let name = "pairing/prove-presence"
    package static let permission = Permission.beDevice
    package var seal: Seal
    package init(seal: Seal) { self.seal = seal }

    package func perform(in house: House, as principal: Principal) async throws -> Done {
        // Only for a nonce that waits: whoever sends anything else costs the key store nothing.
        let prepared = try await isAwaited(in: house, principal) ? Tenures.prepare(in: house) : nil
        return try await house.change(as: principal) { change in try open(as: prepared, in: change) }
    }

    private func isAwaited(in house: House, _ principal: Principal) async throws -> Bool {
        guard let device = principal.device,
            let nonce = try? CanonicalJSON.decode(
                Receipt.self, from: seal.payloadBytes(), limit: DeviceAPI.maximumReceiptBytes
            ).nonce
        else { return false }
        return try await house.read { rows in
            try rows.first(
                "SELECT device FROM pairing WHERE device = $1 AND nonce = $2", [Value(device), .text(nonce)]) != nil
        }
    }

    private func open(as prepared: Tenures.Prepared?, in change: Change) throws -> Done {
        guard let admitted = try Receipts.admit(seal, kinds: [.pairingProof], in: change) else { return Done() }
        let device = admitted.device
        guard
            let row = try change.rows.first(
                "SELECT owner, nonce, expires FROM pairing WHERE device = $1", [Value(device.id)]),
            try row.text("nonce") == admitted.receipt.nonce, let prepared
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
        try Tenures.open(device, for: row.id("owner"), grade: .proven, as: prepared, in: change)
        try PairDevice.spendSecret(of: device, shownFor: .proven, in: change)
        return Done()
    }
}
