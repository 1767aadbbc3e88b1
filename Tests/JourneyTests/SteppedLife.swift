import Foundation
import Passport
import Registry
import Retirement
import Store
import Testing
import Transfer
import Trust
import Use
import Wire
import Workbench

/// One device in one process: a whole house, a key of its own, a clock that stands until it is moved.
///
/// After every step the audit finds nothing, and the device has exactly the rights of its stage.
struct SteppedLife {
    let bench: HouseBench
    let unit: BenchUnit
    let maker: Principal
    private(set) var operational: Operational?

    /// Born and in stock.
    init() async throws {
        bench = try await HouseBench()
        unit = try #require(try await bench.makeUnits(1, shipped: false).first)
        maker = try await bench.person("Mary", .makerAdmin)
    }

    var house: House { bench.house }
    var device: Principal { .device(unit.device) }

    func passport() async throws -> Passport {
        try await house.read { rows in try Device.require(unit.serial, in: rows).passport }
    }

    /// What the table of DESIGN.md gives without any special purpose, written down here a second time.
    private static let rights: [Stage: Set<Right>] = [
        .made: [], .shipped: [.firmware, .pair], .claimable: [.firmware, .pair],
        .inUse: [.firmware, .certificate, .backEnd, .command], .quarantined: [], .inTransfer: [], .retired: [],
    ]

    func demand(_ stage: Stage, after step: String) async throws {
        bench.clock.advance(seconds: 60)
        let passport = try await passport()
        #expect(passport.stage == stage, "after \(step)")
        for right in Right.allCases where right != .contactAlarm {
            let expected = Self.rights[stage]?.contains(right) ?? false
            #expect(passport.may(right).allowed == expected, "\(right.rawValue) after \(step)")
        }
        let report = try await Audit.run(house.database)
        #expect(report.findings.isEmpty, "after \(step)")
    }

    // MARK: - What the device does

    mutating func enrol() async throws {
        operational = try await bench.enrol(unit)
    }

    /// The certificate that a connection shows: the operational one, or that of birth.
    func shown(birth: Bool = false) throws -> VerifiedCertificate {
        let kind: CertificateKind = birth ? .birth : .operational
        let leaf = birth ? unit.certificate : try #require(operational).certificate
        return try house.authorities.verifier(for: kind)
            .verify(leaf: leaf, at: bench.clock.now, purpose: birth ? .birth : .operational).get()
    }

    func status() async throws -> DeviceStatus {
        let shown = try shown(birth: true)
        return try await house.read { rows in
            try Standing.status(
                of: Device.require(unit.serial, in: rows).passport, shown: shown, at: house.clock(), in: rows)
        }
    }

    @discardableResult
    func checkIn(sequence: Int = 0, configuration: Int = 0, log: [DeviceLogEntry] = []) async throws -> DesiredState {
        let report = CheckInReport(
            agent: "journey/1", sequence: sequence, version: "\(sequence)", configuration: configuration, log: log)
        return try await CheckIn(device: unit.device, report: report, shown: shown()).perform(in: house)
    }

    func receipt(_ receipt: Receipt) throws -> Seal {
        let isBirth = receipt.kind == .wiped || receipt.kind == .pairingProof
        let key: any SigningKey = isBirth ? unit.key : try #require(operational).key
        return try Seal.sign(type: Seal.PayloadType.receipt, payload: try CanonicalJSON.encode(receipt), with: key)
    }

    /// Obeys the order to wipe.
    func wipe() async throws {
        let order = try #require(try await status().wipe)
        let seal = try receipt(Receipt(kind: .wiped, device: unit.device, at: bench.clock.now, nonce: order.nonce))
        _ = try await house.perform(RecordWipe(seal: seal), as: device)
    }

    // MARK: - What the maker does

    /// A release of some bytes, published and offered to the device.
    func offerRelease(_ sequence: Int) async throws {
        let bytes = Array("release \(sequence)".utf8)
        let sha256 = LeafCertificate.sha256(bytes)
        try Data(bytes).write(to: URL(fileURLWithPath: house.settings.artifactFolder + "/\(sha256)"))
        _ = try await house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: sequence, version: "\(sequence).0",
                hardware: [HouseBench.hardware],
                sha256: sha256, size: bytes.count), as: maker)
        let offered = try await house.perform(OfferUpdate(product: HouseBench.product, sequence: sequence), as: maker)
        #expect(offered.offered == 1)
    }

    /// Code of the refusal that the attempt met; nil if it was allowed.
    static func refusal(_ attempt: () async throws -> Void) async throws -> Refusal.Code? {
        do {
            try await attempt()
            return nil
        } catch let refusal as Refusal {
            return refusal.code
        }
    }
}
