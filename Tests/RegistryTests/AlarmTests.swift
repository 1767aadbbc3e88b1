import Manufacture
import Pairing
import Passport
import Registry
import Store
import Testing
import Transfer
import Trust
import Wire
import Workbench

@Suite struct `An alarm` {
    private func device(_ bench: HouseBench, _ unit: BenchUnit) async throws -> Device {
        try await bench.house.read { try Device.require(unit.serial, in: $0) }
    }

    @Test func `of a contact before pairing is kept back while somebody pairs, and no longer`() async throws {
        let bench = try await HouseBench()
        let unit = try await bench.makeUnits(1)[0]
        _ = try await bench.house.database.write { try $0.execute("UPDATE product SET alarm_before_pairing = 1", []) }
        let ada = try await bench.ownership()
        _ = try await bench.house.perform(PairDevice(device: unit.serial, grade: .proven), as: ada)
        try await Contact.judge(try await device(bench, unit), from: "192.0.2.1", in: bench.house)
        #expect(try await bench.alarms(.contactBeforePairing, on: unit) == 0)
        bench.clock.advance(seconds: PairDevice.challengeSeconds + 1)
        try await Contact.judge(try await device(bench, unit), from: "192.0.2.1", in: bench.house)
        #expect(try await bench.alarms(.contactBeforePairing, on: unit) == 1)
    }

    @Test func `is not raised over a stage that the device has left meanwhile`() async throws {
        let bench = try await HouseBench()
        let unit = try await bench.makeUnits(1, shipped: false)[0]
        let seen = try await device(bench, unit)
        _ = try await bench.house.perform(ShipDevices(devices: [unit.serial]), as: .system)
        try await Contact.judge(seen, from: "192.0.2.1", in: bench.house)
        #expect(try await bench.alarms(.contactBeforeShipping, on: unit) == 0)
    }

    @Test func `of a former tenure is not the next owner's to read, nor does it keep a new one from being raised`()
        async throws
    {
        let bench = try await HouseBench()
        let house = bench.house
        let unit = try await bench.makeUnits(1)[0]
        let (ada, ben) = (try await bench.ownership("Ada"), try await bench.ownership("Ben"))
        func raise(_ detail: String) async throws {
            try await house.change(as: .system) {
                try Alarms.raise(.logBroken, on: unit.device, detail: detail, in: $0)
            }
        }
        func told(_ principal: Principal) async throws -> [String] {
            try await bench.reading.alarms(as: principal).alarms.map(\.detail)
        }
        func shown(_ principal: Principal) async throws -> (alarms: [String], count: Int?) {
            (
                try await bench.reading.device(unit.serial, as: principal).openAlarms.map(\.detail),
                try await bench.reading.devices(DeviceFilter(), as: principal).devices.first?.openAlarms
            )
        }
        try await raise("in stock")
        try await bench.pair(unit, with: ada)
        #expect(try await told(ada).isEmpty)
        try await raise("called from 203.0.113.7")
        #expect(try await told(ada) == ["called from 203.0.113.7"])
        let code = try await house.perform(OfferDevice(device: unit.serial), as: ada).code
        _ = try await house.perform(AcceptDevice(device: unit.serial, code: code), as: ben)
        let order = try await house.read { try WipeOrders.pending(for: unit.device, in: $0) }
        let receipt = Receipt(kind: .wiped, device: unit.device, at: bench.clock.now, nonce: order)
        let seal = try Seal.sign(
            type: Seal.PayloadType.receipt, payload: try CanonicalJSON.encode(receipt), with: unit.key)
        _ = try await house.perform(RecordWipe(seal: seal), as: .device(unit.device))
        #expect(try await told(ben).isEmpty)
        var seen = try await shown(ben)
        #expect(seen.alarms.isEmpty && seen.count == 0)
        try await raise("Ben's own")
        #expect(try await told(ben) == ["Ben's own"])
        seen = try await shown(ben)
        #expect(seen.alarms == ["Ben's own"] && seen.count == 1)
        let maker = Principal(role: .makerAdmin)
        #expect(try await told(maker) == ["Ben's own", "called from 203.0.113.7", "in stock"])
        #expect(try await shown(maker).count == 3)
    }
}
