import Agent
import Foundation
import Passport
import Registry
import Store
import Testing
import Trust
import Use
import Wire
import Workbench

/// The real agent on a real disk, at the real server, whose update metadata two persons sign.
@Suite struct `An agent of a product with update metadata` {
    private func offer(_ sequence: Int, to unit: BenchUnit, in bench: HouseBench) async throws -> Int {
        try await bench.house.perform(
            OfferUpdate(product: HouseBench.product, sequence: sequence, devices: [unit.serial]), as: .system
        ).offered
    }

    /// Whoever holds the server and its keys, and not those of the two persons.
    private func insider(
        _ sequence: Int, target: String?, offersTo unit: BenchUnit, in bench: HouseBench
    ) async throws {
        let house = bench.house
        let bytes = Array("by the server alone".utf8)
        let sha256 = LeafCertificate.sha256(bytes)
        try Data(bytes).write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
        let root = try await house.read { try UpdateDocuments.anchor(for: HouseBench.product, in: $0) }
        let manifest = ReleaseManifest(
            product: HouseBench.product, sequence: sequence, version: "9", hardware: [HouseBench.hardware],
            sha256: sha256, size: bytes.count, created: bench.clock.now,
            metadata: try target.map { ReleaseManifest.Metadata(target: $0, root: try #require(root)) })
        let release = try await StoredRelease.seal(manifest, in: house)
        let form = try await ArtifactForm.read(house.settings.artifactFolder + "/\(sha256)")
        try await house.change(as: .system) { change in
            try release.store(form, in: change)
            try change.record(.updateOffered(release: release.digest, sequence: sequence), on: unit.device)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `installs what they signed, and nothing that the server makes alone`() async throws {
        let bench = try await HouseBench(atRealTime: { _ in })
        let updates = try await UpdateBench(bench)
        let ada = try await bench.ownership()
        let unit = try await bench.makeUnits(1)[0]
        try await bench.pair(unit, with: ada)
        try await DeviceBench.run(bench) { door in
            let home = try UnitHome(unit, door, folder: bench.folder + "/agent")
            func passport() async throws -> Passport {
                try await bench.house.read { try Device.require(unit.serial, in: $0).passport }
            }
            _ = try await home.agent().run(once: true)
            await bench.house.contacts.flush()
            for sequence in 1...2 {
                try await updates.release(
                    sequence, from: [sequence == 1 ? "factory" : "1.\(sequence - 1)"], bootloader: [])
                #expect(try await offer(sequence, to: unit, in: bench) == 1)
                _ = try await home.agent().run(once: true)
                #expect(try await passport().installed?.sequence == sequence)
                await bench.house.contacts.flush()
            }
            let service = try PosixDisk().read(ServiceAnchor.self, from: home.place.service)
            #expect(service?.updates?.version == 1)
            try await insider(3, target: nil, offersTo: unit, in: bench)
            _ = try await home.agent().run(once: true)
            #expect(try await bench.alarms(.artifactRefused, on: unit) == 1)
            try await insider(4, target: UpdateBench.path(4), offersTo: unit, in: bench)
            let agent = try home.agent()
            for _ in 0..<2 { _ = try await agent.run(once: true) }
            await bench.house.contacts.flush()
            let told = try await bench.house.read { rows in
                try rows.first("SELECT posture FROM contact WHERE device = $1", [Value(unit.device)])?.text("posture")
            }
            #expect(told?.contains("refused: TUF 1.0.34 §5.7.2") == true)
            #expect(try await passport().installed?.sequence == 2)
            #expect(try HomeStatus(of: home.place, on: PosixDisk()).image.sequence == 2)
            // What was taken off is no longer there for anybody, also where it was offered before.
            try await updates.release(5, from: [], bootloader: [])
            #expect(try await offer(5, to: unit, in: bench) == 1)
            try await updates.withdraw(5)
            _ = try await home.agent().run(once: true)
            #expect(try await passport().installed?.sequence == 2)
            await home.transport.shutdown()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `opens what they signed encrypted, and goes back where they signed that it may`() async throws {
        let bench = try await HouseBench(atRealTime: { _ in })
        let updates = try await UpdateBench(bench)
        let ada = try await bench.ownership()
        let unit = try await bench.makeUnits(1)[0]
        try await bench.pair(unit, with: ada)
        try await DeviceBench.run(bench) { door in
            let home = try UnitHome(unit, door, folder: bench.folder + "/agent")
            func installed() async throws -> Int? {
                try await bench.house.read { try Device.require(unit.serial, in: $0).passport.installed?.sequence }
            }
            func digest(_ sequence: Int) async throws -> Digest {
                try await bench.house.read {
                    try StoredRelease.require(sequence, of: HouseBench.product, in: $0).digest
                }
            }
            _ = try await home.agent().run(once: true)
            for sequence in 1...2 {
                let chunks = try BenchChunks([UInt8](repeating: UInt8(sequence), count: 100_000))
                try await updates.release(sequence, chunks.plain, in: chunks, mayReturn: sequence == 2)
                #expect(try await offer(sequence, to: unit, in: bench) == 1)
                _ = try await home.agent().run(once: true)
                #expect(try await installed() == sequence)
                let image = FileManager.default.contents(atPath: home.place.slots + "/active/image")
                #expect(image.map { Array($0) } == chunks.plain)
            }
            let (first, second) = (try await digest(1), try await digest(2))
            _ = try await bench.house.change(as: .system) { change in
                try change.record(.returnOffered(release: first, sequence: 1, from: second), on: unit.device)
            }
            _ = try await home.agent().run(once: true)
            #expect(try await installed() == 1)
            #expect(try HomeStatus(of: home.place, on: PosixDisk()).image.sequence == 1)
            await home.transport.shutdown()
        }
    }
}
