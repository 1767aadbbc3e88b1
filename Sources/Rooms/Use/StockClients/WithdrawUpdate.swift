import Passport
import Registry
import Store
import Wire

/// An offer is taken back. A device whose client has begun with it is asked to stop, and gets no more bytes meanwhile;
/// the offer ends when it agrees, or at once with `force`. From every other device it is gone at once.
package struct WithdrawUpdate: Action {
    package static let name = "use/withdraw-update"
    package static let permission = Permission.publish

    package var device: String
    /// Do not wait for a client that has begun. What it installs all the same is not recorded.
    package var force: Bool?

    package init(device: String, force: Bool? = nil) {
        self.device = device
        self.force = force
    }

    package struct Answer: Codable, Sendable, Equatable {
        /// False: the client has begun, and was asked to stop.
        package var withdrawn: Bool
    }

    package func perform(in change: Change) throws -> Answer {
        let device = try change.device(device)
        guard let offered = device.passport.offeredUpdate else {
            throw Refusal(
                .conflict, "Nothing is offered to the device.", hint: "Look at the device again.",
                rule: "passport: update")
        }
        var client = try StockClient.find(device.id, in: change.rows)
        let action = try Deployment.action(offering: offered.release, to: device.id, in: change.rows)
        if var progress = client.progress, progress.action == action, progress.state != .closed {
            let hasBegun = progress.state != .waiting
            progress.state = hasBegun && force != true ? .cancelling : .closed
            client.progress = progress
            try client.keep(in: change)
            if progress.state == .cancelling { return Answer(withdrawn: false) }
        }
        try change.record(.updateWithdrawn(release: offered.release, sequence: offered.sequence), on: device.id)
        return Answer(withdrawn: true)
    }
}

/// A stock client says whether it stops.
package struct ReportCancellation: Action {
    package static let name = "use/report-cancellation"
    package static let permission = Permission.beDevice
    /// The action goes on, or nobody asked for its end.
    package static let notCancelable = "action: not cancelable"

    package enum Step: String, Codable, Sendable { case underWay, stopped, goesOn }

    package var action: Int64
    package var step: Step
    package var messages: [String]

    package init(action: Int64, step: Step, messages: [String] = []) {
        self.action = action
        self.step = step
        self.messages = messages
    }

    package func perform(in change: Change) throws -> Done {
        try Deployment.report(action, messages, in: change) { deployment, device in
            guard deployment.state == .cancelling else {
                throw Refusal(
                    .conflict, "Nobody asked to cancel the action \(action).",
                    hint: "Poll, and take what the answer links to.", rule: Self.notCancelable)
            }
            switch step {
            case .underWay: return .cancelling
            case .goesOn: return .running
            case .stopped:
                let release = deployment.release
                try change.record(.updateWithdrawn(release: release.digest, sequence: release.sequence), on: device)
                return .closed
            }
        }
    }
}
