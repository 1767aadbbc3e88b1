import Crypto
import NIOCore
import NIOHTTP1
import Outbound
import Passport
import Registry
import Rollout
import Store
import Testing
import Use
import Wire
import Workbench

/// The outside check over a real connection: what it is asked, and what each of its answers does.
@Suite struct `The outside check of a rollout` {
    private static let key = BenchClock.random(32)

    /// A house whose rollouts ask `answer`; nothing of a device is needed.
    private func asked(
        _ answer: @escaping @Sendable (ScriptedService.Request) -> ScriptedService.Answer,
        _ body: (HouseBench, CheckCourier, RolloutID) async throws -> Void
    ) async throws {
        let service = try ScriptedService(tls: nil, answer)
        let check = try OutsideCheck(url: "http://127.0.0.1:\(service.port)/check", key: Self.key)
        let bench = try await HouseBench(settings: { $0.outsideCheck = check })
        do {
            let rollout = try await start(bench)
            try await body(bench, CheckCourier(bench.house, check, timeoutSeconds: 1), rollout)
        } catch {
            await service.stop()
            throw error
        }
        await service.stop()
    }

    private func start(_ bench: HouseBench) async throws -> RolloutID {
        let house = bench.house
        _ = try await bench.makeUnits(1)
        try await bench.publishRelease(1)
        let plan = RolloutPlan(
            product: HouseBench.product, sequence: 1, stages: [.init(share: 5000), .init(share: 10_000)], check: true)
        let (mary, bob) = (
            try await bench.person("Mary", .makerAdmin), try await bench.person("Bob", .makerAdmin)
        )
        let rollout = try await house.perform(PlanRollout(plan: plan), as: mary).rollout
        _ = try await house.perform(ApproveRollout(rollout: rollout), as: bob)
        _ = try await house.perform(StartRollout(rollout: rollout), as: mary)
        try await keep(bench)
        return rollout
    }

    private func keep(_ bench: HouseBench) async throws {
        let keeper = RolloutKeeper(bench.house)
        for _ in 0..<10 { if try await !keeper.round() { return } }
        Issue.record("the keeper finds no end")
    }

    private func view(_ bench: HouseBench, _ rollout: RolloutID) async throws -> RolloutView {
        try await bench.reading.rollout(rollout, as: .system)
    }

    private static func reply(_ request: ScriptedService.Request, go: Bool, reason: String? = nil) -> [UInt8] {
        let question = try? CanonicalJSON.decode(OutsideQuestion.self, from: request.body)
        let reply = OutsideReply(question: question?.question ?? "", go: go, reason: reason)
        return (try? CanonicalJSON.encode(reply)) ?? []
    }

    // MARK: Tests

    @Test func `is asked before each stage, signed, and its yes opens it`() async throws {
        let asked = Locked([ScriptedService.Request]())
        try await self.asked({ request in
            asked.withLock { $0.append(request) }
            return .reply(200, Self.reply(request, go: true))
        }) { bench, courier, rollout in
            let first = try await view(bench, rollout)
            #expect(first.status == .paused && first.pause == .check && first.asked == 1)
            try await courier.round()
            #expect(try await view(bench, rollout).status == .running)
            // Nobody is in it: the first stage passes at once, and the second one is asked for.
            try await keep(bench)
            let second = try await view(bench, rollout)
            #expect(second.pause == .check && second.asked == 2)
            try await courier.round()
            try await keep(bench)
            #expect(try await view(bench, rollout).status == .complete)
            try await courier.round()
        }
        let requests = asked.withLock { $0 }
        #expect(requests.count == 2)
        var names: Set<String> = []
        for (number, request) in requests.enumerated() {
            let question = try CanonicalJSON.decode(OutsideQuestion.self, from: request.body)
            #expect(question.stage == number + 1 && question.stages == 2 && question.product == HouseBench.product)
            names.insert(question.question)
            let code = HMAC<SHA256>.authenticationCode(for: request.body, using: SymmetricKey(data: Self.key))
            #expect(
                request.headers.first(name: CheckCourier.signatureHeader) == "hmac-sha256=" + Hex.encode(code))
            #expect(!String(decoding: request.body, as: UTF8.self).contains(Hex.encode(Self.key)))
        }
        #expect(names.count == 2, "each question is another")
    }

    @Test func `leaves the rollout to a person when it says no`() async throws {
        let count = Locked(0)
        try await asked({ request in
            count.withLock { $0 += 1 }
            return .reply(200, Self.reply(request, go: false, reason: "tickets \u{1b}[31mcome\u{202e} in\n"))
        }) { bench, courier, rollout in
            try await courier.round()
            let refused = try await view(bench, rollout)
            #expect(refused.pause == .refused && refused.trouble == "It said no: tickets [31mcome in.")
            bench.clock.advance(days: 1)
            try await keep(bench)
            try await courier.round()
            #expect(count.withLock { $0 } == 1, "a no is not asked again")
            let kinds = try await bench.house.read { rows in
                try rows.query("SELECT kind FROM ledger WHERE kind LIKE 'rollout%' ORDER BY idx").map {
                    try $0.text("kind")
                }
            }
            #expect(kinds.suffix(3) == ["rolloutStarted", "rolloutPaused", "rolloutPaused"])
            _ = try await bench.house.perform(ResumeRollout(rollout: rollout), as: .system)
            try await keep(bench)
            // Without it into the first stage; before the second one it is asked again.
            #expect(try await view(bench, rollout).asked == 2)
            #expect(try await Audit.run(bench.house.database).findings.isEmpty)
        }
    }

    @Test(arguments: [
        "silence", "redirect", "error", "empty", "other", "yes", "large", "endless", "slow", "old",
    ]) func `that answers anything but yes or no opens nothing`(_ kind: String) async throws {
        let hits = Locked(0)
        try await asked({ request in
            hits.withLock { $0 += 1 }
            let yes = Self.reply(request, go: true)
            switch kind {
            case "silence": return .silence
            case "redirect": return .reply(307, headers: ["Location": "/check"], yes)
            case "error": return .reply(500, yes)
            case "empty": return .reply(200, [])
            case "other": return .reply(200, Array("{\"question\":\"\",\"go\":true}".utf8))
            case "yes": return .reply(200, Array("true".utf8))
            case "large": return .reply(200, yes + [UInt8](repeating: 0x20, count: CheckCourier.maximumBytes))
            case "endless": return .endless(headers: [:])
            case "slow":
                return .pieces(200, headers: [:], yes.map { [$0] }, pause: .milliseconds(200))
            default:
                return .reply(200, Array("{\"question\":\"\(String(repeating: "0", count: 32))\",\"go\":true}".utf8))
            }
        }) { bench, courier, rollout in
            try await courier.round()
            try await keep(bench)
            let waits = try await view(bench, rollout)
            #expect(waits.pause == .check && waits.trouble != nil, "\(kind)")
            #expect(waits.stage == 1 && waits.asked == 1)
            try await courier.round()
            #expect(hits.withLock { $0 } == 1, "it is not asked again at once")
            bench.clock.advance(seconds: OutsideState.firstRetrySeconds)
            try await courier.round()
            #expect(hits.withLock { $0 } == 2)
        }
    }

    @Test func `that is not there opens nothing`() async throws {
        let service = try ScriptedService(tls: nil) { _ in .silence }
        let port = service.port
        await service.stop()
        let check = try OutsideCheck(url: "http://127.0.0.1:\(port)", key: Self.key)
        let bench = try await HouseBench(settings: { $0.outsideCheck = check })
        let rollout = try await start(bench)
        try await CheckCourier(bench.house, check, timeoutSeconds: 1).round()
        let waits = try await view(bench, rollout)
        #expect(waits.pause == .check && waits.trouble?.contains("cannot be reached") == true)
        #expect(!"\(check)".contains(Hex.encode(Self.key)), "its key is never printed")
    }

    @Test func `counts for the question that was asked, and only while it waits`() async throws {
        try await asked({ _ in .silence }) { bench, _, rollout in
            let house = bench.house
            let first = try #require(try await OutsideChecks.begin(house).first)
            #expect(try await OutsideChecks.begin(house).isEmpty, "another node does not ask the same")
            bench.clock.advance(seconds: 3600)
            let second = try #require(try await OutsideChecks.begin(house).first)
            // The first answer comes late: that question is not asked any more.
            try await OutsideChecks.hear(.go, to: first, house)
            #expect(try await view(bench, rollout).pause == .check)
            // A person pauses it meanwhile: then the answer changes nothing either.
            _ = try await house.perform(PauseRollout(rollout: rollout), as: .system)
            try await OutsideChecks.hear(.go, to: second, house)
            #expect(try await view(bench, rollout).pause == .asked)
            _ = try await house.perform(ResumeRollout(rollout: rollout), as: .system)
            try await keep(bench)
            #expect(try await view(bench, rollout).pause == .check, "a pause is no way around it")
            let third = try #require(try await OutsideChecks.begin(house).first)
            try await OutsideChecks.hear(.go, to: third, house)
            try await OutsideChecks.hear(.go, to: third, house)
            #expect(try await house.read { try StoredRollout.require(rollout, in: $0) }.state.outside?.opened == 1)
        }
    }

    @Test func `is wanted only where one is configured`() async throws {
        let bench = try await HouseBench()
        await #expect {
            _ = try await start(bench)
        } throws: {
            ($0 as? Refusal)?.rule == "rollout: outside check"
        }
        #expect(throws: Refusal.self) { try OutsideCheck(url: "http://127.0.0.1", key: BenchClock.random(31)) }
    }
}
