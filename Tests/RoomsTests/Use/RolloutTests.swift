import Design
import Keys
import Passport
import Registry
import Retirement
import Rollout
import Selection
import Store
import Testing
import Transfer
import Trust
import Use
import Wire
import Workbench

/// Rollouts in a real registry, advanced by their keeper: a few devices, simulated days.
@Suite struct `A rollout in the field` {
    private let bench: HouseBench
    private let units: [BenchUnit]
    private let keys: [DeviceID: EphemeralKey]
    private let ada: Principal
    private let mary: Principal
    private let bob: Principal
    private let keeper: RolloutKeeper
    private var house: House { bench.house }

    init() async throws {
        bench = try await HouseBench()
        units = try await bench.makeUnits(12)
        ada = try await bench.ownership()
        var keys: [DeviceID: EphemeralKey] = [:]
        for unit in units {
            try await bench.pair(unit, with: ada)
            keys[unit.device] = try await bench.enrol(unit).key
        }
        self.keys = keys
        mary = try await bench.person("Mary", .makerAdmin)
        bob = try await bench.person("Bob", .makerAdmin)
        keeper = RolloutKeeper(bench.house)
        try await publish(1)
        try await wake(units)
    }

    // MARK: What happens

    private func publish(_ sequence: Int, mayReturn: Bool? = nil) async throws {
        try await bench.publishRelease(sequence, mayReturn: mayReturn)
    }

    private func plan(_ change: (inout RolloutPlan) -> Void = { _ in }) -> RolloutPlan {
        var plan = RolloutPlan(
            product: HouseBench.product, sequence: 1, stages: [.init(share: 5000), .init(share: 10_000)],
            soakSeconds: 3600, deadlineSeconds: 7200, aliveSeconds: 7200, failureLine: 2000, minimumSample: 3)
        change(&plan)
        return plan
    }

    /// Planned by Mary, approved by Bob, started.
    private func start(_ plan: RolloutPlan) async throws -> RolloutID {
        let rollout = try await house.perform(PlanRollout(plan: plan), as: mary).rollout
        _ = try await house.perform(ApproveRollout(rollout: rollout), as: bob)
        _ = try await house.perform(StartRollout(rollout: rollout), as: mary)
        return rollout
    }

    private func settle() async throws {
        for _ in 0..<40 { if try await !keeper.round() { return } }
        Issue.record("the keeper finds no end")
    }

    private func wake(_ units: [BenchUnit], posture: [String: String] = [:]) async throws {
        for unit in units {
            house.contacts.note(
                .init(
                    device: unit.device, tenure: try await bench.tenure(of: unit.device), at: bench.clock.now,
                    report: CheckInReport(agent: "bench/1", sequence: 0, version: "0", posture: posture)))
        }
        await house.contacts.flush()
    }

    private func passport(_ unit: BenchUnit) async throws -> Passport {
        try await house.read { try Device.require(unit.serial, in: $0).passport }
    }

    private func offered(_ sequence: Int = 1) async throws -> [BenchUnit] {
        var found: [BenchUnit] = []
        for unit in units where try await passport(unit).offeredUpdate?.sequence == sequence { found.append(unit) }
        return found
    }

    private func answer(_ units: [BenchUnit], fails: Bool = false) async throws {
        for unit in units {
            let offer = try #require(try await passport(unit).offeredUpdate)
            let receipt = Receipt(
                kind: fails ? .rolledBack : .updated, device: unit.device, at: bench.clock.now, release: offer.release,
                sequence: offer.sequence)
            let seal = try Seal.sign(
                type: Seal.PayloadType.receipt, payload: CanonicalJSON.encode(receipt),
                with: #require(keys[unit.device]))
            _ = try await house.perform(RecordReceipt(seal: seal), as: .device(unit.device))
        }
    }

    private func view(_ rollout: RolloutID) async throws -> RolloutView {
        try await bench.reading.rollout(rollout, as: mary)
    }

    private func kinds() async throws -> [String] {
        try await house.read {
            try $0.query("SELECT kind FROM ledger WHERE kind LIKE 'rollout%' ORDER BY idx").map { try $0.text("kind") }
        }
    }

    private func count(_ kind: String) async throws -> Int {
        try await house.read { try $0.count("SELECT COUNT(*) AS n FROM ledger WHERE kind = $1", [.text(kind)]) }
    }

    /// The audit finds nothing, and the counts are those of the rows.
    private func demandWhole(_ rollout: RolloutID) async throws {
        let findings = try await Audit.run(house.database).findings
        #expect(findings.isEmpty, "\(findings)")
        let view = try await view(rollout)
        let rows = try await house.read { rows in
            try rows.query(
                "SELECT stage, state, COUNT(*) AS n FROM rollout_member WHERE rollout = $1 GROUP BY stage, state",
                [Value(rollout)]
            ).map { (try $0.int("stage"), try $0.text("state"), try $0.int("n")) }
        }
        var counted = view.counts.map { _ in RolloutCounts() }
        for (stage, state, n) in rows { counted[stage][try #require(RolloutMember.State(rawValue: state))] = n }
        #expect(counted == view.counts)
    }

    // MARK: Tests

    @Test func `needs two people, a release and a fleet`() async throws {
        let rollout = try await house.perform(PlanRollout(plan: plan()), as: mary).rollout
        for nobody in [mary, .system] {
            await #expect { _ = try await house.perform(ApproveRollout(rollout: rollout), as: nobody) } throws: {
                ($0 as? Refusal)?.rule == "rollout: two persons"
            }
        }
        await #expect(throws: Refusal.self) { _ = try await house.perform(StartRollout(rollout: rollout), as: bob) }
        for broken in [plan { $0.sequence = 9 }, plan { $0.selector = .not(.all) }, plan { $0.stages = [] }] {
            await #expect(throws: Refusal.self) { _ = try await house.perform(PlanRollout(plan: broken), as: mary) }
        }
        let other = try Selector("product = lamp")
        await #expect {
            _ = try await house.perform(PlanRollout(plan: plan { $0.selector = other }), as: mary)
        } throws: {
            ($0 as? Refusal)?.rule == "rollout: in use"
        }
        let support = try await bench.person("Sue", .support)
        await #expect(throws: Refusal.self) { _ = try await house.perform(PlanRollout(plan: plan()), as: support) }
        #expect(try await keeper.round() == false)
        #expect(try await offered().isEmpty)
        try await demandWhole(rollout)
    }

    @Test func `goes stage by stage, as it was tried, and ends in the ledger with its numbers`() async throws {
        let rollout = try await house.perform(PlanRollout(plan: plan()), as: mary).rollout
        let tried = try await house.perform(TryRollout(plan: plan(), rollout: rollout), as: mary)
        #expect(tried.stages.reduce(0, +) == 12 && tried.next == nil)
        _ = try await house.perform(ApproveRollout(rollout: rollout), as: bob)
        _ = try await house.perform(StartRollout(rollout: rollout), as: bob)
        try await settle()
        let first = try await offered()
        #expect(first.count == tried.stages[0])
        try await answer(first)
        try await settle()
        #expect(try await view(rollout).counts[0].soaking == first.count)
        #expect(try await offered().isEmpty)
        bench.clock.advance(seconds: 3601)
        try await wake(units)
        try await settle()
        let second = try await offered()
        #expect(second.count == tried.stages[1])
        #expect(try await view(rollout).stage == 2)
        try await answer(second)
        try await settle()
        bench.clock.advance(seconds: 3601)
        try await wake(units)
        try await settle()
        let end = try await view(rollout)
        #expect(end.status == .complete && end.counts.reduce(0) { $0 + $1.done } == 12)
        #expect(
            try await kinds() == [
                "rolloutPlanned", "rolloutApproved", "rolloutStarted", "rolloutAdvanced", "rolloutFinished",
            ])
        try await demandWhole(rollout)
    }

    @Test func `stops by its own numbers, and takes back what was not installed`() async throws {
        let rollout = try await start(plan { $0.stages = [.init(share: 10_000)] })
        try await settle()
        #expect(try await offered().count == 12)
        try await answer(Array(units.prefix(2)))
        try await answer(Array(units[2..<6]), fails: true)
        try await settle()
        let end = try await view(rollout)
        #expect(end.status == .stopped && end.ofAll.failures == 4 && end.ofAll.lower >= end.ofAll.line)
        #expect(try await offered().isEmpty)
        #expect(try await count("updateWithdrawn") == 6)
        #expect(try await kinds().last == "rolloutStopped")
        let failed = try await bench.reading.devices(of: rollout, state: .failed, after: nil, limit: nil, as: mary)
        #expect(Set(failed.devices.map(\.serial)) == Set(units[2..<6].map(\.serial)))
        try await demandWhole(rollout)
        // For ever: nobody is offered it again, and the row is at rest.
        bench.clock.advance(days: 2)
        try await wake(units)
        try await settle()
        #expect(try await offered().isEmpty)
        #expect(try await house.read { try StoredRollout.active(in: $0) }.isEmpty)
    }

    @Test func `takes silence for a failure, and offers nothing to who sleeps`() async throws {
        bench.clock.advance(seconds: 7201)
        try await wake(Array(units.prefix(8)))
        let rollout = try await start(plan { $0.stages = [.init(share: 10_000)] })
        try await settle()
        #expect(try await offered().count == 8)
        #expect(try await view(rollout).counts[0].asleep == 4)
        bench.clock.advance(seconds: 3600)
        try await wake(units)
        try await settle()
        #expect(try await offered().count == 12)
        bench.clock.advance(seconds: 3601)
        try await settle()
        // Eight did not answer in time; that is enough.
        let end = try await view(rollout)
        #expect(end.status == .stopped && end.counts[0].silent == 8)
        #expect(try await offered().isEmpty, "what the silent were offered is taken back, too")
        try await demandWhole(rollout)
    }

    @Test func `counts an alarm in the soak time as a failure, and who is gone for nothing`() async throws {
        let rollout = try await start(
            plan {
                $0.stages = [.init(share: 10_000)]; $0.minimumSample = 100
            })
        try await settle()
        bench.clock.advance(seconds: 60)
        try await answer(units)
        try await settle()
        try await house.change(as: .system) { change in
            try Alarms.raise(.logBroken, on: units[0].device, detail: "A test.", in: change)
        }
        _ = try await house.perform(QuarantineDevice(device: units[1].serial, reason: "test"), as: .system)
        try await publish(2)
        _ = try await house.perform(
            OfferUpdate(product: HouseBench.product, sequence: 2, devices: [units[2].serial]), as: .system)
        try await settle()
        let counts = try await view(rollout).counts[0]
        #expect(counts.failed == 2 && counts.left == 1 && counts.soaking == 9)
        try await demandWhole(rollout)
        bench.clock.advance(seconds: 3601)
        try await wake(Array(units.prefix(6)))
        try await settle()
        #expect(try await view(rollout).counts[0].soaking == 6, "the others may yet make contact")
        bench.clock.advance(seconds: 3600)
        try await settle()
        // Six were heard of, three of them are still in it; the others are silent. Too few to conclude: a person looks.
        let end = try await view(rollout)
        #expect(end.counts[0].done == 3 && end.counts[0].silent == 6 && end.pause == .tooFew)
        func waits() async throws -> [Int] {
            try await bench.reading.fleet(as: mary).needsPerson.filter { $0.kind == .rollouts }.map(\.count)
        }
        #expect(try await waits() == [1])
        _ = try await house.perform(ResumeRollout(rollout: rollout), as: bob)
        try await settle()
        #expect(try await view(rollout).status == .complete)
        #expect(try await waits().isEmpty)
        try await demandWhole(rollout)
        // On the page of each device: what became of it, and its place in the rollout.
        let failed = try await bench.reading.updates(of: units[0].serial, as: mary)
        #expect(failed.entries.map(\.kind) == ["updated", "updateOffered"])
        #expect(failed.rollouts.map(\.state) == [.failed] && failed.rollouts.map(\.rollout) == [rollout])
        let other = try await bench.reading.updates(of: units[2].serial, as: mary)
        #expect(other.entries.map(\.kind) == ["updateOffered", "updated", "updateOffered"])
        #expect(other.rollouts.map(\.state) == [.left])
        let owner = try await bench.reading.updates(of: units[0].serial, as: ada)
        #expect(owner.entries.count == 2 && owner.rollouts.isEmpty, "rollouts are the maker's affair")
        let stranger = try await bench.ownership("Eve")
        await #expect(throws: Refusal.self) { _ = try await bench.reading.updates(of: units[0].serial, as: stranger) }
    }

    @Test func `offers nothing while it is paused`() async throws {
        let rollout = try await start(plan())
        _ = try await house.perform(PauseRollout(rollout: rollout), as: bob)
        try await settle()
        #expect(try await offered().isEmpty)
        _ = try await house.perform(ResumeRollout(rollout: rollout), as: bob)
        try await settle()
        #expect(try await !offered().isEmpty)
        await #expect(throws: Refusal.self) {
            _ = try await house.perform(StopRollout(rollout: rollout, confirm: "yes"), as: bob)
        }
        _ = try await house.perform(StopRollout(rollout: rollout, confirm: HouseBench.product.text), as: bob)
        try await settle()
        #expect(try await offered().isEmpty)
        try await demandWhole(rollout)
    }

    @Test func `reaches who joins later, and gives way to the next one of its product`() async throws {
        let late = Array(units.suffix(3))
        for unit in late {
            _ = try await house.perform(QuarantineDevice(device: unit.serial, reason: "test"), as: .system)
        }
        let rollout = try await start(plan { $0.stages = [.init(share: 10_000)] })
        try await settle()
        try await answer(offered())
        try await settle()
        bench.clock.advance(seconds: 3601)
        try await wake(units)
        try await settle()
        #expect(try await view(rollout).status == .complete)
        for unit in late { _ = try await house.perform(RestoreDevice(device: unit.serial), as: .system) }
        bench.clock.advance(seconds: 700)
        try await settle()
        #expect(Set(try await offered().map(\.serial)) == Set(late.map(\.serial)))
        try await publish(2)
        let next = try await house.perform(PlanRollout(plan: plan { $0.sequence = 2 }), as: bob).rollout
        _ = try await house.perform(ApproveRollout(rollout: next), as: mary)
        _ = try await house.perform(StartRollout(rollout: next), as: mary)
        #expect(try await view(rollout).status == .closed)
        let third = try await house.perform(PlanRollout(plan: plan { $0.sequence = 2 }), as: bob).rollout
        _ = try await house.perform(ApproveRollout(rollout: third), as: mary)
        await #expect { _ = try await house.perform(StartRollout(rollout: third), as: mary) } throws: {
            ($0 as? Refusal)?.rule == "rollout: one a product"
        }
        try await demandWhole(rollout)
    }

    @Test func `offers in the device's own night only`() async throws {
        // The bench's clock begins at midnight UTC.
        try await wake(Array(units.prefix(6)), posture: ["timeZone": "+02:00"])
        try await wake(Array(units.suffix(6)), posture: ["timeZone": "+09:00"])
        let rollout = try await start(
            plan {
                $0.stages = [.init(share: 10_000)]
                $0.window = MaintenanceWindow(from: 60, to: 180)
                $0.aliveSeconds = 86_400
                $0.deadlineSeconds = 2 * 86_400
            })
        try await settle()
        #expect(Set(try await offered().map(\.serial)) == Set(units.prefix(6).map(\.serial)))
        #expect(try await view(rollout).counts[0].waiting == 6)
        bench.clock.advance(seconds: 16 * 3600)
        try await settle()
        #expect(try await offered().count == 12)
    }

    @Test func `passes over who is held or pinned, until somebody releases it`() async throws {
        let (held, pinned) = (units[0], units[1])
        _ = try await house.perform(HoldUpdates(device: held.serial), as: mary)
        #expect(try await house.perform(HoldUpdates(device: pinned.serial, highest: 1), as: mary).highest == 1)
        let rollout = try await start(plan { $0.stages = [.init(share: 10_000)] })
        try await settle()
        #expect(Set(try await offered().map(\.serial)) == Set(units.dropFirst().map(\.serial)))
        // Held while it waits for the release: that is taken back.
        _ = try await house.perform(HoldUpdates(device: units[2].serial), as: mary)
        #expect(try await passport(units[2]).offeredUpdate == nil)
        let named = try await house.perform(
            OfferUpdate(product: HouseBench.product, sequence: 1, devices: [held.serial]), as: mary)
        #expect(named.offered == 0 && named.skipped == 1)
        _ = try await house.perform(ReleaseUpdates(device: held.serial), as: mary)
        await #expect(throws: Refusal.self) {
            _ = try await house.perform(ReleaseUpdates(device: held.serial), as: mary)
        }
        bench.clock.advance(seconds: 700)
        try await wake(units)
        try await settle()
        #expect(try await offered().contains { $0.serial == held.serial })
        // Who was held with the offer in hand is offered it again, and until then counts like one that sleeps.
        #expect(try await view(rollout).counts[0].asleep == 1)
        _ = try await house.perform(ReleaseUpdates(device: units[2].serial), as: mary)
        bench.clock.advance(seconds: 3601)
        try await wake(units)
        try await settle()
        #expect(try await passport(units[2]).offeredUpdate?.sequence == 1)
        #expect(try await view(rollout).counts[0].offered == 12)
        try await publish(2)
        let next = try await house.perform(
            OfferUpdate(product: HouseBench.product, sequence: 2, devices: [pinned.serial, units[3].serial]), as: mary)
        #expect(next.offered == 1 && next.skipped == 1)
        try await settle()
        try await demandWhole(rollout)
        _ = try await house.database.write { try $0.execute("UPDATE update_hold SET highest = 99", []) }
        #expect(try await Audit.run(house.database).findings.contains { $0.what == "hold of \(pinned.device)" })
    }

    @Test func `goes back to the release before, where the one that runs was signed so`() async throws {
        let whole = [RolloutPlan.Stage(share: 10_000)]
        let first = try await start(plan { $0.stages = whole })
        try await settle()
        try await answer(units)
        try await settle()
        try await publish(2, mayReturn: true)
        try await publish(3)
        _ = try await house.perform(StopRollout(rollout: first, confirm: HouseBench.product.text), as: bob)
        try await settle()
        // Release 1 has none before it, and release 3 was signed without a way back.
        for (left, sequence) in [(3, 2), (2, 3), (3, 1), (9, 1)] {
            let wrong = plan { ($0.stages, $0.sequence, $0.returnsFrom) = (whole, sequence, left) }
            await #expect(throws: Refusal.self) { _ = try await house.perform(PlanRollout(plan: wrong), as: mary) }
        }
        await #expect { _ = try await house.perform(ReturnRollout(rollout: first), as: mary) } throws: {
            ($0 as? Refusal)?.rule == "rollout: return"
        }
        let second = try await start(plan { ($0.stages, $0.sequence) = (whole, 2) })
        try await settle()
        try await answer(Array(units.prefix(5)))
        try await settle()
        #expect(try await view(second).mayReturnTo == 1)
        let back = try await house.perform(ReturnRollout(rollout: second), as: mary).rollout
        await #expect(throws: Refusal.self) {
            _ = try await house.perform(ApproveRollout(rollout: back), as: mary)
        }
        _ = try await house.perform(ApproveRollout(rollout: back), as: bob)
        await #expect(throws: Refusal.self, "while the other one runs") {
            _ = try await house.perform(StartRollout(rollout: back), as: bob)
        }
        _ = try await house.perform(StopRollout(rollout: second, confirm: HouseBench.product.text), as: bob)
        try await settle()
        _ = try await house.perform(StartRollout(rollout: back), as: bob)
        try await settle()
        // Those that run release 2 and nobody else; by no other way.
        #expect(Set(try await offered(1).map(\.serial)) == Set(units.prefix(5).map(\.serial)))
        let named = try await house.perform(
            OfferUpdate(product: HouseBench.product, sequence: 1, devices: [units[0].serial]), as: mary)
        #expect(named.offered == 0)
        bench.clock.advance(seconds: 60)
        try await answer(offered(1))
        try await settle()
        #expect(try await passport(units[0]).installed?.sequence == 1)
        #expect(try await view(back).counts[0].soaking == 5)
        #expect(try await count("returnOffered") == 5)
        #expect(try await bench.reading.updates(of: units[0].serial, as: mary).entries.first?.kind == "updated")
        await #expect(throws: Refusal.self) { _ = try await house.perform(ReturnRollout(rollout: back), as: mary) }
        try await demandWhole(back)
    }

    @Test func `goes back to one that never said it may follow, and moves nobody whom a person holds`() async throws {
        let whole = [RolloutPlan.Stage(share: 10_000)]
        func install(_ sequence: Int) async throws -> RolloutID {
            let rollout = try await start(plan { ($0.stages, $0.sequence) = (whole, sequence) })
            try await settle()
            try await answer(units)
            try await settle()
            _ = try await house.perform(StopRollout(rollout: rollout, confirm: HouseBench.product.text), as: bob)
            try await settle()
            return rollout
        }
        // What runs is known by the receipts alone.
        _ = try await house.database.write { try $0.execute("UPDATE contact SET version = ''", []) }
        _ = try await install(1)
        try await bench.publishRelease(2, from: ["1"])
        _ = try await install(2)
        try await publish(3, mayReturn: true)
        let third = try await install(3)
        #expect(try await passport(units[0]).installed?.sequence == 3)
        _ = try await house.perform(HoldUpdates(device: units[0].serial), as: mary)
        let back = try await house.perform(ReturnRollout(rollout: third), as: mary).rollout
        _ = try await house.perform(ApproveRollout(rollout: back), as: bob)
        _ = try await house.perform(StartRollout(rollout: back), as: bob)
        try await settle()
        #expect(Set(try await offered(2).map(\.serial)) == Set(units.dropFirst().map(\.serial)))
        try await demandWhole(back)
        // Update metadata begins: what it does not name, devices refuse.
        _ = try await UpdateBench(bench)
        await #expect { _ = try await house.perform(ReturnRollout(rollout: third), as: mary) } throws: {
            ($0 as? Refusal)?.rule == "rollout: return"
        }
    }

    @Test func `offers nothing twice, whoever advances it`() async throws {
        let rollout = try await start(plan { $0.stages = [.init(share: 10_000)] })
        let keepers = (0..<3).map { _ in RolloutKeeper(bench.house) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for keeper in keepers {
                group.addTask { for _ in 0..<8 { _ = try await keeper.round() } }
            }
            try await group.waitForAll()
        }
        #expect(try await count("updateOffered") == 12)
        try await demandWhole(rollout)
    }

    @Test func `changed behind the registry's back is found by the audit`() async throws {
        let rollout = try await start(plan())
        for (sql, word) in [
            ("UPDATE rollout SET status = 'complete'", "by the ledger"), ("UPDATE rollout SET plan = '{}'", "Its plan"),
            ("UPDATE rollout SET approved_by = planned_by", "approved it"), ("DELETE FROM rollout", "is gone"),
        ] {
            _ = try await house.database.write { try $0.execute(sql, []) }
            let findings = try await Audit.run(house.database).findings
            #expect(
                findings.contains { $0.what == "rollout \(rollout)" && $0.finding.contains(word) },
                "\(sql): \(findings)")
        }
    }

    @Test func `takes in again who was cut off or given away, when that is over`() async throws {
        let rollout = try await start(
            plan {
                $0.stages = [.init(share: 10_000)]
                ($0.deadlineSeconds, $0.aliveSeconds) = (2 * 86_400, 86_400)
            })
        try await settle()
        let offers = try await count("updateOffered")
        _ = try await house.perform(QuarantineDevice(device: units[0].serial, reason: "test"), as: .system)
        _ = try await house.perform(OfferDevice(device: units[1].serial), as: ada)
        _ = try await house.perform(RetireDevice(device: units[2].serial, how: .recycled), as: .system)
        try await settle()
        #expect(try await view(rollout).counts[0].left == 3)
        _ = try await house.perform(RestoreDevice(device: units[0].serial), as: .system)
        bench.clock.advance(seconds: 6 * 3600 + 1)
        try await settle()
        // The one is back, with the offer that it had; the other is still given away, and the third one's life is over.
        #expect(try await view(rollout).counts[0].left == 2)
        _ = try await house.perform(WithdrawOffer(device: units[1].serial), as: ada)
        bench.clock.advance(seconds: 6 * 3600 + 1)
        try await settle()
        let counts = try await view(rollout).counts[0]
        #expect(counts.left == 1 && counts.offered == 11)
        #expect(try await count("updateOffered") == offers, "nobody is offered anew what it has")
        try await demandWhole(rollout)
    }

    @Test func `that cannot be advanced holds up no other`() async throws {
        let broken = try await start(plan { $0.stages = [.init(share: 10_000)] })
        try await settle()
        let other = ProductID(trusted: "zeta-1")
        _ = try await house.perform(PublishProduct(product: other, title: "Zeta", hardware: "z"), as: .system)
        let bytes = Array("release 1".utf8)
        _ = try await house.perform(
            PublishRelease(
                product: other, sequence: 1, version: "1", hardware: ["z"], sha256: LeafCertificate.sha256(bytes),
                size: bytes.count), as: .system)
        let whole = try await start(
            plan {
                ($0.stages, $0.product) = ([.init(share: 10_000)], other)
            })
        _ = try await house.database.write { try $0.execute("UPDATE rollout_member SET state = 'nonsense'", []) }
        try await answer(Array(units.prefix(1)))
        await #expect(throws: (any Error).self) { while try await keeper.round() {} }
        #expect(try await view(broken).status == .running)
        #expect(try await view(whole).status == .complete)
    }

    @Test func `says how long it takes and who answers for it`() async throws {
        let planned = try await house.perform(PlanRollout(plan: plan()), as: mary).rollout
        let waiting = try await view(planned)
        #expect(waiting.forecast?.obstacle == .approval && waiting.planner == "Mary" && waiting.approver == nil)
        let rollout = try await start(plan { $0.stages = [.init(share: 10_000)] })
        try await settle()
        let open = try await view(rollout)
        let opened = try #require(open.stageOpened)
        #expect(open.approver == "Bob" && open.forecast?.obstacle == nil && open.forecast?.stage?.likely == nil)
        // All are offered it: a soak at least; a deadline of two hours, and two of silence, at most.
        #expect(open.forecast?.stage?.latest == opened.adding(seconds: 7200 + 7200))
        try await answer(Array(units.prefix(6)))
        bench.clock.advance(seconds: 600)
        try await answer(Array(units.suffix(6)))
        try await settle()
        let soaking = try await view(rollout).forecast
        #expect(soaking?.stage?.soonest == soaking?.stage?.likely)
        #expect(soaking?.stage?.soonest == bench.clock.now.adding(seconds: 3600))
        #expect(!Sentences.forecast(open).isEmpty)
        _ = try await house.perform(StopRollout(rollout: rollout, confirm: HouseBench.product.text), as: bob)
        #expect(try await view(rollout).forecast == nil)
    }
}
