import Logging
import Wire

/// The end of a tenure on the device: everything that was the owner's goes, and the birth key says so.
extension Agent {
    /// Steps: 1. the order is durable. 2. everything is deleted. 3. that is durable. 4. the receipt. 5. the order is done.
    /// A cut before 3 deletes again, after it sends the receipt again, always with the nonce that was received.
    func wipe(_ received: WipeOrder) async throws -> Next {
        var order = received
        if !order.done {
            // 1.
            try disk.write(order, as: home.wipe)
            // 2.
            try deleteTenure()
            try note("wiped", order.retired ? "Wiped, at the end of its life." : "Wiped, to change hands.")
            // 3.
            order.done = true
            order.doneAt = now
            try disk.write(order, as: home.wipe)
        }
        // 4.
        let receipt = Receipt(kind: .wiped, device: order.device, at: order.doneAt ?? now, nonce: order.nonce)
        do {
            try await birthClient().send(receipt, signedBy: birth.key)
        } catch let failure as ContactFailure where failure.isFinal || failure.deniesIdentity {
            // Another nonce stands by now, or the receipt had arrived: the status will say.
            around.logger.warning("The receipt of the wipe was not taken: \(failure)")
            if order.retired, failure.refusal.rule == Self.lifeIsOver { _ = try retire() }
            try disk.erase(home.wipe)
            return received.done ? .now : .after(pause())
        }
        // 5.
        if order.retired { _ = try retire() }
        try disk.erase(home.wipe)
        return try updates.needsRestart() ? .restart : .now
    }

    /// The rule by which a service refuses a device whose receipt it has.
    private static let lifeIsOver = "stage retired: contact"

    private func deleteTenure() throws {
        operational = nil
        belief = .unsure
        denied = nil
        try disk.erase(home.current)
        try disk.erase(home.pending)
        try destroyKeys(except: nil)
        // A release that nobody confirmed is the old owner's: back to the one before.
        if let trial = try updates.slots.trial() {
            if trial.verdict != .passed { try updates.giveUp(trial) }
            try updates.slots.endTrial()
        }
        try disk.erase(home.configuration)
        for folder in [home.configurations, home.operational, home.outbox, home.download, home.data] {
            try disk.removeFolder(folder)
        }
        try home.makeFolders(on: disk)
        try log.wipe()
    }
}
