import Passport
import Rollout
import Selection
import Testing
import Wire

@Suite struct `A rollout` {
    private static let now = Timestamp(year: 2026, month: 11, day: 21)
    private static let id = RolloutID(trusted: "r1")
    private let mary = PersonID(trusted: "mary")
    private let bob = PersonID(trusted: "bob")
    private let plan = RolloutPlan(product: ProductID(trusted: "p"), sequence: 7)

    private func running(_ plan: RolloutPlan? = nil) throws -> RolloutState {
        var state = RolloutState(plan ?? self.plan)
        try state.approve(planner: mary, approver: bob)
        try state.start(at: Self.now)
        return state
    }

    private func count(_ state: inout RolloutState, done: Int = 0, failed: Int = 0, silent: Int = 0, stage: Int = 0) {
        for (number, kind) in [(done, RolloutMember.State.done), (failed, .failed), (silent, .silent)] {
            state.count(nil, to: kind, of: stage, devices: number)
        }
    }

    // MARK: People

    @Test func `needs a second person`() throws {
        var state = RolloutState(plan)
        #expect(throws: Refusal.self) { try state.start(at: Self.now) }
        for approver in [mary, nil] {
            let refusal = #expect(throws: Refusal.self) { try state.approve(planner: mary, approver: approver) }
            #expect(refusal?.rule == "rollout: two persons")
        }
        try state.approve(planner: mary, approver: bob)
        #expect(throws: Refusal.self) { try state.approve(planner: mary, approver: bob) }
        try state.start(at: Self.now)
        #expect(state.status == .running)
    }

    @Test func `that was stopped stays so`() throws {
        var state = try running()
        try state.stopByPerson()
        count(&state, done: 100)
        state.isGathered = true
        #expect(state.decide(plan, at: Self.now) == nil)
        #expect(throws: Refusal.self) { try state.resume(at: Self.now) }
        #expect(throws: Refusal.self) { try state.start(at: Self.now) }
        #expect(throws: Refusal.self) { try state.stopByPerson() }
        #expect(state.status == .stopped)
    }

    // MARK: Numbers

    @Test func `goes on when its stage is whole and well, and waits where a person wants to look`() throws {
        var state = try running()
        count(&state, done: 99, failed: 1)
        #expect(state.decide(plan, at: Self.now) == nil, "not gathered yet")
        state.isGathered = true
        state.count(nil, to: .soaking, of: 0)
        #expect(state.decide(plan, at: Self.now) == nil, "one still soaks")
        state.count(.soaking, to: .done, of: 0)
        guard case .pause(.planned, let numbers)? = state.decide(plan, at: Self.now) else {
            Issue.record("no pause behind the canary")
            return
        }
        #expect(numbers.stage == 1 && numbers.ofStage.done == 100 && numbers.ofStage.failed == 1 && numbers.line == 200)
        #expect(state.decide(plan, at: Self.now) == nil)
        try state.resume(at: Self.now)
        guard case .advance(let after)? = state.decide(plan, at: Self.now) else {
            Issue.record("it does not go on")
            return
        }
        #expect(after.stage == 1 && state.stage == 1 && !state.isGathered && state.stageOpened == Self.now)
        for stage in 1...3 {
            state.isGathered = true
            count(&state, done: 1000, stage: stage)
            let decision = state.decide(plan, at: Self.now)
            if stage < 3 {
                guard case .advance? = decision else {
                    Issue.record("\(stage): \(String(describing: decision))"); return
                }
            } else {
                guard case .finish(let end)? = decision else { Issue.record("no end"); return }
                #expect(end.ofAll.done == 3100)
            }
        }
        #expect(state.status == .complete)
    }

    @Test func `stops when the failures are surely beyond the line, and not before`() throws {
        // The line is 2 %. Of 20 answers two may fail by chance (6 %), three may not (0.7 %).
        for (failed, stops) in [(2, false), (3, true)] {
            var state = try running()
            count(&state, done: 20 - failed, failed: failed - 1, silent: 1)
            let decision = state.decide(plan, at: Self.now)
            #expect((state.status == .stopped) == stops, "\(failed): \(String(describing: decision))")
            if case .stop(let numbers)? = decision { #expect(numbers.bound >= 200 && numbers.line == 200) }
        }
        // Nineteen answers are too few, whatever they say.
        var state = try running()
        count(&state, failed: 19)
        #expect(state.decide(plan, at: Self.now) == nil)
        state.isGathered = true
        guard case .pause(.tooFew, _)? = state.decide(plan, at: Self.now) else {
            Issue.record("failures among few pass without a look")
            return
        }
    }

    @Test func `is not soothed by stages that went well`() throws {
        var state = try running()
        count(&state, done: 10_000)
        state.isGathered = true
        _ = state.decide(plan, at: Self.now)
        try state.resume(at: Self.now)
        _ = state.decide(plan, at: Self.now)
        #expect(state.stage == 1)
        count(&state, done: 25, failed: 5, stage: 1)
        guard case .stop? = state.decide(plan, at: Self.now) else {
            Issue.record("5 of 30 behind 10,000")
            return
        }
    }

    @Test func `is judged while it is paused, and after its end`() throws {
        var paused = try running()
        try paused.pauseByPerson()
        count(&paused, failed: 30)
        guard case .stop? = paused.decide(plan, at: Self.now) else { Issue.record("paused"); return }
        var ended = try running(RolloutPlan(product: plan.product, sequence: 7, stages: [.init(share: 10_000)]))
        let one = RolloutPlan(product: plan.product, sequence: 7, stages: [.init(share: 10_000)])
        ended.isGathered = true
        guard case .finish? = ended.decide(one, at: Self.now) else { Issue.record("an empty fleet"); return }
        count(&ended, failed: 30)
        guard case .stop? = ended.decide(one, at: Self.now) else { Issue.record("ended"); return }
    }

    @Test func `stopped from its middle goes on where it was after a person's pause`() throws {
        var state = try running()
        try state.pauseByPerson()
        count(&state, done: 100)
        state.isGathered = true
        #expect(state.decide(plan, at: Self.now) == nil)
        try state.resume(at: Self.now)
        // The pause behind the canary is still to come.
        guard case .pause(.planned, _)? = state.decide(plan, at: Self.now) else { Issue.record("skipped"); return }
    }

    // MARK: Members

    private func member(_ state: RolloutMember.State, due: Timestamp? = now) -> RolloutMember {
        .init(state: state, due: due)
    }

    @Test func `counts as done only who installed, was alive and kept quiet`() {
        let installed = member(.offered).after(.installed, at: Self.now, plan)
        let soaked = Self.now.adding(seconds: 86_400)
        #expect(installed == member(.soaking, due: soaked))
        func end(_ seen: Timestamp?) -> RolloutMember.Step {
            installed.step(at: soaked, plan, seen: seen, zone: nil)
        }
        #expect(end(soaked.adding(seconds: -60)) == .become(member(.done, due: nil)))
        #expect(end(nil) == .become(member(.silent, due: nil)))
        #expect(end(Self.now.adding(seconds: -1)) == .become(member(.silent, due: nil)))
        for trouble in [RolloutMember.Observation.disquiet, .cutOff, .failed] {
            #expect(installed.after(trouble, at: Self.now, plan).state == .failed)
        }
        #expect(installed.after(.gone, at: Self.now, plan).state == .left)
        #expect(installed.after(.installed, at: soaked, plan) == installed, "a second receipt starts no second soak")
    }

    @Test func `takes silence for a failure, until it is broken`() {
        let silent = member(.offered).step(at: Self.now, plan, seen: Self.now, zone: nil)
        #expect(silent == .become(member(.silent, due: nil)))
        #expect(member(.silent, due: nil).after(.installed, at: Self.now, plan).state == .soaking)
        for (state, heard) in [(RolloutMember.State.offered, RolloutMember.Observation.disquiet), (.silent, .disquiet)]
        {
            #expect(member(state).after(heard, at: Self.now, plan).state == state)
        }
        for settled in [RolloutMember.State.done, .failed, .left] {
            for heard in [
                RolloutMember.Observation.installed, .failed, .gone, .disquiet, .cutOff, .away,
                .takenBack(isHeld: true),
            ] {
                #expect(member(settled).after(heard, at: Self.now, plan).state == settled)
            }
        }
    }

    @Test func `waits for a contact for as long as a device may be silent, however short the soak is`() {
        var plan = plan
        (plan.soakSeconds, plan.aliveSeconds) = (60, 8000)
        let heard = Self.now.adding(seconds: 2)
        var installed = member(.offered).after(.installed, at: Self.now, plan)
        // Contacts that come before it was confirmed do not count; it is asked again, and not for ever.
        var at = Self.now.adding(seconds: 60)
        var looks = 0
        while case .become(let next) = installed.step(
            at: at, plan, seen: Self.now.adding(seconds: -1), zone: nil, since: heard),
            next.state == .soaking, let due = next.due
        {
            #expect(due > at && due <= heard.adding(seconds: 8000))
            (installed, at, looks) = (next, due, looks + 1)
        }
        #expect(looks == 8 && at == heard.adding(seconds: 8000))
        #expect(
            installed.step(at: at, plan, seen: nil, zone: nil, since: heard) == .become(member(.silent, due: nil)))
        let early = member(.offered).after(.installed, at: Self.now, plan)
        let seen = Self.now.adding(seconds: 1)
        #expect(
            early.step(at: Self.now.adding(seconds: 60), plan, seen: seen, zone: nil, since: heard)
                == .become(member(.done, due: nil)), "heard of after it confirmed, before that was read")
        #expect(
            installed.step(at: at, plan, seen: at, zone: nil, since: heard) == .become(member(.done, due: nil)))
    }

    @Test func `comes back when what kept it is over, and not when it was taken off by hand`() {
        let (asleep, away) = (
            member(.asleep, due: Self.now.adding(seconds: 3600)), member(.left, due: Self.now.adding(seconds: 21_600))
        )
        #expect(member(.offered).after(.takenBack(isHeld: true), at: Self.now, plan) == asleep)
        #expect(member(.offered).after(.takenBack(isHeld: false), at: Self.now, plan) == member(.left, due: nil))
        for state in [RolloutMember.State.waiting, .asleep, .soaking, .silent] {
            #expect(member(state).after(.takenBack(isHeld: true), at: Self.now, plan) == member(state))
        }
        for state in [RolloutMember.State.waiting, .asleep, .offered] {
            #expect(member(state).after(.away, at: Self.now, plan) == away)
            #expect(member(state).after(.cutOff, at: Self.now, plan) == away)
            #expect(member(state).after(.gone, at: Self.now, plan) == member(.left, due: nil))
        }
        #expect(member(.soaking).after(.away, at: Self.now, plan) == member(.left, due: nil))
    }

    @Test func `offers only to who is awake, in its window, and may have it`() {
        var plan = plan
        plan.window = MaintenanceWindow(from: 120, to: 180)
        func step(
            _ at: Timestamp, seen: Timestamp?, _ standing: RolloutMember.Standing = .eligible,
            from state: RolloutMember.State = .waiting
        ) -> RolloutMember.Step {
            member(state).step(at: at, plan, seen: seen, zone: nil, standing: standing)
        }
        let open = Self.now.adding(seconds: 2 * 3600)
        #expect(step(open, seen: open) == .offer(member(.offered, due: open.adding(days: 3))))
        #expect(step(Self.now, seen: Self.now) == .become(member(.waiting, due: open)))
        #expect(step(open, seen: nil) == .become(member(.asleep, due: open.adding(seconds: 3600))))
        #expect(step(open, seen: open.adding(days: -2)) == .become(member(.asleep, due: open.adding(seconds: 3600))))
        for state in [RolloutMember.State.waiting, .asleep, .left] {
            #expect(step(open, seen: open, .gone, from: state) == .become(member(.left, due: nil)))
            #expect(
                step(open, seen: open, .away, from: state) == .become(member(.left, due: open.adding(seconds: 21_600))))
            #expect(
                step(open, seen: open, .held, from: state) == .become(member(.asleep, due: open.adding(seconds: 3600))))
            #expect(
                step(open, seen: nil, .underWay, from: state) == .become(member(.offered, due: open.adding(days: 3))))
            #expect(step(open, seen: open, from: state) == .offer(member(.offered, due: open.adding(days: 3))))
        }
        // Who comes back waits for its window like who never left; that is no sleep.
        #expect(step(Self.now, seen: Self.now, from: .left) == .become(member(.waiting, due: open)))
    }

    // MARK: Places

    @Test func `spreads devices evenly, the same each time, and otherwise in each rollout`() {
        var buckets = [Int](repeating: 0, count: 100)
        var same = 0
        let devices = 20_000
        for number in 0..<devices {
            let device = DeviceID(trusted: "0192-\(number)")
            let place = RolloutPlace.share(of: device, in: Self.id)
            #expect(place == RolloutPlace.share(of: device, in: Self.id))
            buckets[place / 100] += 1
            if place / 100 == RolloutPlace.share(of: device, in: RolloutID(trusted: "r2")) / 100 { same += 1 }
            #expect((0..<600).contains(RolloutPlace.delaySeconds(of: device, in: Self.id, spread: 600)))
        }
        // Chi squared with 99 degrees of freedom is below 149 in 999 cases of 1000; the names are fixed, so this always is.
        let expected = Double(devices) / 100
        #expect(buckets.reduce(0.0) { $0 + ($1.double - expected) * ($1.double - expected) / expected } < 149)
        #expect((100...300).contains(same))
        #expect(RolloutPlace.delaySeconds(of: DeviceID(trusted: "a"), in: Self.id, spread: 0) == 0)
    }

    @Test func `puts a device into the first stage that is its`() throws {
        var plan = plan
        plan.stages = [
            .init(share: 10_000, selector: try Selector("hardware = lab")), .init(share: 5000), .init(share: 10_000),
        ]
        #expect(throws: Refusal.self) { try plan.demandBounds() }
        plan.stages = [
            .init(share: 2500, selector: try Selector("hardware = lab")), .init(share: 5000), .init(share: 10_000),
        ]
        try plan.demandBounds()
        plan.selector = try Selector("not serial ~ X")
        var passport = try Passport.advance(
            nil, device: DeviceID(trusted: "d"),
            by: .born(
                product: plan.product, batch: BatchID(trusted: "b"),
                birthCertificate: .init(serial: "1", sha256: Digest([1]), key: Digest([1]), notAfter: Self.now)),
            at: Self.now)
        func facts(_ hardware: String, serial: String = "A") -> DeviceFacts {
            DeviceFacts(passport: passport, serial: serial, hardware: hardware, now: Self.now)
        }
        #expect(plan.stage(of: facts("lab"), in: Self.id) == nil, "it is in stock")
        passport = try Passport.advance(passport, device: passport.device, by: .shipped, at: Self.now)
        passport = try Passport.advance(
            passport, device: passport.device,
            by: .paired(tenure: .init(trusted: "t"), grade: .label, owner: Digest([1])), at: Self.now)
        let place = RolloutPlace.share(of: passport.device, in: Self.id)
        #expect(plan.stage(of: facts("lab"), in: Self.id) == (place < 2500 ? 0 : place < 5000 ? 1 : 2))
        #expect(plan.stage(of: facts("c"), in: Self.id) == (place < 5000 ? 1 : 2))
        #expect(plan.stage(of: facts("lab", serial: "X1"), in: Self.id) == nil)
    }

    @Test func `has a plan within bounds, or none`() throws {
        try plan.demandBounds()
        let faults: [(inout RolloutPlan) -> Void] = [
            { $0.stages = [] }, { $0.stages = [.init(share: 5000)] },
            { $0.stages = [.init(share: 0), .init(share: 10_000)] },
            { $0.stages = [.init(share: 10_001)] }, { $0.stages = [.init(share: 10_000, pause: true)] },
            { $0.stages = Array(repeating: .init(share: 10_000), count: 21) }, { $0.sequence = 0 },
            { $0.soakSeconds = -1 }, { $0.deadlineSeconds = 0 }, { $0.aliveSeconds = 0 }, { $0.spreadSeconds = -1 },
            { $0.deadlineSeconds = .max }, { $0.failureLine = 0 }, { $0.failureLine = 10_000 },
            { $0.minimumSample = 0 },
            { $0.window = MaintenanceWindow(from: 1, to: 1) },
        ]
        for (number, fault) in faults.enumerated() {
            var broken = plan
            fault(&broken)
            #expect(throws: Refusal.self, "\(number)") { try broken.demandBounds() }
        }
        let again = try CanonicalJSON.decode(RolloutPlan.self, from: CanonicalJSON.encode(plan))
        #expect(again == plan)
    }
}

extension Int { fileprivate var double: Double { Double(self) } }
