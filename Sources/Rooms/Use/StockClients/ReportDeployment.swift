import Passport
import Registry
import Store
import Wire

/// A stock client says how its action goes, and in the end how it went. It signs nothing: what it says is recorded as the
/// server's observation.
package struct ReportDeployment: Action {
    package static let name = "use/report-deployment"
    package static let permission = Permission.beDevice

    /// What a report does to the action; only the last two end it.
    package enum Step: String, Codable, Sendable { case underWay, installed, failed }

    package var action: Int64
    package var step: Step
    package var messages: [String]

    package init(action: Int64, step: Step, messages: [String] = []) {
        self.action = action
        self.step = step
        self.messages = messages
    }

    package func perform(in change: Change) throws -> Done {
        let device = try change.caller()
        var client = try StockClient.find(device.id, in: change.rows)
        let deployment = try Deployment.demand(action, of: device, client, in: change)
        guard deployment.state != .waiting else {
            throw Refusal(
                .forbidden, "The action \(action) waits for its confirmation.",
                hint: "Confirm it first: confirmationBase.", rule: "action: confirmation")
        }
        let outcome: Observation? =
            switch step {
            case .underWay: nil
            // It was told to skip, and SWUpdate says of what it skipped that it is done.
            case .installed where deployment.window == .unavailable: nil
            case .installed: .installed
            case .failed: .failed
            }
        if let outcome {
            let release = deployment.release
            try change.record(
                .updateObserved(release: release.digest, sequence: release.sequence, outcome: outcome), on: device.id)
        }
        client.progress = .init(
            action: action, state: outcome == nil ? deployment.state : .closed,
            messages: StockClient.messages(messages, after: deployment.messages))
        try client.keep(in: change)
        return Done()
    }
}

extension Change {
    /// The device that asks for itself.
    func caller() throws -> Device {
        guard let id = principal.device else {
            throw Refusal(.forbidden, "Only a device says this of itself.", hint: "Let the device send it.")
        }
        return try device(id.text)
    }
}
