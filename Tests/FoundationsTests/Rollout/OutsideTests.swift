import Passport
import Rollout
import Testing
import Wire

@Suite struct `A rollout that asks outside` {
    private static let now = Timestamp(year: 2026, month: 11, day: 21)
    private let plan = RolloutPlan(
        product: ProductID(trusted: "p"), sequence: 7, stages: [.init(share: 100, pause: true), .init(share: 10_000)],
        check: true)

    private func asking() throws -> RolloutState {
        var state = RolloutState(plan)
        try state.approve(planner: PersonID(trusted: "mary"), approver: PersonID(trusted: "bob"))
        try state.start(at: Self.now)
        #expect(!state.isChecked(0))
        guard case .pause(.check, _)? = state.decide(plan, at: Self.now) else {
            Issue.record("the first stage opens unasked")
            return state
        }
        return state
    }

    @Test func `asks before the first stage, and again behind each that a person looked at`() throws {
        var state = try asking()
        let later = Self.now.adding(seconds: 600)
        let step1 = state.ask("q1", at: Self.now)
        #expect(step1 && state.asked == 0)
        let step2 = state.hear(.go, to: "q1", at: later)
        #expect(step2)
        #expect(state.status == .running && state.stageOpened == later, "its spread begins when it opens")
        state.isGathered = true
        guard case .pause(.planned, _)? = state.decide(plan, at: later) else { Issue.record("no look"); return }
        #expect(!state.isAskDue(at: later))
        try state.resume(at: later)
        guard case .pause(.check, _)? = state.decide(plan, at: later) else { Issue.record("unasked"); return }
        #expect(state.asked == 1 && state.stage == 0)
        let step3 = state.ask("q2", at: later)
        let step4 = state.hear(.go, to: "q2", at: later)
        #expect(step3 && step4)
        guard case .advance? = state.decide(plan, at: later) else { Issue.record("no advance"); return }
        state.isGathered = true
        guard case .finish? = state.decide(plan, at: later) else { Issue.record("asked behind the end"); return }
    }

    @Test func `asks ever less often while nobody answers`() throws {
        var state = try asking()
        var (now, waited) = (Self.now, [Int64]())
        for number in 0..<9 {
            let step5 = state.ask("q\(number)", at: now)
            #expect(step5)
            let step6 = state.hear(.silence("Nothing."), to: "q\(number)", at: now)
            #expect(step6)
            var pause: Int64 = 0
            while !state.isAskDue(at: now.adding(seconds: pause)) { pause += 60 }
            waited.append(pause)
            now = now.adding(seconds: pause)
        }
        #expect(waited == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600])
        #expect(state.outside?.trouble == "Nothing.")
    }

    @Test func `hears no answer to what it does not ask`() throws {
        var state = try asking()
        let step7 = !state.hear(.go, to: "q1", at: Self.now)
        #expect(step7)
        let step8 = state.ask("q1", at: Self.now)
        let step9 = !state.ask("q2", at: Self.now)
        #expect(step8 && step9)
        let step10 = !state.hear(.go, to: "q2", at: Self.now)
        #expect(step10)
        try state.pauseByPerson()
        let step11 = !state.hear(.go, to: "q1", at: Self.now)
        #expect(step11 && !state.isChecked(0))
        try state.resume(at: Self.now)
        guard case .pause(.check, _)? = state.decide(plan, at: Self.now) else { Issue.record("a way around"); return }
        let step12 = !state.hear(.go, to: "q1", at: Self.now)
        #expect(step12, "that was before the pause")
        try state.stopByPerson()
        let step13 = !state.hear(.go, to: "q1", at: Self.now)
        #expect(step13 && state.status == .stopped)
    }

    @Test func `stops by its numbers while it waits, and goes on without an answer if a person says so`() throws {
        var waiting = try asking()
        waiting.count(nil, to: .failed, of: 0, devices: 30)
        guard case .stop? = waiting.decide(plan, at: Self.now) else { Issue.record("30 of 30"); return }
        var refused = try asking()
        let step14 = refused.ask("q", at: Self.now)
        #expect(step14)
        let step15 = refused.hear(.no(String(repeating: "x", count: 1000)), to: "q", at: Self.now)
        #expect(step15)
        #expect(refused.pause == .refused && refused.outside?.trouble?.count == OutsideState.troubleLimit)
        try refused.resume(at: Self.now)
        #expect(refused.status == .running && refused.isChecked(0) && !refused.isChecked(1))
    }
}
