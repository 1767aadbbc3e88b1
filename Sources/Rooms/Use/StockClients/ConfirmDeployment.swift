import Passport
import Registry
import Store
import Wire

/// Somebody at the device lets its stock client take an update, or does not.
package struct ConfirmDeployment: Action {
    package static let name = "use/confirm-deployment"
    package static let permission = Permission.beDevice

    package var action: Int64
    package var confirmed: Bool
    package var messages: [String]

    package init(action: Int64, confirmed: Bool, messages: [String] = []) {
        self.action = action
        self.confirmed = confirmed
        self.messages = messages
    }

    package func perform(in change: Change) throws -> Done {
        try Deployment.report(action, messages, in: change) { deployment, _ in
            guard deployment.state == .waiting else {
                throw Refusal(
                    .gone, "The action \(action) waits for no confirmation.",
                    hint: "Poll, and take what the answer links to.", rule: "action: confirmation")
            }
            return confirmed ? .running : .waiting
        }
    }
}

/// Somebody at the device confirms all updates to come, or takes that back.
package struct SetAutoConfirm: Action {
    package static let name = "use/auto-confirm"
    package static let permission = Permission.beDevice

    package var isActive: Bool
    package var initiator: String
    package var remark: String

    package init(isActive: Bool, initiator: String = "", remark: String = "") {
        self.isActive = isActive
        self.initiator = initiator
        self.remark = remark
    }

    package func perform(in change: Change) throws -> Done {
        let device = try change.caller()
        try device.passport.demand(.backEnd)
        var client = try StockClient.find(device.id, in: change.rows)
        client.autoConfirm =
            isActive
            ? .init(
                initiator: StockClient.printable(initiator, atMost: 64),
                remark: StockClient.printable(remark, atMost: StockClient.maximumMessageBytes), at: change.now) : nil
        try client.keep(in: change)
        return Done()
    }
}
