import Agent
import Crypto
import Design
import Foundation
import Manufacture
import Pairing
import Passport
import Registry
import Retirement
import Rollout
import Transfer
import Trust
import Use
import Wire
import Workbench

/// A small fleet with a past, made through the real actions: devices in every stage, an alarm, a resale, an update.
final class FleetScene: Sendable {
    let bench: HouseBench
    let owner: OwnerID
    let buyer: OwnerID
    private let owned: Principal
    private let authority: Authority
    private let batch: BatchID
    private let stationKey: EphemeralKey

    static let admin = "Ada Okafor"
    static let ownersPerson = "Jonas at Harbour"
    private static let product = ProductID(trusted: "thermostat-2")

    init() async throws {
        bench = try await HouseBench { $0.organisation = "Example Maker" }
        let house = bench.house
        _ = try await bench.person(Self.admin, .makerAdmin)
        owner = try await bench.owner("Harbour Housing Association", .organisation)
        buyer = try await bench.owner("Mira Lindqvist")
        owned = try await bench.person(Self.ownersPerson, .owner, owner: owner)
        _ = try await bench.person("Priya", .support)
        _ = try await bench.token(for: Self.admin, label: "nightly export")
        _ = try await house.perform(
            PublishProduct(product: Self.product, title: "Thermostat 2", hardware: "th2-rev-c"), as: .system)
        stationKey = EphemeralKey()
        let birthKey = EphemeralKey()
        let request = StationRequest(
            name: "line-3-north",
            birthAuthorityRequest: Base64.encode(
                try CertificationRequest.birth(serial: "line-3-north", key: birthKey)),
            stationKey: Base64.encode(stationKey.publicKeyDER))
        let opened = try await house.perform(
            OpenBatch(product: Self.product, quantity: 40, request: request), as: .system)
        let permit = try CanonicalJSON.decode(Permit.self, from: opened.permit.payloadBytes())
        let chain = permit.birthChain.compactMap { Base64.decode($0) }
        authority = try Authority(certificate: chain[0], chain: Array(chain.dropFirst()), key: birthKey)
        batch = opened.batch
    }

    /// A fresh one-time link.
    func signInPath(for person: String) async throws -> String {
        try await bench.house.perform(SignInLink(person: person), as: .system).signInPath
    }

    /// The whole past of the fleet. Ends on the day that the pictures show.
    func play() async throws {
        let (house, clock) = (bench.house, bench.clock)
        let serials = (1...34).map {
            "TH2-2026-0142-" + String(repeating: "0", count: 6 - String($0 * 37).count) + String($0 * 37)
        }
        clock.advance(seconds: 40)
        try await bear(serials)
        clock.advance(days: 2)
        _ = try await house.perform(ShipDevices(devices: Array(serials.prefix(30))), as: .system)
        clock.advance(days: 9)
        for serial in serials.prefix(24) {
            clock.advance(seconds: 700)
            try await pairAndEnrol(serial, as: owned)
        }
        try await publishRelease(7)
        clock.advance(days: 3)
        for serial in serials.prefix(20) { try await use(serial) }
        clock.advance(days: 31)
        try await happenings(serials)
        for serial in serials.prefix(16) {
            clock.advance(seconds: 11)
            try await contact(serial)
        }
        await house.contacts.flush()
        try await rollOut()
        try await bench.publisher.publish()
        clock.advance(seconds: 14)
    }

    /// A rollout that waits for a person behind its canary, because one of few failed; and one that waits for its approval.
    private func rollOut() async throws {
        let (house, clock) = (bench.house, bench.clock)
        let planner = try await bench.person("Wanjiru", .makerAdmin)
        let approver = try await bench.person("Tomas", .makerAdmin)
        for sequence in [8, 9] { try await publishRelease(sequence, as: planner) }
        var plan = RolloutPlan(
            product: Self.product, sequence: 8, stages: [.init(share: 6000, pause: true), .init(share: 10_000)],
            soakSeconds: 3600)
        let rollout = try await house.perform(PlanRollout(plan: plan), as: planner).rollout
        _ = try await house.perform(ApproveRollout(rollout: rollout), as: approver)
        _ = try await house.perform(StartRollout(rollout: rollout), as: approver)
        let keeper = RolloutKeeper(house)
        for _ in 0..<6 { _ = try await keeper.round() }
        let canary = try await bench.reading.devices(
            of: rollout, state: .offered, after: nil, limit: nil, as: planner
        ).devices
        clock.advance(seconds: 300)
        for (place, item) in canary.enumerated() {
            let receipt = Wire.Digest(BenchClock.random(32))
            try await house.change(as: .device(item.device)) { change in
                guard let offered = try change.device(item.device.text).passport.offeredUpdate else { return }
                let (release, sequence) = (offered.release, offered.sequence)
                try change.record(
                    place == 0
                        ? .updateFailed(release: release, sequence: sequence, reason: "rolledBack", receipt: receipt)
                        : .updated(release: release, sequence: sequence, receipt: receipt), on: item.device)
            }
        }
        for _ in 0..<6 { _ = try await keeper.round() }
        clock.advance(seconds: 3601)
        for item in canary { try await contact(item.serial) }
        await house.contacts.flush()
        for _ in 0..<6 { _ = try await keeper.round() }
        plan.sequence = 9
        _ = try await house.perform(PlanRollout(plan: plan), as: planner)
    }

    /// What a person will want to see: a quarantine, a resale, a retirement, alarms.
    private func happenings(_ serials: [String]) async throws {
        let (house, clock) = (bench.house, bench.clock)
        _ = try await house.perform(QuarantineDevice(device: serials[1], reason: "suspected-tamper"), as: .system)
        clock.advance(days: 2)
        _ = try await house.perform(RestoreDevice(device: serials[1]), as: .system)
        clock.advance(seconds: 5000)
        _ = try await house.perform(QuarantineDevice(device: serials[2], reason: "clone"), as: .system)
        for serial in [serials[0], serials[3], serials[4]] {
            _ = try await house.perform(OfferDevice(device: serial), as: owned)
        }
        try await resell(serials[0])
        try await wipe(serials[3])
        clock.advance(days: 1)
        _ = try await house.perform(RetireDevice(device: serials[5], how: .recycled), as: .system)
        _ = try await house.perform(RetireDevice(device: serials[6], how: .destroyed), as: .system)
        try await raise(.contactBeforeShipping, serials[32], "It called from 203.0.113.77 with its birth certificate.")
        try await raise(.artifactRefused, serials[7], "<script>document.title = 'owned'</script> & \"quotes\"")
        clock.advance(seconds: 4000)
        try await raise(.contactAfterRetirement, serials[5], "It called from 198.51.100.4 with its birth certificate.")
    }

    private func bear(_ serials: [String]) async throws {
        let births = try serials.map { serial in
            let key = EphemeralKey()
            let intent = try Profile.birth(
                under: authority, spki: key.publicKeyDER, deviceSerial: serial, product: Self.product.text,
                organisation: "Example Maker", hardwareType: [1, 3, 6, 1, 4, 1, 32473, 1],
                serial: BenchClock.random(16), notBefore: bench.clock.now)
            let certificate = try authority.sign(IssuanceToken(stored: intent))
            return Birth(
                serial: serial, certificate: Base64.encode(certificate), at: bench.clock.now, labelCode: nil,
                secretHash: nil)
        }
        let manifest = BirthManifest(batch: batch, station: "line-3-north", closed: bench.clock.now, births: births)
        let seal = try Seal.sign(
            type: Seal.PayloadType.births, payload: CanonicalJSON.encode(manifest), with: stationKey)
        _ = try await bench.house.perform(AdmitBirths(manifest: seal), as: .system)
    }

    private func device(_ serial: String) async throws -> Device {
        try await bench.house.read { try Device.require(serial, in: $0) }
    }

    private func pairAndEnrol(_ serial: String, as principal: Principal) async throws {
        let house = bench.house
        _ = try await house.perform(PairDevice(device: serial, grade: .declared), as: principal)
        try await enrol(serial)
    }

    private func enrol(_ serial: String) async throws {
        let house = bench.house
        let device = try await device(serial)
        let shown = try house.authorities.verifier(for: .birth).verify(
            leaf: device.birthCertificate, at: bench.clock.now, purpose: .birth
        ).get()
        let request = try VerifiedRequest(der: CertificationRequest.enrolment(device: device.id, key: EphemeralKey()))
        _ = try await EnrolDevice(device: device.id, request: request, proof: .birth(shown)).perform(in: house)
    }

    private func publishRelease(_ sequence: Int, as person: Principal = .system) async throws {
        let version = "2.\(sequence - 3).0"
        let bytes = Array("firmware \(sequence)".utf8)
        _ = try await bench.house.perform(
            PublishRelease(
                product: Self.product, sequence: sequence, version: version, hardware: ["th2-rev-c"],
                sha256: try upload(bytes), size: bytes.count,
                sbom: sequence > 7 ? try upload(Array(Self.materials(sequence, version).utf8)) : nil), as: person)
    }

    private func upload(_ bytes: [UInt8]) throws -> Wire.Digest {
        let digest = Wire.Digest(SHA256.hash(data: bytes))
        try Data(bytes).write(to: URL(fileURLWithPath: bench.house.settings.artifactFolder + "/\(digest)"))
        return digest
    }

    /// What the releases with a bill of materials are made of: more than a page shows, and a little other each time.
    private static func materials(_ sequence: Int, _ version: String) -> String {
        let changing = [
            ("busybox", "1.36.\(sequence - 7)"), ("openssl", "3.0.\(sequence + 6)"), ("zlib", "1.3"),
            (sequence == 8 ? "dropbear" : "openssh", "9.6"), ("<img src=x onerror=alert(1)>", "0"),
        ]
        let parts = changing + (1...60).map { ("lib-\($0)", "1.\($0 % 7)") }
        let components = parts.map { "{\"name\":\"\($0.0)\",\"version\":\"\($0.1)\"}" }.joined(separator: ",")
        return "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"metadata\":{\"component\":{"
            + "\"name\":\"thermostat-2\",\"version\":\"\(version)\"}},\"components\":[\(components)]}"
    }

    private func use(_ serial: String) async throws {
        let house = bench.house
        let id = try await device(serial).id
        _ = try await house.perform(ConfigureDevice(device: serial, document: "{\"interval\":60}"), as: owned)
        _ = try await house.perform(OfferUpdate(product: Self.product, sequence: 7, devices: [serial]), as: .system)
        bench.clock.advance(seconds: 300)
        let receipt = Wire.Digest(BenchClock.random(32))
        try await house.change(as: .device(id)) { change in
            try change.record(.configurationApplied(version: 1, receipt: receipt), on: id)
            guard let offered = try change.device(id.text).passport.offeredUpdate else { return }
            try change.record(
                .updated(release: offered.release, sequence: offered.sequence, receipt: receipt), on: id)
        }
    }

    /// The device wipes itself after the buyer accepted; with a buyer named it is theirs then.
    private func resell(_ serial: String) async throws {
        try await wipe(serial)
        let buyer = buyer
        bench.clock.advance(seconds: 90)
        let prepared = try await Tenures.prepare(in: bench.house)
        try await bench.house.change(as: .system) { change in
            _ = try Tenures.open(change.device(serial), for: buyer, grade: .proven, as: prepared, in: change)
        }
        try await enrol(serial)
    }

    private func wipe(_ serial: String) async throws {
        let house = bench.house
        bench.clock.advance(seconds: 86_000)
        let receipt = Wire.Digest(BenchClock.random(32))
        try await house.change(as: .system) { change in
            let id = try change.device(serial).id
            try change.record(.accepted, on: id)
            try Tenures.end(change.device(serial), because: .affiliationChanged, in: change)
            try change.record(.wiped(receipt: receipt), on: id)
        }
    }

    private func raise(_ alarm: Alarm, _ serial: String, _ detail: String) async throws {
        try await bench.house.change(as: .system) { change in
            try Alarms.raise(alarm, on: change.device(serial).id, detail: detail, in: change)
        }
    }

    private func contact(_ serial: String) async throws {
        let id = try await device(serial).id
        let report = CheckInReport(
            agent: "lifelong-agent/0.1.0", sequence: 7, version: "2.4.0", slot: "b", configuration: 1,
            posture: ["secureBoot": "on", "rootfs": "read-only", "hostile": "<img src=x onerror=alert(1)>"])
        bench.house.contacts.note(
            .init(device: id, tenure: try await bench.tenure(of: id), at: bench.clock.now, report: report))
    }
}
