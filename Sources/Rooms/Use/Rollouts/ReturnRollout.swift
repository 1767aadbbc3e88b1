import Passport
import Registry
import Rollout
import Store
import Wire

/// A rollout in the other direction is planned: the devices that run its release go back to the one before, if its signed manifest
/// lets them. In stages and by its numbers like any other, after a second person approved it.
package struct ReturnRollout: Action {
    package static let name = "use/return-rollout"
    package static let permission = Permission.publish
    package var rollout: RolloutID
    package init(rollout: RolloutID) { self.rollout = rollout }

    package func perform(in change: Change) throws -> PlanRollout.Answer {
        let stored = try StoredRollout.require(rollout, in: change.rows)
        guard stored.plan.returnsFrom == nil else {
            throw Refusal(
                .conflict, "The rollout is a return already.", hint: "Publish a release that mends what is wrong.",
                rule: "rollout: return")
        }
        guard let before = try stored.returns(in: change.rows) else {
            throw Refusal(
                .forbidden, "Release \(stored.plan.sequence) was published without a way back.",
                hint: "Publish the old software again under a higher number.", rule: "rollout: return")
        }
        var plan = stored.plan
        (plan.sequence, plan.returnsFrom) = (before, stored.plan.sequence)
        return try PlanRollout(plan: plan).perform(in: change)
    }
}
