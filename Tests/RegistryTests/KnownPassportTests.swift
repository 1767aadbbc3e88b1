import Passport
import Registry
import Store
import StoreSQLite
import Testing
import Use
import Wire
import Workbench

@Suite struct `A passport in memory` {
    private func scene() async throws -> (bench: HouseBench, unit: BenchUnit) {
        let bench = try await HouseBench()
        let ada = try await bench.ownership()
        let unit = try await bench.makeUnits(1)[0]
        try await bench.pair(unit, with: ada)
        return (bench, unit)
    }

    private func read(_ bench: HouseBench, _ unit: BenchUnit) async throws -> Passport {
        try await bench.house.read { try Device.require(unit.serial, in: $0).passport }
    }

    @Test func `counts only while the ledger is followed`() async throws {
        let (bench, unit) = try await scene()
        let passports = bench.house.passports
        let passport = try await read(bench, unit)
        passports.remember(passport, readSince: passports.mark)
        #expect(passports.known(unit.device) == nil)
        try await passports.catchUp(with: bench.house.database)
        passports.remember(passport, readSince: passports.mark)
        #expect(passports.known(unit.device) == passport)
        // Longer than what is remembered may be old.
        try await Task.sleep(for: .milliseconds(1000))
        #expect(passports.known(unit.device) == nil)
        try await passports.catchUp(with: bench.house.database)
        #expect(passports.known(unit.device) == passport)
    }

    @Test func `is replaced by a change before the change is answered`() async throws {
        let (bench, unit) = try await scene()
        let passports = bench.house.passports
        try await passports.catchUp(with: bench.house.database)
        passports.remember(try await read(bench, unit), readSince: passports.mark)
        _ = try await bench.house.perform(QuarantineDevice(device: unit.serial, reason: "test"), as: .system)
        let known = passports.known(unit.device)
        #expect(known?.stage == .quarantined)
        #expect(try await known == read(bench, unit))
    }

    @Test func `is not taken in if it was read before a change that came meanwhile`() async throws {
        let (bench, unit) = try await scene()
        let passports = bench.house.passports
        try await passports.catchUp(with: bench.house.database)
        let mark = passports.mark
        let before = try await read(bench, unit)
        _ = try await bench.house.perform(QuarantineDevice(device: unit.serial, reason: "test"), as: .system)
        passports.remember(before, readSince: mark)
        #expect(passports.known(unit.device) == nil)
    }

    @Test func `is forgotten when another node changed it`() async throws {
        let (bench, unit) = try await scene()
        let passports = bench.house.passports
        try await passports.catchUp(with: bench.house.database)
        passports.remember(try await read(bench, unit), readSince: passports.mark)
        // Another house on the same store: another node.
        let other = try await House(
            database: bench.house.database, keys: bench.house.keys, settings: bench.house.settings,
            log: bench.house.log, clock: bench.house.clock, random: BenchClock.random)
        _ = try await other.perform(QuarantineDevice(device: unit.serial, reason: "test"), as: .system)
        try await passports.catchUp(with: bench.house.database)
        #expect(passports.known(unit.device) == nil)
        #expect(try await read(bench, unit).stage == .quarantined)
    }

    @Test func `gives way to others beyond the bound`() async throws {
        let (bench, unit) = try await scene()
        let passports = KnownPassports(limit: 256)
        try await passports.catchUp(with: bench.house.database)
        let passport = try await read(bench, unit)
        var kept = 0
        for number in 0..<2000 {
            let other = try Passport.advance(
                nil, device: DeviceID(trusted: "d\(number)"),
                by: .born(
                    product: passport.product, batch: passport.batch, birthCertificate: passport.birthCertificate),
                at: passport.bornAt)
            passports.remember(other, readSince: passports.mark)
        }
        for number in 0..<2000 where passports.known(DeviceID(trusted: "d\(number)")) != nil { kept += 1 }
        #expect(kept > 0 && kept <= 256)
    }
}
