import Design
import Foundation
import Manufacture
import Passport
import Registry
import Release
import Store
import TUF
import Testing
import Trust
import Use
import Wire
import Workbench

/// What is published in update metadata is a release like any other: offered, received, and known by one name.
@Suite struct `A release in update metadata` {
    private let updates: UpdateBench
    private let unit: BenchUnit
    private var bench: HouseBench { updates.bench }
    private var house: House { updates.house }

    init() async throws {
        let bench = try await HouseBench()
        updates = try await UpdateBench(bench)
        let ada = try await bench.ownership()
        unit = try await bench.makeUnits(1)[0]
        try await bench.pair(unit, with: ada)
        _ = try await bench.enrol(unit)
    }

    private func offer(_ sequence: Int) async throws -> OfferUpdate.Answer {
        try await house.perform(
            OfferUpdate(product: HouseBench.product, sequence: sequence, devices: [unit.serial]), as: .system)
    }

    private func offered() async throws -> (release: Digest?, update: DesiredState.Update?) {
        try await house.read { rows in
            let passport = try Device.require(unit.serial, in: rows).passport
            return (passport.offeredUpdate?.release, try Updates.next(for: passport, in: rows))
        }
    }

    /// What the device last said of itself.
    private func say(version: String, _ posture: [String: String]) async throws {
        let tenure = try await house.read { try Device.require(unit.serial, in: $0).passport.tenure?.id }
        house.contacts.note(
            .init(
                device: unit.device, tenure: tenure, at: bench.clock.now,
                report: CheckInReport(agent: "test/1", sequence: 0, version: version, posture: posture)))
        await house.contacts.flush()
    }

    @Test func `is offered with a sealed manifest that names its target, its terms and the root`() async throws {
        let path = try await updates.release(1, from: [], bootloader: [])
        #expect(try await offer(1).offered == 1)
        let (release, update) = try await offered()
        let seal = try #require(update?.manifest)
        let verified = try VerifiedRelease(
            seal, releaseKeys: try house.signingKeys(.release).map(\.publicKeyDER), product: HouseBench.product,
            fit: ReleaseFit(hardware: HouseBench.hardware), runningSequence: 0)
        #expect(verified.digest == release)
        #expect(verified.manifest.metadata?.target == path && verified.manifest.version == "1.1")
        #expect(verified.manifest.sha256 == LeafCertificate.sha256(Array("os 1".utf8)))
        let root = try #require(try await updates.files()["1.root.json"])
        #expect(verified.manifest.metadata?.root == UpdateAnchor(version: 1, sha256: LeafCertificate.sha256(root)))
        let form = try await house.read { try ArtifactForm.find(verified.manifest.sha256, in: $0) }
        #expect(form?.suffix == ".bin")
        try await bench.publisher.publish()
        #expect(try await Audit.run(house.database).findings.isEmpty)
    }

    @Test func `leaves no other way to publish for its product, in whatever layer, under whatever number`() async throws
    {
        try await updates.release(4)
        let bytes = Array("another".utf8)
        let sha256 = LeafCertificate.sha256(bytes)
        try Data(bytes).write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
        await refuses(.conflict, "release: update metadata") {
            _ = try await house.perform(
                PublishRelease(
                    product: HouseBench.product, sequence: 9, version: "9", hardware: [HouseBench.hardware],
                    sha256: sha256, size: bytes.count), as: .system)
        }
        try await updates.register(updates.graceKey, of: "Grace", layer: "app", inToken: true)
        try await updates.register(updates.linusKey, of: "Linus", layer: "app", inToken: false)
        try await updates.publish([try await updates.delegation(of: "app")])
        await refuses(.conflict, "release: sequence grows") { _ = try await updates.propose(4, layer: "app") }
        let (os, app) = (
            try await updates.propose(5).draft, try await updates.propose(5, layer: "app").draft
        )
        for draft in [os, app] { try await updates.signByBoth(draft) }
        // Both at once, and one after the other: the number is one device's.
        await refuses(.conflict, "release: sequence grows") { try await updates.publish([os, app]) }
        try await updates.publish([app])
        await refuses(.conflict, "release: sequence grows") { try await updates.publish([os]) }
        let count = try await house.read { try $0.count("SELECT COUNT(*) AS n FROM release") }
        #expect(count == 2)
    }

    @Test func `is offered no more once it was taken off`() async throws {
        try await updates.release(1, from: [], bootloader: [])
        try await updates.withdraw(1)
        await refuses(.gone, "release: withdrawn") { _ = try await offer(1) }
        await refuses(.notFound, nil) { _ = try await offer(2) }
    }

    @Test func `is offered only to what it fits, as far as that is known`() async throws {
        try await updates.release(1, from: ["1.0", "1.0.1"], bootloader: ["2024.01"])
        // Nothing is known of the device.
        #expect(try await offer(1).why?.contains("follows only") == true)
        try await say(version: "0.9", ["bootloader": "2024.01"])
        #expect(try await offer(1).why?.contains("\"0.9\"") == true)
        try await say(version: "1.0", ["bootloader": "2023.07"])
        #expect(try await offer(1).why?.contains("bootloader") == true)
        #expect(try await offered().release == nil)
        try await say(version: "1.0", ["bootloader": "2024.01"])
        let answer = try await offer(1)
        #expect(answer.offered == 1 && answer.skipped == 0 && answer.why == nil)
    }

    @Test func `comes with a permit that tells the root, and no other product's does`() async throws {
        func service(_ product: ProductID) async throws -> ServiceAnchor {
            let request = StationRequest(
                name: "line-\(product)",
                birthAuthorityRequest: Base64.encode(
                    try CertificationRequest.birth(serial: "line", key: EphemeralKey())),
                stationKey: Base64.encode(EphemeralKey().publicKeyDER))
            let answer = try await house.perform(
                OpenBatch(product: product, quantity: 1, request: request), as: .system)
            return try CanonicalJSON.decode(Permit.self, from: answer.permit.payloadBytes()).service
        }
        let root = try #require(try await updates.files()["1.root.json"])
        let told = UpdateAnchor(version: 1, sha256: LeafCertificate.sha256(root))
        #expect(try await service(HouseBench.product).updates == told)
        let lamp = ProductID(trusted: "lamp")
        _ = try await house.perform(PublishProduct(product: lamp, title: "Lamp", hardware: "lamp-a"), as: .system)
        #expect(try await service(lamp).updates == nil)
    }
}
