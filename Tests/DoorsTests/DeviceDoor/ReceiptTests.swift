import Crypto
import Foundation
import NIOHTTP1
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

@Suite struct `A receipt` {
    /// Offers release 1 to the scene's device; returns the digest of its manifest's payload.
    private func offer(_ scene: DeviceScene) async throws -> Wire.Digest {
        let house = scene.bench.house
        let artifact = Array("firmware".utf8)
        let sha256 = Wire.Digest(SHA256.hash(data: artifact))
        try Data(artifact).write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
        let published = try await house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: 1, version: "1.1", hardware: [HouseBench.hardware],
                sha256: sha256,
                size: artifact.count), as: .system)
        _ = try await house.perform(OfferUpdate(product: HouseBench.product, sequence: 1), as: .system)
        return published.release
    }

    private func updated(_ scene: DeviceScene, _ release: Wire.Digest) -> Receipt {
        Receipt(kind: .updated, device: scene.unit.device, at: scene.bench.clock.now, release: release, sequence: 1)
    }

    @Test func `counts once, however often it comes`() async throws {
        let scene = try await DeviceScene()
        let release = try await offer(scene)
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.client(scene.operational.identity)
            let seal = try scene.seal(updated(scene, release), with: scene.operational.key)
            for _ in 0..<3 { #expect(try await client.post(DeviceAPI.receipts, json: seal).status == 200) }
            let count = try await scene.bench.house.read { rows in
                try rows.count("SELECT COUNT(*) AS n FROM ledger WHERE kind = 'updated'")
            }
            #expect(count == 1)
            #expect(try await scene.passport().installed?.sequence == 1)
        }
    }

    @Test func `signed by another key is refused, and a person hears of it`() async throws {
        let scene = try await DeviceScene()
        let release = try await offer(scene)
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.client(scene.operational.identity)
            for key in [EphemeralKey(), scene.unit.key] as [any SigningKey] {
                let seal = try scene.seal(updated(scene, release), with: key)
                expectRefusal(try await client.post(DeviceAPI.receipts, json: seal), 403, rule: "receipt: signature")
            }
            // The payload of one and the signature of another.
            var forged = try scene.seal(updated(scene, release), with: scene.operational.key)
            forged.payload = try scene.seal(updated(scene, Wire.Digest([1])), with: scene.operational.key).payload
            expectRefusal(try await client.post(DeviceAPI.receipts, json: forged), 403, rule: "receipt: signature")
            #expect(try await scene.bench.alarms(.receiptRefused, on: scene.unit) == 1)
            #expect(try await scene.passport().installed == nil)
        }
    }

    @Test func `of another device is refused, whoever signed it`() async throws {
        let scene = try await DeviceScene()
        let other = try await scene.bench.makeUnits(1, station: "line-2")[0]
        try await scene.bench.pair(other, with: scene.ada)
        let stranger = try await scene.bench.enrol(other)
        let release = try await offer(scene)
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.client(stranger.identity)
            let seal = try scene.seal(updated(scene, release), with: scene.operational.key)
            expectRefusal(try await client.post(DeviceAPI.receipts, json: seal), 403, rule: "receipt: device")
        }
    }

    @Test func `that names no release, or one that was not offered, is refused`() async throws {
        let scene = try await DeviceScene()
        _ = try await offer(scene)
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.client(scene.operational.identity)
            var receipt = updated(scene, Wire.Digest([UInt8](repeating: 7, count: 32)))
            let key = scene.operational.key
            let unknown = try await client.post(DeviceAPI.receipts, json: scene.seal(receipt, with: key))
            #expect([403, 409].contains(unknown.status) && unknown.refusal != nil, "\(unknown.text)")
            receipt.release = nil
            expectRefusal(try await client.post(DeviceAPI.receipts, json: scene.seal(receipt, with: key)), 400)
            for text in ["", "{}", "{\"payload\":\"!\",\"payloadType\":\"x\",\"signatures\":[]}"] {
                expectRefusal(
                    try await client.send(.POST, DeviceAPI.receipts, Array(text.utf8), type: "application/json"), 400)
            }
            let large = [UInt8](repeating: 32, count: DeviceAPI.maximumReceiptBytes + 1)
            expectRefusal(try await client.send(.POST, DeviceAPI.receipts, large, type: "application/json"), 413)
            #expect(try await scene.passport().installed == nil)
        }
    }

    @Test func `of a wipe needs the nonce of the open order`() async throws {
        let scene = try await DeviceScene()
        let house = scene.bench.house
        let ben = try await scene.bench.ownership("Ben")
        let code = try await house.perform(OfferDevice(device: scene.unit.serial), as: scene.ada).code
        _ = try await house.perform(AcceptDevice(device: scene.unit.serial, code: code), as: ben)
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.birth(scene.unit)
            func send(_ nonce: String?) async throws -> BenchClient.Answer {
                let receipt = Receipt(kind: .wiped, device: scene.unit.device, at: scene.bench.clock.now, nonce: nonce)
                return try await client.post(DeviceAPI.receipts, json: scene.seal(receipt, with: scene.unit.key))
            }
            expectRefusal(try await send(nil), 409, rule: "receipt: nonce")
            expectRefusal(try await send(Base64.encode(BenchClock.random(32))), 409, rule: "receipt: nonce")
            let nonce = try #require(try await client.status().wipe).nonce
            #expect(try await send(nonce).status == 200)
            #expect(try await scene.passport().tenure?.grade == .proven)
            scene.bench.clock.advance(seconds: 1)
            // The same nonce in a new receipt is stale.
            expectRefusal(try await send(nonce), 409, rule: "receipt: nonce")
        }
    }

    @Test func `of presence opens the tenure, with a fresh nonce only`() async throws {
        let scene = try await DeviceScene()
        let unit = try await scene.bench.makeUnits(1, station: "line-2")[0]
        let house = scene.bench.house
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.birth(unit)
            func send(_ nonce: String) async throws -> BenchClient.Answer {
                let receipt = Receipt(kind: .pairingProof, device: unit.device, at: scene.bench.clock.now, nonce: nonce)
                return try await client.post(DeviceAPI.receipts, json: scene.seal(receipt, with: unit.key))
            }
            func challenge() async throws -> String {
                let answer = try await house.perform(PairDevice(device: unit.serial, grade: .proven), as: scene.ada)
                #expect(answer.state == .waitingForProof)
                return try #require(try await client.status().pairing).nonce
            }
            expectRefusal(try await send("none"), 409, rule: "pairing: nonce")
            let first = try await challenge()
            let second = try await challenge()
            expectRefusal(try await send(first), 409, rule: "pairing: nonce")
            scene.bench.clock.advance(seconds: PairDevice.challengeSeconds + 1)
            expectRefusal(try await send(second), 410, rule: "pairing: nonce")
            #expect(try await send(try await challenge()).status == 200)
            #expect(try await client.status().state == .notEnrolled)
        }
    }
}
