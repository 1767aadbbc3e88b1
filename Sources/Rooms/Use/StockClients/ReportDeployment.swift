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
        try Deployment.report(action, messages, in: change) { deployment, device in
            guard deployment.state != .waiting else {
                throw Refusal(
                    .forbidden, "The action \(action) waits for its confirmation.",
                    hint: "Confirm it first: confirmationBase.", rule: "action: confirmation")
            }
            let outcome: Observation
            switch step {
            case .underWay: return deployment.state
            case .installed: outcome = .installed
            case .failed: outcome = .failed
            }
            let release = deployment.release
            try change.record(
                .updateObserved(release: release.digest, sequence: release.sequence, outcome: outcome), on: device)
            return .closed
        }
    }
}
