import Agent
import Crypto
import Foundation
import KeysFile
import Pairing
import Passport
import Registry
import Release
import Testing
import Use
import Wire
import Workbench

/// A real server, real agents, and xdelta3 between two releases.
@Suite(
    .serialized,
    .enabled(if: !BenchEngine.isPostgreSQL && OutsideProgram.findOrSay("xdelta3", package: "xdelta3"), "needs xdelta3"))
struct `An update by a delta` {
    struct Scene: Sendable {
        let door: DeviceBench
        let ada: Principal
        let folder: String
        var store: String { door.house.settings.artifactFolder }

        func device(_ unit: BenchUnit) async throws -> UnitHome {
            let home = try UnitHome(unit, door, folder: folder + "/" + unit.serial)
            _ = try await door.house.perform(PairDevice(device: unit.serial, grade: .declared), as: ada)
            try await live(home)
            return home
        }

        func live(_ home: UnitHome) async throws { _ = try await home.agent().run(once: true) }

        func offer(_ sequence: Int, to unit: BenchUnit) async throws {
            _ = try await door.house.perform(
                OfferUpdate(product: HouseBench.product, sequence: sequence, devices: [unit.serial]), as: .system)
        }

        static func image(_ sequence: Int) -> [UInt8] {
            var bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: ($0 / 3) &* 7 &+ $0 >> 9) }
            for place in stride(from: sequence, to: bytes.count, by: 20_000) { bytes[place] = UInt8(sequence) }
            return bytes
        }

        @discardableResult
        func publish(_ sequence: Int) async throws -> Wire.Digest {
            let image = Self.image(sequence)
            let sha256 = Wire.Digest(SHA256.hash(data: image))
            try Data(image).write(to: URL(filePath: "\(store)/\(sha256)"))
            _ = try await door.house.perform(
                PublishRelease(
                    product: HouseBench.product, sequence: sequence, version: "\(sequence)",
                    hardware: [HouseBench.hardware], sha256: sha256, size: image.count), as: .system)
            return sha256
        }

        func running(_ home: UnitHome) throws -> HomeStatus.Image {
            try HomeStatus(of: home.place, on: PosixDisk()).image
        }
    }

    private func withScene(_ body: @escaping @Sendable (Scene, [BenchUnit]) async throws -> Void) async throws {
        try await withFolder { folder in
            let bench = try await HouseBench(atRealTime: { _ in })
            let units = try await bench.makeUnits(3)
            let ada = try await bench.ownership("Ada")
            try await DeviceBench.run(bench) { door in
                try await body(Scene(door: door, ada: ada, folder: folder), units)
            }
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `is made when the first device could do with it, and is all that the next one needs`() async throws {
        try await withScene { scene, units in
            var homes: [UnitHome] = []
            let old = try await scene.publish(1)
            let new = try await scene.publish(2)
            for unit in units {
                let home = try await scene.device(unit)
                try await scene.offer(1, to: unit)
                try await scene.live(home)
                #expect(try scene.running(home).sequence == 1)
                homes.append(home)
            }
            // The first takes the whole image, and has the delta made.
            try await scene.offer(2, to: units[0])
            try await scene.live(homes[0])
            #expect(try scene.running(homes[0]).sequence == 2)
            let delta = "\(scene.store)/deltas/\(old)-\(new).vcdiff"
            for _ in 0..<400 where !FileManager.default.fileExists(atPath: delta) {
                try await Task.sleep(for: .milliseconds(25))
            }
            let size = try #require(try FileManager.default.attributesOfItem(atPath: delta)[.size] as? Int)
            #expect(size > 0 && size < 20_000)
            // Without the whole image in the store there is only one way.
            let whole = URL(filePath: "\(scene.store)/\(new)")
            let kept = try Data(contentsOf: whole)
            try FileManager.default.removeItem(at: whole)
            try await scene.offer(2, to: units[1])
            try await scene.live(homes[1])
            #expect(try scene.running(homes[1]).sequence == 2 && scene.running(homes[1]).whole)
            // A delta that leads to something else is dropped, and the whole image taken.
            try kept.write(to: whole)
            var bad = try Data(contentsOf: URL(filePath: delta))
            bad[bad.count / 2] ^= 0x40
            try bad.write(to: URL(filePath: delta))
            try await scene.offer(2, to: units[2])
            try await scene.live(homes[2])
            #expect(try scene.running(homes[2]).sequence == 2 && scene.running(homes[2]).whole)
            for home in homes { await home.transport.shutdown() }
        }
    }

    @Test(.timeLimit(.minutes(2))) func `is given only from what the device runs to what is offered to it`()
        async throws
    {
        try await withScene { scene, units in
            let old = try await scene.publish(1)
            let new = try await scene.publish(2)
            let home = try await scene.device(units[0])
            let place = home.place
            let disk = PosixDisk()
            let service = try #require(try disk.read(ServiceAnchor.self, from: place.service))
            let identity = try #require(
                try ClientIdentity.birth(in: place, on: disk, keys: FileKeyStore(folder: place.keys)))
            let client = try DeviceClient(service: service, identity: identity, transport: home.transport)
            func ask(_ from: Wire.Digest, _ to: Wire.Digest) async -> Refusal.Code? {
                do {
                    let isThere = try await client.delta(DeviceAPI.artifacts + "\(to)", from: from) { _ in }
                    return isThere ? nil : .notFound
                } catch { return error.refusal.code }
            }
            #expect(await ask(old, new) == .forbidden, "nothing is offered")
            try await scene.offer(2, to: units[0])
            #expect(await ask(old, new) == .notFound, "it runs something else")
            #expect(await ask(new, old) == .forbidden)
            #expect(!FileManager.default.fileExists(atPath: scene.store + "/deltas"))
            await home.transport.shutdown()
        }
    }
}
