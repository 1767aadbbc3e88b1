import Manufacture
import Passport
import Registry
import Retirement
import Store
import Testing
import Wire
import Workbench

@Suite struct `Shipping devices` {
    private func shipped(_ bench: HouseBench) async throws -> Int {
        try await bench.house.read { try $0.count("SELECT COUNT(*) AS n FROM ledger WHERE kind = 'shipped'") }
    }

    @Test func `goes in groups, and on where it was cut off`() async throws {
        let faults = Faults()
        let bench = try await HouseBench(faults: faults)
        let serials = try await bench.makeUnits(5, shipped: false).map(\.serial)
        let action = ShipDevices(devices: serials + [serials[0]])
        // The second group is not kept.
        faults.arm(.database, .failed, at: 2)
        await #expect {
            try await action.perform(in: bench.house, as: .system, inGroupsOf: 2)
        } throws: {
            let refusal = $0 as? Refusal
            return refusal?.code == .unavailable
                && refusal?.detail.hasPrefix("2 of 5 devices are shipped. Then: ") == true
        }
        #expect(faults.disarm())
        #expect(try await shipped(bench) == 2)
        let rest = try await action.perform(in: bench.house, as: .system, inGroupsOf: 2)
        #expect(rest.shipped == 3 && rest.unchanged == 2 && !rest.more)
        let again = try await bench.house.perform(action, as: .system)
        #expect(again.shipped == 0 && again.unchanged == 5 && !again.more)
        #expect(try await shipped(bench) == 5)
        #expect(try await Audit.run(bench.house.database).findings.isEmpty)
    }

    @Test func `of a batch goes on too, and is over when nothing is left`() async throws {
        let faults = Faults()
        let bench = try await HouseBench(faults: faults)
        let units = try await bench.makeUnits(4, shipped: false)
        let batch = try await bench.house.read { try Device.require(units[0].serial, in: $0).passport.batch }
        let action = ShipDevices(batch: batch)
        faults.arm(.database, .failedButPersisted, at: 2)
        await #expect(throws: Refusal.self) {
            try await action.perform(in: bench.house, as: .system, inGroupsOf: 1)
        }
        faults.disarm()
        let rest = try await action.perform(in: bench.house, as: .system, inGroupsOf: 1)
        #expect(rest.shipped == 2 && rest.unchanged == 0 && !rest.more)
        #expect(try await shipped(bench) == 4)
        await #expect(throws: Refusal.self) {
            try await bench.house.perform(ShipDevices(batch: BatchID(trusted: "nobody")), as: .system)
        }
    }

    @Test func `ships none if one of them cannot be shipped`() async throws {
        let bench = try await HouseBench()
        let serials = try await bench.makeUnits(3, shipped: false).map(\.serial)
        _ = try await bench.house.perform(RetireDevice(device: serials[2], how: .destroyed), as: .system)
        for last in [serials[2], "NOBODY-1"] {
            await #expect(throws: Refusal.self) {
                try await ShipDevices(devices: [serials[0], serials[1], last])
                    .perform(in: bench.house, as: .system, inGroupsOf: 1)
            }
            #expect(try await shipped(bench) == 0)
        }
        for wrong in [
            ShipDevices(), ShipDevices(devices: []), ShipDevices(devices: serials, batch: BatchID(trusted: "b")),
        ] {
            await #expect(throws: Refusal.self) { try await bench.house.perform(wrong, as: .system) }
        }
    }
}
