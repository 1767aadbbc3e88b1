import Passport
import Wire

/// How far a rollout is: one value of a few hundred bytes, however many devices there are. What to do follows from it, the
/// plan and nothing else.
package struct RolloutState: Codable, Sendable, Equatable {
    package enum Status: String, Codable, Sendable, CaseIterable {
        /// Written down; waits for a second person.
        case planned
        case approved
        case running
        /// A person is asked to look; what was offered goes on, nothing more is.
        case paused
        /// For ever: what was not installed is taken back.
        case stopped
        /// Every stage has passed; who joins later gets the release at once, and is judged all the same.
        case complete
        /// Another rollout of the product took over.
        case closed
    }

    package enum Pause: String, Codable, Sendable {
        /// A person wanted it.
        case asked
        /// The plan wants a person to look behind this stage.
        case planned
        /// Something failed, or most are asleep, among too few answers to conclude anything from.
        case tooFew
        /// The outside check is asked before the next stage opens.
        case check
        /// The outside check said no.
        case refused
    }

    package internal(set) var status: Status
    /// The open stage, from 0.
    package internal(set) var stage: Int
    package internal(set) var stageOpened: Timestamp?
    /// Of each stage.
    package private(set) var counts: [RolloutCounts]
    /// Every device of the open stage is a member.
    package var isGathered: Bool
    package internal(set) var pause: Pause?
    /// Stages behind which a person has looked.
    package internal(set) var looked: Int
    /// What the outside check was asked and said, if the plan wants one.
    package internal(set) var outside: OutsideState?

    package init(_ plan: RolloutPlan) {
        status = .planned
        stage = 0
        counts = Array(repeating: RolloutCounts(), count: plan.stages.count)
        isGathered = false
        looked = 0
        outside = plan.check == true ? OutsideState() : nil
    }

    package var all: RolloutCounts { counts.reduce(RolloutCounts(), +) }

    /// Devices of that stage came, or changed: counted once, where they change.
    package mutating func count(
        _ before: RolloutMember.State?, to after: RolloutMember.State, of stage: Int, devices: Int = 1
    ) {
        guard counts.indices.contains(stage), before != after else { return }
        if let before { counts[stage][before] -= devices }
        counts[stage][after] += devices
    }

    package func numbers(_ plan: RolloutPlan) -> RolloutNumbers {
        RolloutNumbers(
            stage: stage + 1, ofStage: counts[stage], ofAll: all, bound: bound(plan), line: plan.failureLine)
    }

    /// Those that a share can be concluded from. A stage is judged by itself too: many that went well before would hide a few
    /// that do not.
    private func judged(_ plan: RolloutPlan) -> [RolloutCounts] {
        [counts[stage], all].filter { $0.answered >= plan.minimumSample }
    }

    /// In parts of 10,000, rounded down; 0 where there are too few answers to conclude anything.
    private func bound(_ plan: RolloutPlan) -> Int {
        let lower = judged(plan).map { FailureShare.lower($0.failures, of: $0.answered) }.max() ?? 0
        // A hair more, so that a bound at the line is not rounded below it.
        return Int((lower + 1e-9) * Double(RolloutPlan.whole))
    }

    private func isBeyondLine(_ plan: RolloutPlan) -> Bool {
        let line = Double(plan.failureLine) / Double(RolloutPlan.whole)
        return judged(plan).contains { FailureShare.isSurely(atLeast: line, $0.failures, of: $0.answered) }
    }

    // MARK: What happens by itself

    /// What the numbers make of a rollout.
    package enum Decision: Sendable, Equatable {
        case advance(RolloutNumbers)
        case pause(Pause, RolloutNumbers)
        case stop(RolloutNumbers)
        case finish(RolloutNumbers)
    }

    /// Judges the numbers as they are, and follows the judgement; nil if there is nothing to do. The numbers are those that led to
    /// it.
    package mutating func decide(_ plan: RolloutPlan, at now: Timestamp) -> Decision? {
        guard status == .running || status == .complete || status == .paused else { return nil }
        if isBeyondLine(plan) {
            (status, pause) = (.stopped, nil)
            return .stop(numbers(plan))
        }
        guard status == .running else { return nil }
        if !isChecked(stage) { return askOutside(plan, at: now) }
        let here = counts[stage]
        guard isGathered, here.waiting + here.offered + here.soaking == 0 else { return nil }
        let numbers = numbers(plan)
        if looked <= stage {
            var reason: Pause?
            if plan.stages[stage].pause == true { reason = .planned }
            if here.failures > 0 || here.asleep > here.answered, here.answered < plan.minimumSample { reason = .tooFew }
            if let reason {
                (status, pause) = (.paused, reason)
                return .pause(reason, numbers)
            }
        }
        guard stage + 1 < counts.count else {
            status = .complete
            return .finish(numbers)
        }
        if !isChecked(stage + 1) { return askOutside(plan, at: now) }
        stage += 1
        stageOpened = now
        isGathered = false
        return .advance(numbers)
    }

    // MARK: What people do

    /// - Parameters:
    ///   - planner: who wrote it down; `approver`: who says that it may start. Each a person.
    package mutating func approve(planner: PersonID?, approver: PersonID?) throws(Refusal) {
        try demand([.planned], "approve")
        guard let planner, let approver, approver != planner else {
            throw Refusal(
                .forbidden, "A rollout is approved by a second person.",
                hint: "Ask somebody else with the role makerAdmin to approve it.", rule: "rollout: two persons")
        }
        status = .approved
    }

    package mutating func start(at now: Timestamp) throws(Refusal) {
        try demand([.approved], "start")
        status = .running
        stageOpened = now
    }

    /// Also while the outside check is asked: then its answer changes nothing any more, and it is asked again after the resume.
    package mutating func pauseByPerson() throws(Refusal) {
        if pause != .check { try demand([.running], "pause") }
        (status, pause) = (.paused, .asked)
    }

    /// Goes on; if it stood behind a stage, into the next one; if it waited for the outside check, without it.
    package mutating func resume(at now: Timestamp) throws(Refusal) {
        try demand([.paused], "resume")
        switch pause {
        case .planned, .tooFew: looked = stage + 1
        case .check, .refused: open(at: now)
        case .asked, nil: break
        }
        (status, pause) = (.running, nil)
    }

    package mutating func stopByPerson() throws(Refusal) {
        try demand([.planned, .approved, .running, .paused, .complete], "stop")
        (status, pause) = (.stopped, nil)
    }

    package mutating func close() throws(Refusal) {
        try demand([.complete], "close")
        status = .closed
    }

    func demand(_ wanted: [Status], _ what: String) throws(Refusal) {
        guard wanted.contains(status) else {
            throw Refusal(
                .conflict, "The rollout is \(status.rawValue): there is nothing to \(what).",
                hint: "It is possible while it is \(wanted.map(\.rawValue).joined(separator: " or ")).",
                rule: "rollout \(status.rawValue): \(what)")
        }
    }
}
