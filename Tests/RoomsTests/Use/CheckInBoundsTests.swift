import Passport
import Registry
import Store
import Testing
import Trust
import Use
import Wire
import Workbench

@Suite struct `A report of a check-in` {
    @Test func `that no table could keep is refused before anything is noted`() async throws {
        let bench = try await HouseBench()
        let unit = try await bench.makeUnits(1)[0]
        try await bench.pair(unit, with: try await bench.ownership())
        let operational = try await bench.enrol(unit)
        let house = bench.house
        let shown = try house.authorities.verifier(for: .operational).verify(
            leaf: operational.certificate, at: bench.clock.now, purpose: .operational
        ).get()
        let passport = try await house.read { try Device.require(unit.serial, in: $0).passport }
        let good = CheckInReport(agent: "agent/1", sequence: 1, version: "1", slot: "a", succession: 1)
        for spoil in [
            { $0.agent = "agent\0" }, { $0.version = "1\n" }, { $0.slot = "a\u{7f}" },
            { $0.succession = Int(Int32.max) + 1 }, { $0.succession = -1 },
        ] as [(inout CheckInReport) -> Void] {
            var report = good
            spoil(&report)
            let checkIn = CheckIn(device: unit.device, report: report, shown: shown)
            #expect(throws: Refusal.self, "\(report)") { try checkIn.perform(with: passport, in: house) }
            await #expect(throws: Refusal.self, "\(report)") { try await checkIn.perform(in: house) }
        }
        await house.contacts.flush()
        #expect(try await house.read { try $0.count("SELECT COUNT(*) AS n FROM contact") } == 0)
        _ = try await CheckIn(device: unit.device, report: good, shown: shown).perform(in: house)
        await house.contacts.flush()
        #expect(try await house.read { try $0.count("SELECT COUNT(*) AS n FROM contact") } == 1)
    }
}
