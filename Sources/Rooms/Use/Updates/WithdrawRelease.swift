import Passport
import Registry
import Rollout
import Store
import Wire

/// A release is taken off, for ever: nobody is offered it, who was and has not installed it gets no more of it, and its rollouts
/// stop. Only of a release that the house alone sealed; of one in update metadata, its signers decide (`ProposeRelease`).
package struct WithdrawRelease: Action {
    package static let name = "use/withdraw-release"
    package static let permission = Permission.publish
    package var product: ProductID
    package var sequence: Int
    /// The product's name, typed again: a withdrawal is not taken back.
    package var confirm: String

    package init(product: ProductID, sequence: Int, confirm: String) {
        self.product = product
        self.sequence = sequence
        self.confirm = confirm
    }

    package struct Answer: Codable, Sendable, Equatable {
        /// Rollouts that stopped with it.
        package var stopped: [RolloutID]
    }

    package static func demand(_ confirm: String, for product: ProductID) throws(Refusal) {
        guard confirm == product.text else {
            throw Refusal(
                .conflict, "The withdrawal is not confirmed.", hint: "Confirm it with the name \"\(product)\".",
                rule: "release: confirmed withdrawal")
        }
    }

    package func perform(in change: Change) throws -> Answer {
        guard let release = try StoredRelease.find(sequence, of: product, in: change.rows) else {
            throw Refusal(
                .notFound, "There is no release \(sequence) of \"\(product)\".", hint: "Look at: lifelong release list")
        }
        try Self.demand(confirm, for: product)
        try release.withdraw(in: change)
        var stopped: [RolloutID] = []
        for rollout in try StoredRollout.all(of: release.digest, in: change.rows)
        where ![.stopped, .closed].contains(rollout.state.status) {
            try StopRollout.stop(rollout, in: change)
            stopped.append(rollout.id)
        }
        return Answer(stopped: stopped)
    }
}
