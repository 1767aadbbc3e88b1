import Passport
import Wire

/// How long a rollout still takes, as far as that can be said.
///
/// The soonest: whoever has not answered does so now, and no window has to be waited for. The latest: everybody answers at the last
/// moment. In between, once enough of the open stage have answered: at its pace so far, and each stage that follows as long as
/// this one. What people and the outside check take is no time that anybody knows; it is told beside.
package struct RolloutForecast: Codable, Sendable, Equatable {
    package struct Span: Codable, Sendable, Equatable {
        package var soonest: Timestamp
        /// Nil as long as too few have answered.
        package var likely: Timestamp?
        package var latest: Timestamp
    }

    /// What it waits for, beside time; both spans are as if that happened now.
    package enum Obstacle: String, Codable, Sendable {
        case approval, start, person, check
        /// Its release was withdrawn: nothing more is offered, and it does not end by itself.
        case withdrawal
    }

    /// When it was made.
    package var at: Timestamp
    /// Of the open stage; nil if none is open, or nothing can be said.
    package var stage: Span?
    /// Of all that is left.
    package var whole: Span?
    package var obstacle: Obstacle?
    /// Stages that are still to pass, counted from 1, behind which a person looks.
    package var looks: [Int]
    /// Behind the open stage a person will be asked, though the plan does not say so: too few will have answered.
    package var isLookLikely: Bool
    /// The outside check is asked before each stage that is still to open.
    package var isChecked: Bool

    /// When the last one is due of those that stand so.
    package struct Dues: Sendable {
        package var waiting: Timestamp?
        package var offered: Timestamp?
        package var soaking: Timestamp?

        package init(waiting: Timestamp? = nil, offered: Timestamp? = nil, soaking: Timestamp? = nil) {
            (self.waiting, self.offered, self.soaking) = (waiting, offered, soaking)
        }
    }

    /// - Parameter isOffered: its release was not withdrawn.
    /// - Returns: nil of one that is over.
    package init?(_ plan: RolloutPlan, _ state: RolloutState, _ dues: Dues, isOffered: Bool, at now: Timestamp) {
        guard ![.stopped, .complete, .closed].contains(state.status), state.counts.indices.contains(state.stage) else {
            return nil
        }
        at = now
        let here = state.counts[state.stage]
        looks = plan.stages.indices.filter {
            $0 >= state.stage && $0 >= state.looked && plan.stages[$0].pause == true
        }.map { $0 + 1 }
        let unanswered = here.waiting + here.offered
        let answers = here.answered + unanswered
        isLookLikely =
            state.isOpen && state.looked <= state.stage && answers < plan.minimumSample
            && (here.failures > 0 || here.asleep > answers)
        isChecked = plan.check == true && (state.outside?.opened ?? 0) < plan.stages.count
        obstacle = Self.obstacle(state, isOffered: isOffered)
        guard isOffered else { return }
        let open = state.isOpen ? Self.open(plan, state, dues, at: now) : nil
        stage = open
        let left = Int64(plan.stages.count - (state.isOpen ? state.stage + 1 : state.next))
        let (soonest, latest) = (left * plan.leastStageSeconds, left * plan.mostStageSeconds)
        var whole = Span(
            soonest: (open?.soonest ?? now).adding(seconds: soonest),
            latest: (open?.latest ?? now).adding(seconds: latest))
        if let likely = open?.likely, let opened = state.stageOpened {
            let end = likely.adding(seconds: left * max(0, likely.seconds(since: opened)))
            whole.likely = min(max(end, whole.soonest), whole.latest)
        }
        self.whole = whole
    }

    private static func obstacle(_ state: RolloutState, isOffered: Bool) -> Obstacle? {
        if !isOffered { return .withdrawal }
        switch (state.status, state.pause) {
        case (.planned, _): return .approval
        case (.approved, _): return .start
        case (.paused, .check?): return .check
        case (.paused, _): return .person
        default: return nil
        }
    }

    private static func open(
        _ plan: RolloutPlan, _ state: RolloutState, _ dues: Dues, at now: Timestamp
    ) -> Span {
        let here = state.counts[state.stage]
        let (soak, quiet) = (Int64(plan.soakSeconds), plan.quietSeconds)
        let opened = state.stageOpened ?? now
        var (soonest, latest) = (now, now)
        if here.soaking > 0 {
            let due = max(now, dues.soaking ?? now.adding(seconds: soak))
            (soonest, latest) = (max(soonest, due), max(latest, due.adding(seconds: quiet - soak)))
        }
        if here.offered > 0 {
            let due = max(now, dues.offered ?? now.adding(seconds: Int64(plan.deadlineSeconds)))
            (soonest, latest) = (max(soonest, now.adding(seconds: soak)), max(latest, due.adding(seconds: quiet)))
        }
        if here.waiting > 0 {
            let turn = max(now, dues.waiting ?? now)
            soonest = max(soonest, turn.adding(seconds: soak))
            latest = max(latest, turn.adding(seconds: Int64(plan.deadlineSeconds) + quiet))
        }
        if !state.isGathered {
            soonest = max(soonest, now.adding(seconds: soak))
            latest = max(latest, max(now, opened).adding(seconds: plan.mostStageSeconds))
        }
        var span = Span(soonest: soonest, latest: max(soonest, latest))
        guard state.isGathered else { return span }
        let unanswered = here.waiting + here.offered
        let elapsed = now.seconds(since: opened)
        if unanswered == 0 {
            span.likely = soonest
        } else if here.answered >= plan.minimumSample, elapsed > 0 {
            // As many a second as so far.
            let wait = Double(unanswered) * Double(elapsed) / Double(here.answered)
            let end = now.adding(seconds: Int64(min(wait, 1e10)) + soak)
            span.likely = min(max(end, span.soonest), span.latest)
        }
        return span
    }
}

extension RolloutState {
    /// Devices of a stage are under way, or would be if somebody resumed it.
    fileprivate var isOpen: Bool {
        switch (status, pause) {
        case (.running, _): isChecked(stage)
        case (.paused, .asked?), (.paused, nil): isChecked(stage)
        default: false
        }
    }

    /// The stage that opens next if none is, from 0.
    fileprivate var next: Int {
        switch (status, pause) {
        case (.paused, .planned?), (.paused, .tooFew?): stage + 1
        case (.paused, .check?), (.paused, .refused?): outside?.opened ?? stage + 1
        default: stage
        }
    }
}

extension RolloutPlan {
    /// From the confirmation to the end of what is asked of a device: it may be silent for so long and yet be alive.
    fileprivate var quietSeconds: Int64 { Int64(max(soakSeconds, aliveSeconds)) }
    /// Of one stage: everybody answers at once.
    fileprivate var leastStageSeconds: Int64 { Int64(soakSeconds) + Int64(spreadSeconds) }
    /// Of one stage: everybody answers at the last moment, after the longest wait for a window.
    fileprivate var mostStageSeconds: Int64 {
        let wait: Int64 = window == nil ? 0 : window?.days == nil ? 86_400 : 7 * 86_400
        return wait + Int64(spreadSeconds) + Int64(deadlineSeconds) + quietSeconds
    }
}
