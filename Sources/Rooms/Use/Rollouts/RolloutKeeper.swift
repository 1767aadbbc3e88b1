import Passport
import Registry
import Rollout
import Store
import Wire

/// Advances the rollouts that are under way, step by step, for as long as the server runs; any number of nodes do. Whoever comes
/// second to a step finds another version of the rollout and does nothing.
package struct RolloutKeeper: Sendable {
    private let house: House
    package init(_ house: House) { self.house = house }

    /// Runs until its task is cancelled.
    package func run() async {
        var outage = Outage("rollouts cannot be advanced", log: house.log)
        while !Task.isCancelled {
            var pause = Duration.seconds(1)
            let began = ContinuousClock.now
            do {
                // Half of the time at most is spent on them.
                if try await round() { pause = max(.milliseconds(20), began.duration(to: .now)) }
                outage.works()
            } catch {
                outage.failed(error)
            }
            try? await Task.sleep(for: min(pause, .seconds(1)))
        }
    }

    /// One step of each; true if there is more to do at once. One that cannot be advanced holds up no other.
    package func round() async throws -> Bool {
        var more = false
        var trouble: (any Error)?
        for rollout in try await house.read({ try StoredRollout.active(in: $0) }) {
            do {
                if try await step(rollout) { more = true }
            } catch {
                trouble = error
            }
        }
        if let trouble, !more { throw trouble }
        return more
    }

    private func step(_ rollout: StoredRollout) async throws -> Bool {
        let found = try await house.read { rows -> (page: RolloutCandidates.Page?, isDue: Bool) in
            let now = try house.instant(in: rows)
            let page = try candidates(rollout, at: now, in: rows)
            return (page, try page != nil || isDue(rollout, at: now, in: rows))
        }
        guard found.isDue else { return false }
        return try await house.change(as: .system) { change in
            // Somebody else has taken this step.
            guard let present = try StoredRollout.find(rollout.id, in: change.rows), present.version == rollout.version
            else { return true }
            var step = RolloutStep(present, in: change)
            return try step.perform(found.page)
        }
    }

    /// Outside of the transaction, because a walk over the fleet takes its time.
    private func candidates(
        _ rollout: StoredRollout, at now: Timestamp, in rows: any Rows
    ) throws -> RolloutCandidates.Page? {
        let state = rollout.state
        guard state.status == .running || state.status == .complete, state.isChecked(state.stage),
            rollout.gatherAt <= now
        else { return nil }
        return try RolloutCandidates(of: rollout.plan, in: rollout.id, at: now).page(
            upTo: state.stage, after: rollout.gatheredTo, isNew: true, in: rows)
    }

    /// Whether the ledger has news, or a device's time has come.
    private func isDue(_ rollout: StoredRollout, at now: Timestamp, in rows: any Rows) throws -> Bool {
        let size = try rows.first("SELECT size FROM ledger_size WHERE one = 1")?.int("size") ?? 0
        if rollout.heard < Int64(size) || rollout.state.status == .stopped { return true }
        let release = try StoredRelease.find(rollout.plan.sequence, of: rollout.plan.product, in: rows)
        let isOffered = try release?.isOffered(in: rows) ?? false
        return try RolloutStep.dueStates(rollout, isOffered: isOffered).contains { state in
            try rows.first(
                "SELECT device FROM rollout_member WHERE rollout = $1 AND state = $2 AND due <= $3 LIMIT 1",
                [Value(rollout.id), .text(state.rawValue), Value(now)]) != nil
        }
    }
}
