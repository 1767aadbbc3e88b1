import Passport
import Registry
import Store
import Wire

/// The device is offered no release above one, by nobody and no rollout, until somebody releases it. What waits for it and is
/// above that is taken back.
package struct HoldUpdates: Action {
    package static let name = "use/hold-updates"
    package static let permission = Permission.publish
    package var device: String
    /// The highest release that it may be offered (a pin); what it runs now if this is missing (a hold).
    package var highest: Int?

    package init(device: String, highest: Int? = nil) {
        self.device = device
        self.highest = highest
    }

    package struct Answer: Codable, Sendable, Equatable {
        package var highest: Int
    }

    package func perform(in change: Change) throws -> Answer {
        let device = try change.device(device)
        let highest = highest ?? device.passport.installed?.sequence ?? 0
        guard highest >= 0 else {
            throw Refusal(
                .malformed, "There is no release \(highest).", hint: "Give the sequence of a release, or none.")
        }
        try UpdateHolds.hold(device.id, at: highest, in: change)
        try change.record(.updatesHeld(device: device.id, highest: highest))
        if let offered = device.passport.offeredUpdate, offered.sequence > highest, device.passport.stage != .retired {
            try change.record(.updateWithdrawn(release: offered.release, sequence: offered.sequence), on: device.id)
        }
        return Answer(highest: highest)
    }
}

/// The device is offered releases like any other again.
package struct ReleaseUpdates: Action {
    package static let name = "use/release-updates"
    package static let permission = Permission.publish
    package var device: String
    package init(device: String) { self.device = device }

    package func perform(in change: Change) throws -> Done {
        let device = try change.device(device)
        guard try UpdateHolds.release(device.id, in: change.rows) else {
            throw Refusal(.conflict, "Nobody holds the device.", hint: "Nothing is left to do.", rule: "update: hold")
        }
        try change.record(.updatesReleased(device: device.id))
        return Done()
    }
}
