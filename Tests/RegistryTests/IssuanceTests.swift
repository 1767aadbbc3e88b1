import Foundation
import Pairing
import Passport
import Store
import Testing
import Trust
import Wire
import Workbench

@testable import Registry

@Suite struct `Issuing a certificate` {
    private struct PowerCut: Error {}

    private func states(_ house: House, of unit: BenchUnit) async throws -> [String] {
        try await house.read { rows in
            try rows.query("SELECT state FROM certificate WHERE device = $1 ORDER BY serial", [Value(unit.device)])
                .map { try $0.text("state") }
        }
    }

    private func paired() async throws -> (HouseBench, BenchUnit) {
        let bench = try await HouseBench()
        let unit = try await bench.makeUnits(1)[0]
        try await bench.pair(unit, with: bench.ownership())
        return (bench, unit)
    }

    private func intent(_ bench: HouseBench, _ change: Change, _ issuer: Authority, _ serial: [UInt8]) throws
        -> CertificateIntent
    {
        try Profile.operational(
            under: issuer, spki: EphemeralKey().publicKeyDER, device: "unit", organisation: "Example Maker",
            serial: serial,
            notBefore: change.now, notAfter: change.now.adding(days: 90))
    }

    @Test func `stores exactly what will be signed before the key is used`() async throws {
        let (bench, unit) = try await paired()
        let house = bench.house
        let signed = Locked<(serial: String, der: [UInt8])>(("", []))
        await #expect(throws: PowerCut.self) {
            try await Issuer.issue(by: Authorities.Name.issuing, as: .system, in: house) { change, issuer, serial in
                (try intent(bench, change, issuer, serial), .init(device: unit.device))
            } record: { _, name, der in
                signed.withLock { $0 = (name.serial, der) }
                throw PowerCut()
            }
        }
        let (serial, der) = signed.withLock { $0 }
        let row = try #require(
            try await house.read {
                try $0.first("SELECT intent FROM certificate WHERE serial = $1", [.text(serial)])
            })
        // The signed certificate contains the stored bytes, right behind its own header.
        let tbs = try row.bytes("intent")
        #expect(tbs.count > 200)
        #expect(Array(der.dropFirst(4).prefix(tbs.count)) == tbs)
        #expect(serial.utf8.count >= 32)
    }

    @Test func `keeps those bytes once, in the certificate`() async throws {
        let (bench, unit) = try await paired()
        try await Issuer.issue(by: Authorities.Name.issuing, as: .system, in: bench.house) { change, issuer, serial in
            (try intent(bench, change, issuer, serial), .init(device: unit.device))
        } record: { change, name, der in
            let row = try #require(
                try change.rows.first(
                    "SELECT state, intent, der FROM certificate WHERE serial = $1", [.text(name.serial)]))
            #expect(try row.text("state") == "issued")
            #expect(try row.bytes("intent").isEmpty)
            #expect(try row.bytes("der") == der)
        }
    }

    @Test func `that fails after signing is abandoned, listed as revoked and never used`() async throws {
        let (bench, unit) = try await paired()
        let house = bench.house
        let signed = Locked<String?>(nil)
        await #expect(throws: PowerCut.self) {
            try await Issuer.issue(by: Authorities.Name.issuing, as: .system, in: house) { change, issuer, serial in
                (try intent(bench, change, issuer, serial), .init(device: unit.device))
            } record: { _, name, _ in
                signed.withLock { $0 = name.serial }
                throw PowerCut()
            }
        }
        #expect(try await states(house, of: unit) == ["abandoned"])
        let serial = try #require(signed.withLock { $0 })
        try await bench.publisher.publish()
        #expect(try await revoked(house) == [serial])
    }

    /// Serials on the published list, read with another library.
    private func revoked(_ house: House) async throws -> [String] {
        let der = try await house.read { rows in
            try rows.first("SELECT der FROM crl WHERE authority = 'operational-issuing-1'")?.bytes("der") ?? []
        }
        return try RevocationLists.serials(der)
    }

    @Test func `that a crash cut off is abandoned by the sweep, once, and not before its time`() async throws {
        let (bench, unit) = try await paired()
        let house = bench.house
        // What is left of a program that ended between intent and signature.
        let serial = try await house.change(as: .system) { change in
            let issuer = try house.authorities.signing(Authorities.Name.issuing)
            let intent = try intent(bench, change, issuer, BenchClock.random(16))
            try Issuer.store(intent, by: Authorities.Name.issuing, for: .init(device: unit.device), in: change)
            return intent.serial
        }
        try await Issuer.sweep(house)
        #expect(try await states(house, of: unit) == ["intended"])
        bench.clock.advance(seconds: 601)
        for _ in 0..<2 { try await Issuer.sweep(house) }
        #expect(try await states(house, of: unit) == ["abandoned"])
        let events = try await house.read {
            try $0.count("SELECT COUNT(*) AS n FROM ledger WHERE kind = 'certificateAbandoned'")
        }
        #expect(events == 1)
        try await bench.publisher.publish()
        #expect(try await revoked(house) == [serial])
        let status = try await house.read {
            try Revocation.status(of: serial, by: Authorities.Name.issuing, in: $0)?.status
        }
        guard case .revoked = status else {
            Issue.record("An abandoned serial is \(String(describing: status)).")
            return
        }
        #expect(try await Audit.run(house.database).findings.isEmpty)
    }

    @Test func `gives every certificate a serial of its own, under load`() async throws {
        let bench = try await HouseBench()
        let ada = try await bench.ownership()
        let units = try await bench.makeUnits(20)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for unit in units {
                group.addTask {
                    try await bench.pair(unit, with: ada)
                    for _ in 0..<3 { _ = try await bench.enrol(unit) }
                }
            }
            try await group.waitForAll()
        }
        let (count, live) = try await bench.house.read { rows in
            (
                try rows.count("SELECT COUNT(DISTINCT serial) AS n FROM certificate WHERE kind = 'operational'"),
                try rows.count("SELECT COUNT(*) AS n FROM certificate WHERE kind = 'operational' AND state = 'issued'")
            )
        }
        #expect(count == 60 && live == 20)
        #expect(try await Audit.run(bench.house.database).findings.isEmpty)
    }
}
