import Passport
import Registry
import Store
import Wire

/// A device is cut off from the back end, from its very next request on; what mends it may still reach it.
package struct QuarantineDevice: Action {
    package static let name = "use/quarantine-device"
    package static let permission = Permission.respond

    package var device: String
    /// A short word for the ledger, such as "tamper" or "clone"; no names of persons.
    package var reason: String

    package init(device: String, reason: String) {
        self.device = device
        self.reason = reason
    }

    package func perform(in change: Change) throws -> Done {
        guard Identifier<Void>.isValid(reason) else {
            throw Refusal(
                .malformed, "The reason is not one short word.",
                hint: "Use letters, digits and hyphens, such as \"suspected-tamper\"; it goes into the public ledger.")
        }
        try change.record(.quarantined(reason: reason), on: change.device(device).id)
        return Done()
    }
}

/// A person looked at it and lets it back.
package struct RestoreDevice: Action {
    package static let name = "use/restore-device"
    package static let permission = Permission.respond
    package var device: String
    package init(device: String) { self.device = device }

    package func perform(in change: Change) throws -> Done {
        try change.record(.restored, on: change.device(device).id)
        return Done()
    }
}
