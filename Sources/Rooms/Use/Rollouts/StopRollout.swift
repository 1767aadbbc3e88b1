import Passport
import Registry
import Rollout
import Store
import Wire

/// For ever: nothing more is offered, and what was offered and not installed is taken back.
package struct StopRollout: Action {
    package static let name = "use/stop-rollout"
    package static let permission = Permission.publish
    package var rollout: RolloutID
    /// The product's name, typed again: a stop is not taken back.
    package var confirm: String

    package init(rollout: RolloutID, confirm: String) {
        self.rollout = rollout
        self.confirm = confirm
    }

    package func perform(in change: Change) throws -> Done {
        let stored = try StoredRollout.require(rollout, in: change.rows)
        guard confirm == stored.plan.product.text else {
            throw Refusal(
                .conflict, "The stop is not confirmed.", hint: "Confirm it with the name \"\(stored.plan.product)\".",
                rule: "rollout: confirmed stop")
        }
        try Self.stop(stored, in: change)
        return Done()
    }

    static func stop(_ rollout: StoredRollout, in change: Change) throws {
        var stored = rollout
        try stored.state.stopByPerson()
        stored.gatheredTo = nil
        try stored.save(in: change.rows)
        try change.record(
            .rolloutStopped(rollout: stored.id, why: "asked", numbers: stored.state.numbers(stored.plan)))
    }
}
