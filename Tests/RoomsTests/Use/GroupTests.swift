import Passport
import Registry
import Rollout
import Selection
import Store
import Testing
import Use
import Wire
import Workbench

/// Labels and groups in a real registry: who may write them, what they find, and that nothing approved moves with them.
@Suite struct `Labels and groups` {
    private let bench: HouseBench
    private let units: [BenchUnit]
    private let ada: Principal
    private let mary: Principal
    private var house: House { bench.house }

    init() async throws {
        bench = try await HouseBench()
        units = try await bench.makeUnits(6)
        ada = try await bench.ownership()
        for unit in units { try await bench.pair(unit, with: ada) }
        mary = try await bench.person("Mary", .makerAdmin)
    }

    private func label(_ units: some Sequence<BenchUnit>, _ labels: [String: String], without: [String] = [])
        async throws
        -> Int
    {
        try await house.perform(
            LabelDevices(devices: units.map(\.serial), labels: labels, without: without), as: mary
        ).changed
    }

    private func found(_ selector: String, as principal: Principal? = nil) async throws -> Set<String> {
        let filter = DeviceFilter(selector: try Selector(selector))
        return Set(try await bench.reading.devices(filter, limit: 50, as: principal ?? mary).devices.map(\.serial))
    }

    private func serials(_ units: some Sequence<BenchUnit>) -> Set<String> { Set(units.map(\.serial)) }

    @Test func `find devices, and change with them`() async throws {
        #expect(try await label(units.prefix(3), ["ring": "canary", "site": "Old Mill"]) == 3)
        #expect(try await label(units.prefix(3), ["ring": "canary"]) == 0, "they say so already")
        #expect(try await label([units[0], units[0]], [:], without: ["site"]) == 1)
        #expect(try await found("label.ring = canary") == serials(units.prefix(3)))
        #expect(try await found("label.site = \"Old Mill\"") == serials(units[1...2]))
        #expect(try await found("not label.ring = canary") == serials(units.suffix(3)))
        _ = try await house.perform(SetGroup(group: "canaries", selector: Selector("label.ring = canary")), as: mary)
        _ = try await house.perform(
            SetGroup(group: "mill", selector: Selector("group = canaries and label.site = \"Old Mill\"")), as: mary)
        #expect(try await found("group = mill") == serials(units[1...2]))
        #expect(
            try await found("group in (mill, canaries) and serial = \(units[0].serial)") == serials(units.prefix(1)))
        #expect(try await found("group != mill") == serials(units).subtracting(serials(units[1...2])))
        // A group that another was made of may change or go: the other keeps its meaning.
        _ = try await house.perform(RemoveGroup(group: "canaries"), as: mary)
        #expect(try await found("group = mill") == serials(units[1...2]))
        await #expect(throws: Refusal.self) { _ = try await found("group = canaries") }
        await #expect(throws: Refusal.self) { _ = try await house.perform(RemoveGroup(group: "canaries"), as: mary) }
        let device = try await bench.reading.device(units[1].serial, as: mary)
        #expect(device.labels == ["ring": "canary", "site": "Old Mill"])
        #expect(try await Audit.run(house.database).findings.isEmpty)
    }

    @Test func `are the maker's affair`() async throws {
        _ = try await label(units, ["customer": "late-payer"])
        let support = try await bench.person("Sue", .support)
        for nobody in [ada, support] {
            await #expect(throws: Refusal.self) {
                _ = try await house.perform(LabelDevices(devices: [units[0].serial], labels: ["a": "b"]), as: nobody)
            }
            await #expect(throws: Refusal.self) {
                _ = try await house.perform(SetGroup(group: "mine", selector: .all), as: nobody)
            }
        }
        for asked in ["label.customer = late-payer", "not group = any", "serial ~ x or not (label.customer ~ l)"] {
            await #expect { _ = try await found(asked, as: ada) } throws: {
                ($0 as? Refusal)?.rule == "label: maker only"
            }
        }
        #expect(try await bench.reading.device(units[0].serial, as: ada).labels == nil)
        await #expect(throws: Refusal.self) { _ = try await bench.reading.groups(as: ada) }
        // Nor do they stand in the ledger, which anybody reads.
        let entries = try await house.read { rows in
            try rows.query("SELECT entry FROM ledger WHERE kind = 'deviceLabelled' ORDER BY idx").map {
                String(decoding: try $0.bytes("entry"), as: UTF8.self)
            }
        }
        #expect(entries.count == 6 && entries.allSatisfy { !$0.contains("customer") && !$0.contains("late") })
        // The same labels of two devices are no more alike than any others.
        #expect(Set(entries.compactMap { $0.split(separator: "\"labels\":").last?.prefix(66) }).count == 6)
    }

    @Test func `are few, short and plain`() async throws {
        for (name, value) in [
            ("", "x"), ("Ring", "x"), ("1st", "x"), ("a b", "x"), (String(repeating: "a", count: 33), "x"),
            ("ring", ""),
            ("ring", String(repeating: "x", count: 65)), ("ring", "a\nb"), ("ring", "\u{1b}[31m"),
        ] {
            await #expect(throws: Refusal.self, "\(name) = \(value)") { _ = try await label(units, [name: value]) }
        }
        await #expect(throws: Refusal.self) { _ = try await label(units, [:]) }
        let many = Dictionary(uniqueKeysWithValues: (0..<16).map { ("l\($0)", "x") })
        #expect(try await label([units[0]], many) == 1)
        await #expect(throws: Refusal.self) { _ = try await label([units[0]], ["one-more": "x"]) }
        #expect(try await label([units[0]], ["one-more": "x"], without: ["l0"]) == 1)
        await #expect(throws: Refusal.self) {
            _ = try await house.perform(
                LabelDevices(devices: Array(repeating: "x", count: LabelDevices.limit + 1), labels: ["a": "b"]),
                as: mary)
        }
        // One that is not there undoes the call.
        await #expect(throws: Refusal.self) {
            _ = try await house.perform(
                LabelDevices(devices: [units[1].serial, "NOBODY"], labels: ["a": "b"]), as: mary)
        }
        #expect(try await found("label.a = b").isEmpty)
        for name in ["", "A", "all devices"] {
            await #expect(throws: Refusal.self) {
                _ = try await house.perform(SetGroup(group: name, selector: .all), as: mary)
            }
        }
        await #expect(throws: Refusal.self) {
            _ = try await house.perform(SetGroup(group: "a", selector: Selector("group = a")), as: mary)
        }
        // Groups of groups grow no longer than what somebody may type.
        let long = "serial in (" + (0..<100).map { "X\($0)000000000000" }.joined(separator: ", ") + ")"
        _ = try await house.perform(SetGroup(group: "long", selector: Selector(long)), as: mary)
        await #expect(throws: Refusal.self) {
            _ = try await house.perform(
                SetGroup(group: "longer", selector: Selector("group = long or not (group = long and group = long)")),
                as: mary)
        }
    }

    @Test func `mean in a plan what they meant when it was planned`() async throws {
        try await bench.publishRelease(1)
        _ = try await label([units[0]], ["ring": "canary"])
        _ = try await house.perform(SetGroup(group: "canaries", selector: Selector("label.ring = canary")), as: mary)
        let plan = RolloutPlan(
            product: HouseBench.product, sequence: 1, selector: try Selector("not group = never"),
            stages: [.init(share: 10_000, selector: try Selector("group = canaries")), .init(share: 10_000)])
        await #expect(throws: Refusal.self) { _ = try await house.perform(PlanRollout(plan: plan), as: mary) }
        _ = try await house.perform(SetGroup(group: "never", selector: .not(.all)), as: mary)
        #expect(try await house.perform(TryRollout(plan: plan), as: mary).stages == [1, 5])
        let rollout = try await house.perform(PlanRollout(plan: plan), as: mary).rollout
        _ = try await house.perform(SetGroup(group: "canaries", selector: .all), as: mary)
        let kept = try await bench.reading.rollout(rollout, as: mary).plan
        #expect(kept.stages[0].selector?.description == "label.ring = canary")
        #expect(try await house.perform(TryRollout(plan: kept, rollout: rollout), as: mary).stages == [1, 5])
        // The labels themselves may change: they are looked at when the stage is gathered.
        _ = try await label([units[1]], ["ring": "canary"])
        #expect(try await house.perform(TryRollout(plan: kept, rollout: rollout), as: mary).stages == [2, 4])
    }

    @Test func `changed behind the registry's back are found by the audit`() async throws {
        _ = try await label([units[0]], ["ring": "canary"])
        _ = try await house.perform(SetGroup(group: "canaries", selector: .all), as: mary)
        for (sql, word) in [
            ("UPDATE device_label SET labels = '{}'", "labels of"), ("DELETE FROM device_label", "labels of"),
            ("UPDATE device_group SET selector = 'not all'", "group canaries"),
            ("DELETE FROM device_group", "group canaries"),
        ] {
            _ = try await house.database.write { try $0.execute(sql, []) }
            let findings = try await Audit.run(house.database).findings
            #expect(findings.contains { $0.what.hasPrefix(word) }, "\(sql): \(findings)")
        }
    }
}
