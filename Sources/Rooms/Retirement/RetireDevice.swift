import Passport
import Registry
import Store
import Wire

/// The end of a life: every right and credential ends in one transaction; what is left is the order to wipe, and once its
/// receipt is in (`RecordWipe`), nothing.
package struct RetireDevice: Action {
    package static let name = "retirement/retire-device"
    package static let permission = Permission.retire

    package var device: String
    package var how: RetirementKind

    package init(device: String, how: RetirementKind) {
        self.device = device
        self.how = how
    }

    package func perform(in change: Change) throws -> Done {
        let device = try change.device(device)
        guard device.passport.stage != .retired else {
            throw Refusal(
                .conflict, "The device is retired already.", hint: "Nothing is left to do.",
                rule: "stage retired: retire")
        }
        try Tenures.end(device, because: .cessationOfOperation, in: change)
        try Revocation.revokeAll(of: device.id, because: .cessationOfOperation, in: change)
        try change.record(.retired(how: how), on: device.id)
        for table in ["pairing", "transfer", "contact"] {
            try change.rows.execute("DELETE FROM \(table) WHERE device = $1", [Value(device.id)])
        }
        try WipeOrders.issue(for: device.id, in: change)
        return Done()
    }
}
