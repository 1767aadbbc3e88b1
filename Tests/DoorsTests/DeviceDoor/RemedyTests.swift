import Agent
import Crypto
import Foundation
import Keys
import KeysFile
import Logging
import Passport
import Registry
import Testing
import Transfer
import Trust
import Use
import Wire
import Workbench

/// A remedy on the wire, and by the real agent on a real disk.
@Suite struct `A device that is cut off` {
    private let artifact = Array("the remedy".utf8)
    private var sha256: Wire.Digest { Wire.Digest(SHA256.hash(data: artifact)) }

    private func offer(_ scene: DeviceScene, remedy: Bool = true) async throws -> Wire.Digest {
        let house = scene.bench.house
        try Data(artifact).write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
        let published = try await house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: 3, version: "3", hardware: [HouseBench.hardware], sha256: sha256,
                size: artifact.count), as: .system)
        _ = try await house.perform(
            OfferUpdate(product: HouseBench.product, sequence: 3, devices: [scene.unit.serial], remedy: remedy),
            as: .system)
        return published.release
    }

    @Test func `hears of its remedy with its birth certificate, fetches it, and may do nothing else`() async throws {
        let scene = try await DeviceScene()
        try await scene.quarantine()
        let release = try await offer(scene)
        try await DeviceBench.run(scene.bench) { door in
            let birth = try door.birth(scene.unit)
            let status = try await birth.status()
            #expect(status.state == .quarantined && status.enrol == nil)
            let update = try #require(status.update)
            #expect(try await birth.get(update.path).body == artifact)
            let operational = try door.client(scene.operational.identity)
            expectRefusal(
                try await operational.post(DeviceAPI.checkIn, json: scene.report()), 403,
                rule: "stage quarantined: backEnd")
            let receipt = Receipt(
                kind: .updated, device: scene.unit.device, at: scene.bench.clock.now, release: release, sequence: 3)
            // Over the wrong certificate, and signed by the wrong key.
            expectRefusal(
                try await operational.post(DeviceAPI.receipts, json: scene.seal(receipt, with: scene.operational.key)),
                403)
            expectRefusal(
                try await birth.post(DeviceAPI.receipts, json: scene.seal(receipt, with: scene.operational.key)), 403,
                rule: "receipt: signature")
            for _ in 0..<2 {
                let answer = try await birth.post(
                    DeviceAPI.receipts, json: scene.seal(receipt, with: scene.unit.key))
                #expect(answer.status == 200, "\(answer.text)")
            }
            #expect(try await scene.passport().installed?.sequence == 3)
            #expect(try await birth.status().update == nil)
            expectRefusal(try await birth.get(update.path), 403)
        }
    }

    @Test func `gets no ordinary release`() async throws {
        let scene = try await DeviceScene()
        _ = try await offer(scene, remedy: false)
        try await scene.quarantine()
        try await DeviceBench.run(scene.bench) { door in
            let birth = try door.birth(scene.unit)
            #expect(try await birth.status().update == nil)
            expectRefusal(
                try await birth.get(DeviceAPI.artifacts + "\(sha256)"), 403, rule: "stage quarantined: firmware")
        }
    }

    @Test(arguments: ["quarantined", "inUse"])
    func `that missed twenty successions follows them all before it looks at the release`(_ stage: String) async throws
    {
        let bench = try await HouseBench(atRealTime: { _ in })
        let ada = try await bench.ownership()
        let unit = try await bench.makeUnits(1)[0]
        try await bench.pair(unit, with: ada)
        try await DeviceBench.run(bench) { door in
            let home = try UnitHome(unit, door, folder: bench.folder + "/agent")
            _ = try await home.agent().run(once: true)
            let house = bench.house
            try await bench.succeed(.release, as: .release, 20)
            try Data(artifact).write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
            _ = try await house.perform(
                PublishRelease(
                    product: HouseBench.product, sequence: 3, version: "3", hardware: [HouseBench.hardware],
                    sha256: sha256, size: artifact.count), as: .system)
            if stage == "quarantined" {
                _ = try await house.perform(QuarantineDevice(device: unit.serial, reason: "tamper"), as: .system)
            }
            let offer = OfferUpdate(
                product: HouseBench.product, sequence: 3, devices: [unit.serial], remedy: stage == "quarantined")
            _ = try await house.perform(offer, as: .system)
            // In one start: it asks again until it knows all.
            _ = try await home.agent().run(once: true)
            let service = try PosixDisk().read(ServiceAnchor.self, from: home.place.service)
            #expect(service?.succession == 20)
            _ = try await home.agent().run(once: true)
            let passport = try await house.read { try Device.require(unit.serial, in: $0).passport }
            #expect(passport.stage.rawValue == stage && passport.installed?.sequence == 3)
            // Whoever asks without a number, or with nonsense, hears from the first on.
            let birth = try door.birth(unit)
            for query in ["", "?succession=x", "?succession=99999999999999999999"] where stage == "quarantined" {
                _ = try await house.perform(
                    PublishRelease(
                        product: HouseBench.product, sequence: 4 + query.count, version: "4",
                        hardware: [HouseBench.hardware], sha256: sha256, size: artifact.count), as: .system)
                _ = try await house.perform(
                    OfferUpdate(
                        product: HouseBench.product, sequence: 4 + query.count, devices: [unit.serial], remedy: true),
                    as: .system)
                let status = try await birth.get(DeviceAPI.status + query).json(DeviceStatus.self)
                #expect(status.successions?.count == KeySuccession.maximumAtOnce, "\(query)")
            }
            await home.transport.shutdown()
        }
    }

    @Test(arguments: ["quarantined", "inTransfer", "shipped"])
    func `is mended by its agent, without help`(_ stage: String) async throws {
        let bench = try await HouseBench(atRealTime: { _ in })
        let ada = try await bench.ownership()
        let unit = try await bench.makeUnits(1)[0]
        try await DeviceBench.run(bench) { door in
            let home = try UnitHome(unit, door, folder: bench.folder + "/agent")
            if stage != "shipped" {
                try await bench.pair(unit, with: ada)
                _ = try await home.agent().run(once: true)
            }
            if stage == "quarantined" {
                _ = try await bench.house.perform(QuarantineDevice(device: unit.serial, reason: "tamper"), as: .system)
            } else if stage == "inTransfer" {
                _ = try await bench.house.perform(OfferDevice(device: unit.serial), as: ada)
            }
            try Data(artifact).write(to: URL(filePath: bench.house.settings.artifactFolder + "/\(sha256)"))
            _ = try await bench.house.perform(
                PublishRelease(
                    product: HouseBench.product, sequence: 3, version: "3", hardware: [HouseBench.hardware],
                    sha256: sha256, size: artifact.count), as: .system)
            _ = try await bench.house.perform(
                OfferUpdate(product: HouseBench.product, sequence: 3, devices: [unit.serial], remedy: true), as: .system
            )
            // Again in a new process each time, as after a start of the device.
            for _ in 0..<3 { _ = try await home.agent().run(once: true) }
            let passport = try await bench.house.read { try Device.require(unit.serial, in: $0).passport }
            #expect(passport.stage.rawValue == stage)
            #expect(passport.installed?.sequence == 3 && passport.offeredUpdate == nil)
            #expect(try HomeStatus(of: home.place, on: PosixDisk()).image.sequence == 3)
            await home.transport.shutdown()
        }
    }
}
