import Passport
import Registry
import Store
import Wire

/// A stock client tells more of its last action, which may be over: its log comes after its failure.
package struct NoteDeployment: Action {
    package static let name = "use/note-deployment"
    package static let permission = Permission.beDevice

    package var action: Int64
    package var messages: [String]

    package init(action: Int64, messages: [String]) {
        self.action = action
        self.messages = messages
    }

    package func perform(in change: Change) throws -> Done {
        let device = try change.caller()
        try device.passport.demand(.firmware, for: .remedy)
        var client = try StockClient.find(device.id, in: change.rows)
        guard var progress = client.progress, progress.action == action else {
            throw Refusal(
                .notFound, "The device did not report anything of the action \(action) lately.",
                hint: "Report its status first.")
        }
        progress.messages = StockClient.messages(messages, after: progress.messages)
        guard progress != client.progress else { return Done() }
        client.progress = progress
        try client.keep(in: change)
        return Done()
    }
}
