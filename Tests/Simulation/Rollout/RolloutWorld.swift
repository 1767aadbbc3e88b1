import Foundation
import Passport
import Rollout
import Wire

/// A fleet of any size that takes a release, or does not. A device is a number and what follows from it: nothing is kept of
/// any of them, only how many change how in which minute. The judgement is the real one.
package struct RolloutWorld {
    package struct Options: Sendable {
        package var devices = 20_000
        /// In parts of 10,000: devices that fail, that say nothing, that are asleep when their turn comes.
        package var failing = 20
        package var silent = 10
        package var asleep = 300
        /// A rule that is broken on purpose.
        package var broken: RolloutInvariant?
        package init() {}
    }

    private struct Move: Hashable {
        var before: RolloutMember.State?
        var after: RolloutMember.State
        var stage: Int
    }

    private let seed: UInt64
    private let options: Options
    private let plan: RolloutPlan
    private let rollout: RolloutID
    private let began = Timestamp(year: 2026, month: 3, day: 20)
    private var state: RolloutState
    /// By minutes since the beginning.
    private var moves: [Int: [Move: Int]] = [:]
    private var minute = 0
    private var gathered = 0
    private var offers = 0
    private var decisions = 0
    /// Something changed since the last judgement.
    private var isNew = true
    private var trace = RunReport()

    private init(seed: UInt64, options: Options) throws {
        self.seed = seed
        self.options = options
        var random = SeededRandom(seed: seed)
        rollout = RolloutID(trusted: "rollout-\(seed)")
        let windows = [
            nil, MaintenanceWindow(from: 22 * 60, to: 4 * 60), MaintenanceWindow(days: [6, 7], from: 60, to: 300),
        ]
        plan = RolloutPlan(
            product: ProductID(trusted: "p"), sequence: 2, soakSeconds: 3600 * (1 + random.below(24)),
            deadlineSeconds: 3600 * (12 + random.below(48)), failureLine: 200,
            spreadSeconds: 3600 * random.below(6), window: random.pick(windows) ?? nil)
        try plan.demandBounds()
        state = RolloutState(plan)
        try state.approve(planner: PersonID(trusted: "a"), approver: PersonID(trusted: "b"))
        try state.start(at: began)
    }

    package static func run(seed: UInt64, options: Options = Options()) throws -> RolloutReport {
        var world = try RolloutWorld(seed: seed, options: options)
        return try world.run()
    }

    private var now: Timestamp { began.adding(seconds: Int64(minute) * 60) }

    /// A year of minutes at most.
    private mutating func run() throws -> RolloutReport {
        var opened = -1
        while minute < 366 * 1440 {
            if state.status == .running, opened < state.stage {
                opened = state.stage
                try gather()
            }
            for (move, count) in moves.removeValue(forKey: minute) ?? [:] {
                isNew = true
                state.count(move.before, to: move.after, of: move.stage, devices: count)
                if move.after == .offered { offers += count }
                try demand(
                    state.status != .stopped || move.after != .offered, .stoppedIsFinal, "an offer after the stop")
            }
            if options.broken == .countedOnce, minute == 600 { state.count(nil, to: .done, of: 0) }
            if isNew {
                try demand(
                    state.all.all == gathered, .countedOnce, "\(state.all.all) are counted, \(gathered) are there")
                if try !judge() { break }
            }
            minute += 1
        }
        return RolloutReport(
            devices: options.devices, status: state.status, stages: opened + 1, counts: state.all, offers: offers,
            minutes: minute, decisions: decisions, trace: trace.trace)
    }

    private func demand(_ holds: Bool, _ invariant: RolloutInvariant, _ detail: @autoclosure () -> String) throws {
        guard !holds else { return }
        throw RolloutViolation(invariant: invariant, detail: "minute \(minute): \(detail())", seed: seed)
    }

    // MARK: Judgement

    /// False at the end.
    private mutating func judge() throws -> Bool {
        let (before, here) = (state, state.counts[state.stage])
        let mustStop = [here, state.all].contains {
            StopStatement.demandsStop(
                failures: $0.failures, of: $0.answered, line: Double(plan.failureLine) / 10_000,
                minimum: plan.minimumSample)
        }
        var lenient = plan
        if options.broken == .stopsByNumbers { lenient.failureLine = 9000 }
        if options.broken == .advancesWhole { state.count(.soaking, to: .done, of: state.stage, devices: here.soaking) }
        guard let decision = state.decide(lenient, at: now) else {
            isNew = false
            try demand(
                !mustStop || state.status == .stopped, .stopsByNumbers, "\(here) and nothing is stopped")
            return !moves.isEmpty
        }
        decisions += 1
        trace.note("\(minute) \(decision)")
        switch decision {
        case .stop(let numbers):
            // Rounded down to parts of 10,000, the bound may be at the line a little later than exactly.
            try demand(mustStop && numbers.bound >= numbers.line, .stopsByNumbers, "stopped by \(numbers)")
            return options.broken == .stoppedIsFinal
        case .finish(let numbers):
            try demand(here.waiting + here.offered + here.soaking == 0, .advancesWhole, "finished with \(numbers)")
            return true
        case .advance(let numbers):
            try demand(
                here.waiting + here.offered + here.soaking == 0 && before.isGathered && !mustStop,
                .advancesWhole, "advanced with \(numbers)")
        case .pause:
            // The person who looks is content.
            try state.resume(at: now)
        }
        return true
    }

    // MARK: Devices

    /// All devices of the stages that are open, which are not there yet.
    private mutating func gather() throws {
        let stage = state.stage
        for number in 0..<options.devices {
            let device = DeviceID(trusted: "device-\(number)")
            let place = RolloutPlace.share(of: device, in: rollout)
            guard plan.stages.firstIndex(where: { place < $0.share }) == stage else { continue }
            gathered += 1
            try live(device, SeededRandom(seed: seed &+ UInt64(number) &* 0x9E37_79B9_7F4A_7C15), stage)
        }
        state.isGathered = true
    }

    private mutating func note(
        _ before: RolloutMember.State?, _ after: RolloutMember.State, _ stage: Int, at: Timestamp
    ) {
        let place = max(minute, Int((at.seconds(since: began) + 59) / 60))
        moves[place, default: [:]][Move(before: before, after: after, stage: stage), default: 0] += 1
    }

    /// The whole life of one device in this rollout, from now on.
    private mutating func live(_ device: DeviceID, _ chance: SeededRandom, _ stage: Int) throws {
        var random = chance
        let zone = random.pick(["UTC", "+05:30", "Europe/Berlin"])
        let (fails, isSilent) = (random.below(10_000) < options.failing, random.below(10_000) < options.silent)
        let sleeps = random.below(10_000) < options.asleep ? 3600 * Int64(1 + random.below(72)) : 0
        let opened = now
        var own = plan
        if options.broken == .inWindow { own.window = nil }
        var member = RolloutMember.waiting(
            device, in: rollout, plan: own, zone: zone,
            opened: options.broken == .staged ? opened.adding(days: -1) : opened)
        note(nil, member.state, stage, at: opened)
        let wakes = opened.adding(seconds: sleeps)
        var offeredAt: Timestamp?
        while offeredAt == nil, let due = member.due {
            let seen = due >= wakes || options.broken == .staged ? due : opened.adding(days: -30)
            switch member.step(at: due, own, seen: seen, zone: zone) {
            case .offer(let next):
                note(member.state, next.state, stage, at: due)
                (member, offeredAt) = (next, due)
            case .become(let next):
                note(member.state, next.state, stage, at: due)
                member = next
            }
        }
        guard let offeredAt else { return try demand(false, .staged, "a member without a due time") }
        try demand(offeredAt >= opened, .staged, "an offer before its stage")
        if let window = plan.window {
            try demand(
                window.isOpen(at: offeredAt, in: window.zone(of: zone)), .inWindow,
                "an offer at \(offeredAt) in \(zone ?? "")")
        }
        try answer(&member, &random, stage, offeredAt, fails: fails, isSilent: isSilent)
    }

    private mutating func answer(
        _ member: inout RolloutMember, _ random: inout SeededRandom, _ stage: Int, _ offeredAt: Timestamp, fails: Bool,
        isSilent: Bool
    ) throws {
        func heard(_ observation: RolloutMember.Observation, at: Timestamp, in world: inout RolloutWorld) {
            var plan = world.plan
            if world.options.broken == .soaked { plan.soakSeconds /= 2 }
            let next = member.after(observation, at: at, plan)
            world.note(member.state, next.state, stage, at: at)
            member = next
        }
        let deadline = offeredAt.adding(seconds: Int64(plan.deadlineSeconds))
        var answersAt = offeredAt.adding(seconds: Int64(random.below(plan.deadlineSeconds)))
        if isSilent {
            guard case .become(let next) = member.step(at: deadline, plan, seen: nil, zone: nil)
            else {
                return try demand(false, .silenceFails, "silence is answered by an offer")
            }
            if options.broken != .silenceFails {
                note(member.state, next.state, stage, at: deadline)
                member = next
            }
            try demand(member.state == .silent, .silenceFails, "\(member.state) after the deadline")
            // Half of them come back a day later.
            guard random.oneIn(2) else { return }
            answersAt = deadline.adding(days: 1)
        }
        if fails, random.oneIn(2) { return heard(.failed, at: answersAt, in: &self) }
        heard(.installed, at: answersAt, in: &self)
        let soaked = answersAt.adding(seconds: Int64(plan.soakSeconds))
        try demand(member.due == soaked, .soaked, "soaks until \(String(describing: member.due))")
        if fails {
            return heard(.disquiet, at: answersAt.adding(seconds: Int64(random.below(plan.soakSeconds))), in: &self)
        }
        guard case .become(let next) = member.step(at: soaked, plan, seen: soaked, zone: nil) else {
            return
        }
        try demand(next.state == .done, .soaked, "\(next.state) after a quiet soak")
        note(member.state, next.state, stage, at: soaked)
        member = next
    }
}
