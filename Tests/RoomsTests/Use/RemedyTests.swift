import Foundation
import Passport
import Registry
import Store
import Testing
import Transfer
import Trust
import Use
import Wire
import Workbench

/// The remedy of docs/stages.md: `firmware` is "remedy only" for a device that is quarantined or being handed over.
@Suite struct `A remedy` {
    private let bench: HouseBench
    private let ada: Principal
    private let unit: BenchUnit
    private var house: House { bench.house }

    init() async throws {
        bench = try await HouseBench()
        ada = try await bench.ownership()
        unit = try await bench.makeUnits(1)[0]
        try await bench.pair(unit, with: ada)
        _ = try await bench.enrol(unit)
        for sequence in 1...2 { try await publish(sequence) }
    }

    private func publish(_ sequence: Int) async throws {
        let bytes = Array("release \(sequence)".utf8)
        let sha256 = LeafCertificate.sha256(bytes)
        try Data(bytes).write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
        _ = try await house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: sequence, version: "\(sequence)",
                hardware: [HouseBench.hardware],
                sha256: sha256, size: bytes.count), as: .system)
    }

    private func offer(_ sequence: Int, remedy: Bool? = nil, named: Bool = true) async throws -> OfferUpdate.Answer {
        try await house.perform(
            OfferUpdate(
                product: HouseBench.product, sequence: sequence, devices: named ? [unit.serial] : nil, remedy: remedy),
            as: .system)
    }

    private func device() async throws -> Device { try await house.read { try Device.require(unit.serial, in: $0) } }

    private func next() async throws -> DesiredState.Update? {
        try await house.read { try Updates.forStatus(of: Device.require(unit.serial, in: $0).passport, in: $0) }
    }

    private func quarantine() async throws {
        _ = try await house.perform(QuarantineDevice(device: unit.serial, reason: "tamper"), as: .system)
    }

    @Test func `is offered once to a device that is named twice`() async throws {
        let answer = try await house.perform(
            OfferUpdate(
                product: HouseBench.product, sequence: 1, devices: [unit.serial, unit.device.text, unit.serial]),
            as: .system)
        #expect(answer.offered == 1 && answer.skipped == 0)
        let events = try await house.read {
            try $0.count("SELECT COUNT(*) AS n FROM ledger WHERE kind = 'updateOffered'")
        }
        #expect(events == 1)
    }

    @Test func `reaches a device that is cut off, where an ordinary release does not`() async throws {
        try await quarantine()
        let refused = try await offer(1)
        #expect(refused.offered == 0 && refused.skipped == 1)
        #expect(try await next() == nil)
        #expect(try await offer(1, remedy: true).offered == 1)
        #expect(try await offer(1, remedy: true).skipped == 1)
        #expect(try await device().passport.offeredUpdate?.purpose == .remedy)
        #expect(try await next() != nil)
        #expect(try await offer(2, remedy: true).offered == 1)
    }

    @Test func `reaches every device of the product that is cut off, and no other, when none is named`() async throws {
        let nobody = try await offer(1, remedy: true, named: false)
        #expect(nobody.offered == 0 && nobody.skipped == 0)
        _ = try await house.perform(OfferDevice(device: unit.serial), as: ada)
        #expect(try await offer(1, remedy: true, named: false).offered == 1)
        #expect(try await offer(2, named: false).offered == 0)
    }

    @Test func `is not what was on offer before the device was cut off, until it is offered again as one`() async throws
    {
        #expect(try await offer(1).offered == 1)
        try await quarantine()
        #expect(try await next() == nil)
        await #expect(throws: Refusal.self) {
            try await house.read {
                let device = try Device.require(unit.serial, in: $0)
                try Updates.demand(LeafCertificate.sha256(Array("release 1".utf8)), for: device, in: $0)
            }
        }
        #expect(try await offer(1, remedy: true).offered == 1)
        #expect(try await next() != nil)
    }

    @Test func `counts with a receipt of the birth key, and gives no other right`() async throws {
        try await quarantine()
        _ = try await offer(1, remedy: true)
        let release = try #require(try await device().passport.offeredUpdate).release
        let receipt = Receipt(
            kind: .updated, device: unit.device, at: bench.clock.now, release: release, sequence: 1)
        let seal = try Seal.sign(
            type: Seal.PayloadType.receipt, payload: CanonicalJSON.encode(receipt), with: unit.key)
        for _ in 0..<2 { _ = try await house.perform(RecordReceipt(seal: seal), as: .device(unit.device)) }
        let passport = try await device().passport
        #expect(passport.installed?.sequence == 1 && passport.offeredUpdate == nil && passport.stage == .quarantined)
        for right in Right.allCases { #expect(!passport.may(right).allowed) }
        let configured = Receipt(kind: .configured, device: unit.device, at: bench.clock.now, configuration: 1)
        let other = try Seal.sign(
            type: Seal.PayloadType.receipt, payload: CanonicalJSON.encode(configured), with: unit.key)
        await #expect(throws: Refusal.self) {
            try await house.perform(RecordReceipt(seal: other), as: .device(unit.device))
        }
        #expect(try await Audit.run(house.database).findings.isEmpty)
    }
}
