import Passport
import Registry
import Rollout
import Store
import Wire

/// A second person has read the plan and says that it may start.
package struct ApproveRollout: Action {
    package static let name = "use/approve-rollout"
    package static let permission = Permission.publish
    package var rollout: RolloutID
    package init(rollout: RolloutID) { self.rollout = rollout }

    package func perform(in change: Change) throws -> Done {
        var stored = try StoredRollout.require(rollout, in: change.rows)
        try stored.state.approve(planner: stored.plannedBy, approver: change.principal.person)
        stored.approvedBy = change.principal.person
        try stored.save(in: change.rows)
        try change.record(.rolloutApproved(rollout: rollout))
        return Done()
    }
}

/// The first stage opens. A rollout of the same product that has passed all its stages ends with it.
package struct StartRollout: Action {
    package static let name = "use/start-rollout"
    package static let permission = Permission.publish
    package var rollout: RolloutID
    package init(rollout: RolloutID) { self.rollout = rollout }

    package func perform(in change: Change) throws -> Done {
        var stored = try StoredRollout.require(rollout, in: change.rows)
        try stored.state.start(at: change.now)
        for var other in try StoredRollout.active(of: stored.plan.product, in: change.rows) {
            switch other.state.status {
            case .complete:
                try other.state.close()
                other.isActive = false
                try other.save(in: change.rows)
                try change.record(.rolloutClosed(rollout: other.id))
            case .running, .paused:
                throw Refusal(
                    .conflict, "Rollout \(other.id) of the same product is \(other.state.status.rawValue).",
                    hint: "Wait for its end, or stop it.", rule: "rollout: one a product")
            case .planned, .approved, .stopped, .closed: break
            }
        }
        stored.isActive = true
        stored.heard = change.lastIndex + 1
        stored.gatherAt = change.now
        try stored.save(in: change.rows)
        try change.record(.rolloutStarted(rollout: rollout))
        return Done()
    }
}
