import Keys
import Passport
import Registry
import Retirement
import Rollout
import Store
import Testing
import Trust
import Use
import Wire
import Workbench

/// A release is taken off; and how many devices run one.
@Suite struct `A release that is withdrawn` {
    private let bench: HouseBench
    private let units: [BenchUnit]
    private let keys: [DeviceID: EphemeralKey]
    private let mary: Principal
    private let bob: Principal
    private var house: House { bench.house }

    init() async throws {
        bench = try await HouseBench()
        units = try await bench.makeUnits(3)
        let ada = try await bench.ownership()
        var keys: [DeviceID: EphemeralKey] = [:]
        for unit in units {
            try await bench.pair(unit, with: ada)
            keys[unit.device] = try await bench.enrol(unit).key
        }
        self.keys = keys
        mary = try await bench.person("Mary", .makerAdmin)
        bob = try await bench.person("Bob", .makerAdmin)
        try await bench.publishRelease(1)
        try await bench.publishRelease(2)
    }

    private func passport(_ unit: BenchUnit) async throws -> Passport {
        try await house.read { try Device.require(unit.serial, in: $0).passport }
    }

    private func offer(_ sequence: Int, to units: [BenchUnit]) async throws {
        _ = try await house.perform(
            OfferUpdate(product: HouseBench.product, sequence: sequence, devices: units.map(\.serial)), as: mary)
    }

    /// Said by the device, or, of the last one, seen by the server.
    private func install(_ unit: BenchUnit) async throws {
        let offer = try #require(try await passport(unit).offeredUpdate)
        guard unit.device != units[2].device else {
            _ = try await house.change(as: .device(unit.device)) { change in
                try change.record(
                    .updateObserved(release: offer.release, sequence: offer.sequence, outcome: .installed),
                    on: unit.device)
            }
            return
        }
        let receipt = Receipt(
            kind: .updated, device: unit.device, at: bench.clock.now, release: offer.release, sequence: offer.sequence)
        let seal = try Seal.sign(
            type: Seal.PayloadType.receipt, payload: CanonicalJSON.encode(receipt), with: #require(keys[unit.device]))
        _ = try await house.perform(RecordReceipt(seal: seal), as: .device(unit.device))
    }

    private func withdraw(_ sequence: Int = 2, confirm: String = "thermostat-2") async throws -> [RolloutID] {
        try await house.perform(
            WithdrawRelease(product: HouseBench.product, sequence: sequence, confirm: confirm), as: mary
        ).stopped
    }

    private func release(_ sequence: Int) async throws -> ReleaseView {
        try #require(try await bench.reading.releases(as: mary).first { $0.sequence == sequence })
    }

    @Test func `is offered to nobody, and given to nobody who was offered it`() async throws {
        try await offer(2, to: [units[0]])
        let offered = try #require(try await passport(units[0]).offeredUpdate)
        await refuses(.conflict, "release: confirmed withdrawal") { _ = try await withdraw(confirm: "yes") }
        #expect(try await release(2).isOffered)
        _ = try await withdraw()
        #expect(try await !release(2).isOffered)
        await refuses(.gone, "release: withdrawn") { _ = try await withdraw() }
        await refuses(.notFound, nil) { _ = try await withdraw(9) }
        await refuses(.gone, "release: withdrawn") { try await offer(2, to: [units[1]]) }
        await refuses(.gone, "release: withdrawn") {
            _ = try await house.perform(
                PlanRollout(plan: RolloutPlan(product: HouseBench.product, sequence: 2)), as: mary)
        }
        let unit = units[0]
        try await house.read { rows in
            let device = try Device.require(unit.serial, in: rows)
            #expect(try Updates.next(for: device.passport, in: rows) == nil)
            let stored = try StoredRelease.find(2, of: HouseBench.product, in: rows)
            #expect(throws: Refusal.self) {
                try Updates.demand(stored?.manifest.sha256 ?? offered.release, for: device, in: rows)
            }
            let certificate = try #require(device.passport.certificates.last).sha256
            #expect {
                _ = try Updates.demandKey(of: offered.release, for: device, showing: certificate, in: rows)
            } throws: {
                ($0 as? Refusal)?.rule == "update: offered only"
            }
        }
        // Who installed it before it heard of that says so, and that is true.
        try await install(units[0])
        #expect(try await passport(units[0]).installed?.sequence == 2)
        #expect(try await Audit.run(house.database).findings.isEmpty)
        for change in ["withdrawn_at = NULL", "published_by = 'somebody-else'"] {
            _ = try await house.database.write {
                try $0.execute("UPDATE release SET \(change) WHERE sequence = 2", [])
            }
            #expect(try await Audit.run(house.database).findings.contains { $0.what == "release \(offered.release)" })
        }
    }

    @Test func `stops its rollouts, whose offers are taken back`() async throws {
        for unit in units {
            house.contacts.note(
                .init(
                    device: unit.device, tenure: try await bench.tenure(of: unit.device), at: bench.clock.now,
                    report: CheckInReport(agent: "bench/1", sequence: 0, version: "0")))
        }
        await house.contacts.flush()
        let plan = RolloutPlan(product: HouseBench.product, sequence: 2, stages: [.init(share: 10_000)])
        let running = try await house.perform(PlanRollout(plan: plan), as: mary).rollout
        _ = try await house.perform(ApproveRollout(rollout: running), as: bob)
        _ = try await house.perform(StartRollout(rollout: running), as: bob)
        let planned = try await house.perform(PlanRollout(plan: plan), as: mary).rollout
        let keeper = RolloutKeeper(house)
        for _ in 0..<6 { _ = try await keeper.round() }
        #expect(try await passport(units[0]).offeredUpdate?.sequence == 2)
        #expect(try await Set(withdraw()) == [running, planned])
        for _ in 0..<6 { _ = try await keeper.round() }
        for unit in units { #expect(try await passport(unit).offeredUpdate == nil) }
        for rollout in [running, planned] {
            #expect(try await bench.reading.rollout(rollout, as: mary).status == .stopped)
        }
        #expect(try await Audit.run(house.database).findings.isEmpty)
    }

    @Test func `in update metadata is its signers' affair`() async throws {
        let bench = try await HouseBench()
        let updates = try await UpdateBench(bench)
        try await updates.release(1)
        await refuses(.conflict, "release: update metadata") {
            _ = try await bench.house.perform(
                WithdrawRelease(product: HouseBench.product, sequence: 1, confirm: HouseBench.product.text),
                as: updates.grace)
        }
        #expect(try await bench.reading.releases(as: updates.grace).map(\.isOffered) == [true])
        try await updates.withdraw(1)
        #expect(try await bench.reading.releases(as: updates.grace).map(\.isOffered) == [false])
    }

    @Test func `counts the devices that run it, like any other, until they run another or retire`() async throws {
        func running() async throws -> [Int?] {
            try await bench.reading.releases(as: mary).map(\.running)
        }
        try await offer(1, to: units)
        for unit in units { try await install(unit) }
        #expect(try await running() == [0, 3])
        try await offer(2, to: [units[0], units[1]])
        try await install(units[0])
        try await install(units[1])
        #expect(try await running() == [2, 1])
        let last = units[1]
        _ = try await house.perform(RetireDevice(device: last.serial, how: .recycled), as: .system)
        #expect(try await running() == [1, 1])
        #expect(try await Audit.run(house.database).findings.isEmpty)
        // An owner reads which releases there are, and not how the fleet is.
        let owner = try await bench.ownership("Eve")
        let seen = try await bench.reading.releases(as: owner)
        #expect(seen.count == 2 && seen.allSatisfy { $0.running == nil && $0.signers == nil && $0.publishedBy == nil })
        _ = try await house.database.write { try $0.execute("UPDATE tally SET n = 7 WHERE name LIKE 'runs %'", []) }
        #expect(try await Audit.run(house.database).findings.count == 2)
        // What a registry is counted by that did not count so far.
        _ = try await house.database.write { rows in
            _ = try rows.execute("DELETE FROM tally WHERE name LIKE 'runs %'", [])
            _ = try rows.execute(Tally.countRunning, [])
        }
        #expect(try await running() == [1, 1])
    }

    @Test func `is found page by page`() async throws {
        for sequence in 3...7 { try await bench.publishRelease(sequence) }
        var (found, after): ([Int], String?) = ([], nil)
        repeat {
            let page = try await bench.reading.releases(product: nil, after: after, limit: 3, as: mary)
            found += page.releases.map(\.sequence)
            after = page.next
        } while after != nil
        #expect(found == [7, 6, 5, 4, 3, 2, 1])
        for wrong in ["", "x", "thermostat-2/", "thermostat-2/7/8", "../7", String(repeating: "a", count: 300) + "/1"] {
            await refuses(.malformed, nil) {
                _ = try await bench.reading.releases(product: nil, after: wrong, limit: 3, as: mary)
            }
        }
    }
}
