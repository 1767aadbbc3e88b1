import Passport
import Rollout
import Testing
import Wire

@Suite struct `The time that a rollout still takes` {
    private static let now = Timestamp(year: 2026, month: 11, day: 21)
    private static let (hour, day): (Int64, Int64) = (3600, 86_400)
    private let mary = PersonID(trusted: "mary")
    private let bob = PersonID(trusted: "bob")

    /// Three stages, the first with a look behind it; a soak of two hours, silence after a day, alive within an hour.
    private func plan(_ change: (inout RolloutPlan) -> Void = { _ in }) -> RolloutPlan {
        var plan = RolloutPlan(
            product: ProductID(trusted: "p"), sequence: 7,
            stages: [.init(share: 100, pause: true), .init(share: 5000), .init(share: 10_000)], soakSeconds: 7200,
            deadlineSeconds: 86_400, aliveSeconds: 3600, minimumSample: 20)
        change(&plan)
        return plan
    }

    private func running(
        _ plan: RolloutPlan, gathered: Bool = true, _ counts: [(RolloutMember.State, Int)]
    ) throws -> RolloutState {
        var state = RolloutState(plan)
        try state.approve(planner: mary, approver: bob)
        try state.start(at: Self.now.adding(seconds: -Self.hour))
        state.isGathered = gathered
        for (kind, devices) in counts { state.count(nil, to: kind, of: 0, devices: devices) }
        return state
    }

    private func forecast(
        _ plan: RolloutPlan, _ state: RolloutState, _ dues: RolloutForecast.Dues = .init(), isOffered: Bool = true
    ) throws -> RolloutForecast {
        try #require(RolloutForecast(plan, state, dues, isOffered: isOffered, at: Self.now))
    }

    private func hours(_ span: RolloutForecast.Span?) -> [Int64?] {
        [span?.soonest, span?.likely, span?.latest].map { $0.map { $0.seconds(since: Self.now) / Self.hour } }
    }

    @Test func `is known to the minute when all of a stage soak`() throws {
        let state = try running(plan(), [(.soaking, 30), (.done, 10)])
        let found = try forecast(plan(), state, .init(soaking: Self.now.adding(seconds: Self.hour)))
        #expect(hours(found.stage) == [1, 1, 1])
        // Two more stages: a soak each at least; a deadline and a soak each at most. Like this one: opened an hour ago, two hours.
        #expect(hours(found.whole) == [5, 5, 53])
        #expect(found.looks == [1] && !found.isLookLikely && found.obstacle == nil && !found.isChecked)
    }

    @Test func `follows the pace of those who answered, within what is possible`() throws {
        // 60 answered within the hour since it opened, 120 have not: two hours more, and the soak.
        let state = try running(plan(), [(.soaking, 60), (.offered, 120)])
        let dues = RolloutForecast.Dues(
            offered: Self.now.adding(seconds: 23 * Self.hour), soaking: Self.now.adding(seconds: 2 * Self.hour))
        #expect(try hours(forecast(plan(), state, dues).stage) == [2, 4, 25])
        // At a pace that would take weeks, the deadline ends it.
        let slow = try running(plan(), [(.soaking, 20), (.offered, 100_000)])
        #expect(try hours(forecast(plan(), slow, dues).stage) == [2, 25, 25])
        // Whoever waits for a turn holds it up to then.
        let spread = try running(plan(), [(.done, 60), (.waiting, 1)])
        let late = RolloutForecast.Dues(waiting: Self.now.adding(seconds: 10 * Self.hour))
        #expect(try hours(forecast(plan(), spread, late).stage) == [12, 12, 36])
    }

    @Test func `is not said to be likely anything while too few have answered`() throws {
        let few = try forecast(plan(), running(plan(), [(.soaking, 19), (.offered, 20)]))
        #expect(few.stage?.likely == nil && few.whole?.likely == nil && few.whole?.latest != nil)
        let none = try forecast(plan(), running(plan(), [(.offered, 500)]))
        #expect(hours(none.stage) == [2, nil, 26])
        let unknown = try forecast(plan(), running(plan(), gathered: false, [(.soaking, 500)]))
        #expect(unknown.stage?.likely == nil && hours(unknown.stage).last == 26)
        // A long quiet time counts, and so does the wait for a window.
        let windowed = plan { ($0.aliveSeconds, $0.window) = (10 * 3600, MaintenanceWindow(from: 60, to: 120)) }
        #expect(try hours(forecast(windowed, running(windowed, gathered: false, [])).stage) == [2, nil, 58])
    }

    @Test func `leaves out what people and the outside check take, and says so`() throws {
        var state = try running(plan(), [(.offered, 5)])
        try state.pauseByPerson()
        let paused = try forecast(plan(), state)
        #expect(paused.obstacle == .person && paused.stage != nil && paused.whole != nil)
        var looked = try running(plan(), [(.done, 40)])
        _ = looked.decide(plan(), at: Self.now)
        let behind = try forecast(plan(), looked)
        #expect(behind.obstacle == .person && behind.stage == nil && hours(behind.whole) == [4, nil, 52])
        let checked = plan { $0.check = true }
        var asked = try running(checked, [])
        _ = asked.decide(checked, at: Self.now)
        let before = try forecast(checked, asked)
        #expect(before.obstacle == .check && before.isChecked && before.stage == nil)
        #expect(hours(before.whole) == [6, nil, 78], "three stages are to open")
        let few = try forecast(plan(), running(plan(), [(.failed, 1), (.offered, 5)]))
        #expect(few.isLookLikely)
        #expect(try !forecast(plan(), running(plan(), [(.failed, 1), (.offered, 19)])).isLookLikely)
        #expect(try forecast(plan(), running(plan(), [(.done, 3), (.asleep, 4)])).isLookLikely)
    }

    @Test func `begins with an approval, and ends with the rollout`() throws {
        var state = RolloutState(plan())
        #expect(try forecast(plan(), state).obstacle == .approval)
        #expect(try hours(forecast(plan(), state).whole) == [6, nil, 78])
        try state.approve(planner: mary, approver: bob)
        #expect(try forecast(plan(), state).obstacle == .start)
        try state.start(at: Self.now)
        let withdrawn = try forecast(plan(), state, isOffered: false)
        #expect(withdrawn.obstacle == .withdrawal && withdrawn.stage == nil && withdrawn.whole == nil)
        try state.stopByPerson()
        #expect(RolloutForecast(plan(), state, .init(), isOffered: true, at: Self.now) == nil)
    }

    @Test func `never runs backwards, whatever is due`() throws {
        let past = Self.now.adding(days: -9)
        let state = try running(plan(), [(.soaking, 30), (.offered, 4), (.waiting, 5)])
        for dues in [RolloutForecast.Dues(), .init(waiting: past, offered: past, soaking: past)] {
            let found = try forecast(plan(), state, dues)
            let spans = try [#require(found.stage), #require(found.whole)]
            for span in spans {
                #expect(Self.now <= span.soonest && span.soonest <= span.latest)
                #expect(span.likely.map { span.soonest <= $0 && $0 <= span.latest } ?? true)
            }
        }
    }
}
