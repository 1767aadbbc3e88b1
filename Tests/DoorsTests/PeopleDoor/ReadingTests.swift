import Ledger
import Pairing
import Passport
import Registry
import Server
import Testing
import Transfer
import Use
import Wire
import Workbench

@Suite struct `What people read` {
    @Test func `is the whole fleet for staff and only one's own devices for an owner`() async throws {
        let bench = try await HouseBench()
        let units = try await bench.makeUnits(3)
        let ada = try await bench.owner("Ada Lovelace")
        let owner = try await bench.person("ada", .owner, owner: ada)
        let support = try await bench.person("sam", .support)
        let admin = try await bench.person("grace", .makerAdmin)
        _ = try await bench.house.perform(PairDevice(device: units[0].serial, grade: .declared), as: owner)
        try await bench.publisher.publish()
        let reading = bench.reading

        #expect(try await reading.devices(as: support).devices.count == 3)
        #expect(try await reading.devices(as: owner).devices.map(\.serial) == [units[0].serial])
        #expect(try await reading.fleet(as: owner).devices == 1)
        #expect(try await reading.fleet(as: owner).ledger == nil)
        #expect(try await reading.fleet(as: support).stages.first { $0.stage == .shipped }?.count == 2)
        await #expect(throws: Refusal.self) { try await reading.device(units[1].serial, as: owner) }
        await #expect(throws: Refusal.self) { try await reading.life(units[1].serial, as: owner) }
        await #expect(throws: Refusal.self) { try await reading.evidence(units[1].device.text, as: owner) }

        // The owner's name is personal: for the administrators and the owner alone.
        #expect(try await reading.device(units[0].serial, as: support).tenures.first?.owner == nil)
        #expect(try await reading.devices(as: support).devices.allSatisfy { $0.owner == nil })
        #expect(try await reading.device(units[0].serial, as: admin).tenures.first?.owner?.name == "Ada Lovelace")
        #expect(try await reading.device(units[0].serial, as: owner).tenures.first?.owner?.name == "Ada Lovelace")
        await #expect(throws: Refusal.self) { try await reading.devices(DeviceFilter(owner: ada), as: support) }
        #expect(try await reading.devices(DeviceFilter(owner: ada), as: admin).devices.count == 1)
    }

    @Test func `comes page by page, each device once, under every filter`() async throws {
        let bench = try await HouseBench()
        let units = try await bench.makeUnits(7)
        _ = try await bench.makeUnits(2, shipped: false, station: "line-2")
        let support = try await bench.person("sam", .support)
        for filter in [DeviceFilter(stage: .shipped), DeviceFilter(stage: .shipped, q: "THERMOSTAT-2-")] {
            var (seen, after): ([String], String?) = ([], nil)
            repeat {
                let page = try await bench.reading.devices(filter, after: after, limit: 3, as: support)
                seen += page.devices.map(\.serial)
                after = page.next
            } while after != nil
            #expect(seen.sorted() == units.map(\.serial).sorted())
        }
        #expect(try await bench.reading.devices(DeviceFilter(q: units[2].serial), as: support).devices.count == 1)
        #expect(try await bench.reading.devices(DeviceFilter(q: units[2].device.text), as: support).devices.count == 1)
        #expect(try await bench.reading.devices(DeviceFilter(q: "thermo%"), as: support).devices.isEmpty)
        #expect(try await bench.reading.devices(DeviceFilter(alarm: .any), as: support).devices.isEmpty)
        #expect(try await bench.reading.devices(DeviceFilter(stage: .made), as: support).devices.count == 2)
    }

    @Test func `tells a device's life, its rights and what may be done`() async throws {
        let bench = try await HouseBench()
        let unit = try await bench.makeUnits(1)[0]
        let owner = try await bench.person("ada", .owner, owner: bench.owner("Ada"))
        let admin = try await bench.person("grace", .makerAdmin)
        _ = try await bench.house.perform(PairDevice(device: unit.serial, grade: .declared), as: owner)
        _ = try await bench.house.perform(QuarantineDevice(device: unit.serial, reason: "tamper"), as: admin)
        try await bench.publisher.publish()
        let view = try await bench.reading.device(unit.serial, as: admin)
        #expect(view.stage == .quarantined)
        #expect(view.birthChain.map(\.kind) == ["birth", "authority", "root"])
        #expect(view.rights.first { $0.right == .backEnd }?.allowed == false)
        #expect(view.actions.map(\.name).contains("use/restore-device"))
        #expect(!view.actions.map(\.name).contains("use/quarantine-device"))
        #expect(try await bench.reading.device(unit.serial, as: owner).actions.isEmpty)
        let life = try await bench.reading.life(unit.serial, as: admin)
        #expect(life.entries.map(\.kind) == ["born", "shipped", "paired", "quarantined"])
        #expect(life.entries.allSatisfy { $0.isPublished && $0.sentence.hasSuffix(".") || $0.kind == "quarantined" })
        #expect(try await bench.reading.fleet(as: admin).needsPerson.map(\.kind).contains(.quarantined))
    }

    @Test func `proves an entry step by step up to the signed root`() async throws {
        let bench = try await HouseBench()
        _ = try await bench.makeUnits(5)
        try await bench.publisher.publish()
        let auditor = try await bench.person("una", .auditor)
        let size = try await bench.reading.ledger(as: auditor).publishedSize
        for index in 0..<size {
            let proof = try await bench.reading.proof(index, as: auditor)
            let proven = try proof.evidence.verify(vkey: bench.publisher.verifierKey)
            #expect(proof.root == proven.checkpoint.root)
            #expect((proof.path.last?.parent ?? proof.leafHash) == proof.root)
            #expect(proof.path.last.map { $0.first == 0 && $0.end == size } ?? (size == 1))
            #expect(proof.path.allSatisfy { $0.first <= index && index < $0.end })
        }
    }

    @Test func `gives evidence of a passport that verifies without the house`() async throws {
        let bench = try await HouseBench()
        let unit = try await bench.makeUnits(1)[0]
        try await bench.publisher.publish()
        let auditor = try await bench.person("una", .auditor)
        let evidence = try await bench.reading.evidence(unit.serial, as: auditor)
        #expect(try evidence.verify(vkey: bench.publisher.verifierKey).entries.count == 2)
    }

    @Test func `gives no evidence of more entries than one answer bears`() async throws {
        let bench = try await HouseBench()
        let unit = try await bench.makeUnits(1)[0]
        try await bench.publisher.publish()
        func prove(limit: Int) async throws -> Int {
            try await bench.house.read { rows in
                try LedgerReader.evidence(
                    of: unit.device, subject: "passport", key: bench.publisher.verifierKey, limit: limit, in: rows
                ).verify(vkey: bench.publisher.verifierKey).entries.count
            }
        }
        #expect(try await prove(limit: 2) == 2)
        let refusal = await #expect(throws: Refusal.self) { try await prove(limit: 1) }
        #expect(refusal?.code == .tooLarge)
        #expect(refusal?.hint.contains("verify log") == true)
    }

    @Test func `offers only actions that exist, under the permission that they need`() {
        let known = Dictionary(ActionList.all.map { ($0.name, $0.permission) }, uniquingKeysWith: { a, _ in a })
        for offer in DeviceActions.all { #expect(known[offer.name] == offer.permission, "\(offer.name)") }
    }
}
