import Foundation
import Keys
import KeysFile
import Manufacture
import Pairing
import Passport
import Registry
import Store
import Testing
import Transfer
import Trust
import Use
import Wire
import Workbench

/// A token may take its time; while a change is made nobody else makes one.
@Suite struct `A key of the house` {
    private final class Uses: Sendable {
        private let seen = Locked<(all: Int, inside: [String])>((0, []))
        private let watched = Locked<WatchedDatabase?>(nil)
        var all: Int { seen.withLock { $0.all } }
        var inside: [String] { seen.withLock { $0.inside } }

        func database(_ database: any Database) -> any Database {
            let made = WatchedDatabase(database)
            watched.withLock { $0 = made }
            return made
        }

        func note(_ label: KeyLabel) {
            let isInside = watched.withLock { $0?.isInside ?? false }
            seen.withLock { seen in
                seen.all += 1
                if isInside { seen.inside.append(label.text) }
            }
        }

        func goBlind(after writes: Int?) { watched.withLock { $0?.goBlind(after: writes) } }
    }

    private let uses = Uses()
    private let folder = NSTemporaryDirectory() + "/lifelong-key-use-\(UUID().uuidString)"

    private func house() async throws -> HouseBench {
        let uses = uses
        return try await HouseBench(
            keys: WatchedKeys(FileKeyStore(folder: folder)) { uses.note($0) }, wrapping: { uses.database($0) })
    }

    private func seal(_ receipt: Receipt, _ unit: BenchUnit) throws -> Seal {
        try Seal.sign(
            type: Seal.PayloadType.receipt, payload: try CanonicalJSON.encode(receipt), with: unit.key)
    }

    @Test func `is never used while a transaction is open, from birth to the second owner`() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let bench = try await house()
        let house = bench.house
        let units = try await bench.makeUnits(2)
        let (ada, ben) = (try await bench.ownership("Ada"), try await bench.ownership("Ben"))
        let artifact = Array("release 1".utf8)
        let sha256 = LeafCertificate.sha256(artifact)
        try Data(artifact).write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
        _ = try await house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: 1, version: "1", hardware: [HouseBench.hardware], sha256: sha256,
                size: artifact.count), as: .system)
        try await bench.pair(units[0], with: ada)
        let operational = try await bench.enrol(units[0])
        _ = try await house.perform(ConfigureDevice(device: units[0].serial, document: "{\"a\":1}"), as: ada)
        let shown = try house.authorities.verifier(for: .operational).verify(
            leaf: operational.certificate, at: bench.clock.now, purpose: .operational
        ).get()
        let report = CheckInReport(agent: "agent/1", sequence: 0, version: "0")
        let desired = try await CheckIn(device: units[0].device, report: report, shown: shown).perform(in: house)
        #expect(desired.configuration?.document == "{\"a\":1}")
        // By proof.
        _ = try await house.perform(PairDevice(device: units[1].serial, grade: .proven), as: ben)
        let nonce = try await house.read { try #require(try $0.first("SELECT nonce FROM pairing")).text("nonce") }
        let proof = Receipt(kind: .pairingProof, device: units[1].device, at: bench.clock.now, nonce: nonce)
        _ = try await house.perform(ProvePresence(seal: seal(proof, units[1])), as: .device(units[1].device))
        // By a sale.
        let code = try await house.perform(OfferDevice(device: units[0].serial), as: ada).code
        _ = try await house.perform(AcceptDevice(device: units[0].serial, code: code), as: ben)
        let order = try await house.read { try WipeOrders.pending(for: units[0].device, in: $0) }
        let wiped = Receipt(kind: .wiped, device: units[0].device, at: bench.clock.now, nonce: order)
        _ = try await house.perform(RecordWipe(seal: seal(wiped, units[0])), as: .device(units[0].device))
        try await bench.publisher.publish()
        let owned = try await house.read {
            try $0.count("SELECT COUNT(*) AS n FROM tenure WHERE owner = $1 AND ended IS NULL", [Value(ben.owner)])
        }
        #expect(owned == 2)
        #expect(uses.all > 10)
        #expect(uses.inside.isEmpty)
        #expect(try await Audit.run(house.database).findings.isEmpty)
    }

    @Test func `that granted a permit is not asked for another because the batch's CA could not be read back`()
        async throws
    {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let bench = try await house()
        try await bench.publishProduct()
        let request = StationRequest(
            name: "line-1",
            birthAuthorityRequest: Base64.encode(try CertificationRequest.birth(serial: "line-1", key: EphemeralKey())),
            stationKey: Base64.encode(EphemeralKey().publicKeyDER))
        // The intent, the certificate, the batch.
        uses.goBlind(after: 3)
        let answer = try await bench.house.perform(
            OpenBatch(product: HouseBench.product, quantity: 1, request: request), as: .system)
        await #expect(throws: Refusal.self) { try await bench.house.read { _ in } }
        uses.goBlind(after: nil)
        let batches = try await bench.house.read { try $0.query("SELECT id FROM batch").map { try $0.text("id") } }
        #expect(batches == [answer.batch.text])
        #expect(bench.house.authorities.known("birth-\(answer.batch)") == nil)
        await bench.house.authorities.reload(from: bench.house)
        #expect(bench.house.authorities.known("birth-\(answer.batch)") != nil)
    }
}
