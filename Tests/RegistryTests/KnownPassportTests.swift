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

    /// The change of an alarm, by the way that names its device first.
    private func raise(on unit: BenchUnit, in house: House) async throws {
        _ = try await house.change(as: .system, about: unit.device) { change in
            try change.record(.alarmRaised(alarm: .logBroken), on: unit.device)
        }
    }

    @Test func `is taken in by a change that named its device`() async throws {
        let (bench, unit) = try await scene()
        let passports = bench.house.passports
        try await passports.catchUp(with: bench.house.database)
        try await raise(on: unit, in: bench.house)
        let known = try #require(passports.known(unit.device))
        #expect(try await known == read(bench, unit))
        // The next change builds on it, and on nothing older.
        try await raise(on: unit, in: bench.house)
        #expect(passports.known(unit.device)?.version == known.version + 1)
        #expect(try await passports.known(unit.device) == read(bench, unit))
    }

    @Test func `is not built upon where another node wrote since`() async throws {
        let (bench, unit) = try await scene()
        let passports = bench.house.passports
        try await passports.catchUp(with: bench.house.database)
        try await raise(on: unit, in: bench.house)
        let before = try #require(passports.known(unit.device))
        let other = try await House(
            database: bench.house.database, keys: bench.house.keys, settings: bench.house.settings,
            log: bench.house.log, clock: bench.house.clock, random: BenchClock.random)
        _ = try await other.perform(QuarantineDevice(device: unit.serial, reason: "test"), as: .system)
        // Nobody has looked at the ledger since: memory is old, and the change must see what the other node did.
        #expect(passports.known(unit.device) == before)
        try await raise(on: unit, in: bench.house)
        let after = try await read(bench, unit)
        #expect(after.stage == .quarantined)
        #expect(after.version == before.version + 2)
        try await passports.catchUp(with: bench.house.database)
        #expect(passports.known(unit.device).map { $0 == after } ?? true)
    }

    @Test func `is not taken in once it may have been forgotten meanwhile`() async throws {
        let (bench, unit) = try await scene()
        let passports = KnownPassports(limit: 256)
        try await passports.catchUp(with: bench.house.database)
        let passport = try await read(bench, unit)
        let size = try await bench.house.read {
            Int64(try $0.first("SELECT size FROM ledger_size WHERE one = 1")?.int("size") ?? 0)
        }
        // A commit of this node, and before it is told here, one of another node that was followed already.
        let mark = passports.mark
        passports.forget([unit.device])
        passports.renew([unit.device: passport], leaves: size..<size + 1, takingIn: [unit.device], since: mark)
        #expect(passports.known(unit.device) == nil)
        #expect(passports.isExact(at: size + 1) && !passports.isExact(at: size))
        passports.renew(
            [unit.device: passport], leaves: size + 1..<size + 2, takingIn: [unit.device], since: passports.mark)
        #expect(passports.known(unit.device) == passport)
        // Where leaves of others lie between, nothing is taken in and nothing is exact.
        passports.forget([unit.device])
        passports.renew(
            [unit.device: passport], leaves: size + 9..<size + 10, takingIn: [unit.device], since: passports.mark)
        #expect(passports.known(unit.device) == nil)
        #expect(!passports.isExact(at: size + 10))
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
