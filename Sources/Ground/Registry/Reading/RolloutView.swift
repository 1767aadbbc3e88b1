import Passport
import Rollout
import Wire

/// A rollout, as people read it.
package struct RolloutView: Codable, Sendable, Equatable {
    /// A failure share with what it says, in parts of 10,000.
    package struct Share: Codable, Sendable, Equatable {
        package var failures: Int
        package var answers: Int
        /// 95 % bounds, one-sided each.
        package var lower: Int
        package var upper: Int
        /// Where the rollout stops.
        package var line: Int
        /// Too few answers to conclude anything from.
        package var isTooFew: Bool
    }

    package var rollout: RolloutID
    package var release: Digest
    package var status: RolloutState.Status
    /// Why it waits for a person.
    package var pause: RolloutState.Pause?
    /// What the outside check said against it, or why nobody heard it.
    package var trouble: String?
    /// The stage that the outside check is asked about, counted from 1.
    package var asked: Int?
    /// The release that devices may go back to from this rollout's, by its signed manifest; nil in a list.
    package var mayReturnTo: Int?
    /// How long it still takes; nil in a list, and of one that is over.
    package var forecast: RolloutForecast?
    /// Who wrote it down and who approved it, by their names; nil in a list.
    package var planner: String?
    package var approver: String?
    package var plan: RolloutPlan
    package var plannedAt: Timestamp
    package var plannedBy: PersonID?
    package var approvedBy: PersonID?
    /// The open stage, counted from 1.
    package var stage: Int
    package var stageOpened: Timestamp?
    /// Every device of the open stage is found.
    package var isGathered: Bool
    /// Of each stage, in order.
    package var counts: [RolloutCounts]
    package var ofStage: Share
    package var ofAll: Share

    init(_ stored: StoredRollout) {
        let (plan, state) = (stored.plan, stored.state)
        func share(_ counts: RolloutCounts) -> Share {
            func parts(_ share: Double) -> Int { Int((share * Double(RolloutPlan.whole)).rounded()) }
            return Share(
                failures: counts.failures, answers: counts.answered,
                lower: parts(FailureShare.lower(counts.failures, of: counts.answered)),
                upper: parts(FailureShare.upper(counts.failures, of: counts.answered)), line: plan.failureLine,
                isTooFew: counts.answered < plan.minimumSample)
        }
        rollout = stored.id
        release = stored.release
        (status, pause, trouble) = (state.status, state.pause, state.outside?.trouble)
        asked = state.asked.map { $0 + 1 }
        self.plan = plan
        (plannedAt, plannedBy, approvedBy) = (stored.plannedAt, stored.plannedBy, stored.approvedBy)
        stage = state.stage + 1
        stageOpened = state.stageOpened
        isGathered = state.isGathered
        counts = state.counts
        ofStage = share(state.counts[state.stage])
        ofAll = share(state.all)
    }
}

/// What became of releases on one device.
package struct UpdateHistory: Codable, Sendable, Equatable {
    /// Its place in a rollout.
    package struct Part: Codable, Sendable, Equatable {
        package var rollout: RolloutID
        /// The release's.
        package var sequence: Int
        /// Counted from 1.
        package var stage: Int
        package var state: RolloutMember.State
        /// Since when.
        package var at: Timestamp
    }
    package var device: DeviceID
    package var serial: String
    /// Releases that were offered, installed, refused, given up or taken back, newest first; the last fifty.
    package var entries: [LedgerEntryView]
    /// Newest first; for the maker's people only.
    package var rollouts: [Part]
}

/// Devices of a rollout that stand alike, page by page.
package struct RolloutDevicePage: Codable, Sendable, Equatable {
    package struct Item: Codable, Sendable, Equatable {
        package var device: DeviceID
        package var serial: String
        /// Counted from 1.
        package var stage: Int
        package var state: RolloutMember.State
        /// Since when.
        package var at: Timestamp
    }
    package var devices: [Item]
    /// Given back as `after`; missing at the end.
    package var next: DeviceID?
}
