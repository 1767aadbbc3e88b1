import Passport
import Registry
import Rollout
import Store
import Wire

/// Nothing more is offered until somebody resumes it; what was offered goes on, and is judged.
package struct PauseRollout: Action {
    package static let name = "use/pause-rollout"
    package static let permission = Permission.publish
    package var rollout: RolloutID
    package init(rollout: RolloutID) { self.rollout = rollout }

    package func perform(in change: Change) throws -> Done {
        var stored = try StoredRollout.require(rollout, in: change.rows)
        try stored.state.pauseByPerson()
        try stored.save(in: change.rows)
        try change.record(
            .rolloutPaused(
                rollout: rollout, why: RolloutState.Pause.asked.rawValue, numbers: stored.state.numbers(stored.plan)))
        return Done()
    }
}

/// A person has looked: it goes on, and if it stood behind a stage, with the next one.
package struct ResumeRollout: Action {
    package static let name = "use/resume-rollout"
    package static let permission = Permission.publish
    package var rollout: RolloutID
    package init(rollout: RolloutID) { self.rollout = rollout }

    package func perform(in change: Change) throws -> Done {
        var stored = try StoredRollout.require(rollout, in: change.rows)
        try stored.state.resume()
        try stored.save(in: change.rows)
        try change.record(.rolloutResumed(rollout: rollout))
        return Done()
    }
}
