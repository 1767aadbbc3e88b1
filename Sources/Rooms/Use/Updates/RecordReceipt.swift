import Passport
import Registry
import Store
import Wire

/// The device says what became of a release or a configuration, signed with its operational key; what became of a release
/// that it got in a stage without a back end (a remedy), with its birth key.
package struct RecordReceipt: Action {
    package static let name = "use/record-receipt"
    package static let permission = Permission.beDevice

    package var seal: Seal
    package init(seal: Seal) { self.seal = seal }

    package func perform(in change: Change) throws -> Done {
        let kinds: [Receipt.Kind] = [.updated, .rolledBack, .refused, .configured]
        guard let admitted = try Receipts.admit(seal, kinds: kinds, in: change) else { return Done() }
        let (device, receipt) = (admitted.device, admitted.receipt)
        if receipt.kind == .configured { try device.passport.demand(.backEnd) }
        // What is known already is kept as a receipt and is no second event.
        guard !isKnown(receipt, device.passport) else { return Done() }
        if receipt.kind != .configured {
            let passport = device.passport
            let offer = [passport.offeredUpdate, passport.earlierOffer].first { $0?.release == receipt.release }
            try passport.demand(.firmware, for: offer??.purpose ?? .ordinary)
        }
        switch receipt.kind {
        case .configured:
            try change.record(
                .configurationApplied(version: receipt.configuration ?? 0, receipt: admitted.sha256), on: device.id)
        case .updated:
            try change.record(
                .updated(
                    release: try release(receipt), sequence: receipt.sequence ?? 0, receipt: admitted.sha256),
                on: device.id)
        default:
            let reason = receipt.kind == .refused ? "refused" : "rolledBack"
            try change.record(
                .updateFailed(
                    release: try release(receipt), sequence: receipt.sequence ?? 0, reason: reason,
                    receipt: admitted.sha256), on: device.id)
            if receipt.kind == .refused {
                try Alarms.raise(
                    .artifactRefused, on: device.id,
                    detail: "\(device.serial) refused a release: \((receipt.reason ?? "no reason given").prefix(200))",
                    in: change)
            }
        }
        return Done()
    }

    private func isKnown(_ receipt: Receipt, _ passport: Passport) -> Bool {
        switch receipt.kind {
        case .configured: passport.configurationApplied > 0 && receipt.configuration == passport.configurationApplied
        case .updated: passport.installed.map { $0.release == receipt.release } ?? false
        default: false
        }
    }

    private func release(_ receipt: Receipt) throws(Refusal) -> Digest {
        guard let release = receipt.release else {
            throw Refusal(
                .malformed, "The receipt names no release.", hint: "Put the digest of the manifest's payload in.")
        }
        return release
    }
}
