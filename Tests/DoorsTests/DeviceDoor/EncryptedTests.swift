import Agent
import Crypto
import Foundation
import NIOHTTP1
import Passport
import Registry
import Release
import Store
import Testing
import Transfer
import Trust
import Use
import Wire
import Workbench

/// A release in chunks, published for a device with our agent.
struct EncryptedScene: Sendable {
    let scene: DeviceScene
    static let plain = (0..<150_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    static let key = [UInt8](repeating: 0xa5, count: 32)
    let stored: [UInt8]
    let sha256: Wire.Digest
    let release: Wire.Digest
    var house: House { scene.bench.house }
    var path: String { DeviceAPI.envelopes + "\(release)" }

    init(offered: Bool = true) async throws {
        scene = try await DeviceScene()
        stored = try Self.seal(Self.plain)
        sha256 = Wire.Digest(SHA256.hash(data: stored))
        release = try await Self.publish(stored, scene.bench.house)
        if offered { try await offer() }
    }

    static func seal(_ plain: [UInt8]) throws -> [UInt8] { try BenchChunks(plain, key: key).stored }

    static func publish(
        _ stored: [UInt8], _ house: House, sequence: Int = 1, change: (inout PayloadSecret) -> Void = { _ in }
    ) async throws -> Wire.Digest {
        let sha256 = Wire.Digest(SHA256.hash(data: stored))
        try Data(stored).write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
        var secret = PayloadSecret(
            kind: .chunks, secret: key, sha256: Wire.Digest(SHA256.hash(data: plain)), size: plain.count)
        change(&secret)
        return try await house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: sequence, version: "1.\(sequence)",
                hardware: [HouseBench.hardware], sha256: sha256, size: stored.count, encryption: secret), as: .system
        ).release
    }

    func offer(remedy: Bool? = nil) async throws {
        _ = try await house.perform(
            OfferUpdate(product: HouseBench.product, sequence: 1, devices: [scene.unit.serial], remedy: remedy),
            as: .system)
    }

    func envelope(_ client: BenchClient) async throws -> KeyEnvelope {
        let sent = try await client.get(path).json(PayloadEnvelope.self)
        return KeyEnvelope(
            encapsulated: try #require(Base64.decode(sent.encapsulated)),
            ciphertext: try #require(Base64.decode(sent.ciphertext)))
    }
}

@Suite struct `An encrypted release` {
    @Test func `is opened by the operational key of the device that asks, and by no other`() async throws {
        let made = try await EncryptedScene()
        let bench = made.scene.bench
        let other = try await bench.makeUnits(1, station: "line-2")[0]
        try await bench.pair(other, with: made.scene.ada)
        let others = try await bench.enrol(other)
        _ = try await made.house.perform(
            OfferUpdate(product: HouseBench.product, sequence: 1, devices: [other.serial]), as: .system)
        try await DeviceBench.run(bench) { door in
            let client = try door.client(made.scene.operational.identity)
            let update = try await client.post(DeviceAPI.checkIn, json: made.scene.report()).json(DesiredState.self)
                .update
            #expect(update?.path == DeviceAPI.artifacts + "\(made.sha256)")
            let manifest = try CanonicalJSON.decode(
                ReleaseManifest.self, from: #require(update).manifest.payloadBytes())
            #expect(manifest.encrypted == EncryptedForm(.chunks, sha256: made.sha256, size: made.stored.count))
            let stored = try await client.get(DeviceAPI.artifacts + "\(made.sha256)").body
            // Two at once, each for itself.
            async let first = made.envelope(client)
            async let second = made.envelope(door.client(others.identity))
            let (ours, theirs) = (try await first, try await second)
            let context = made.release.bytes
            let key = try made.scene.operational.key.open(ours, context: context)
            #expect(try others.key.open(theirs, context: context) == key)
            #expect(throws: Refusal.self) { try others.key.open(ours, context: context) }
            #expect(throws: Refusal.self) { try made.scene.operational.key.open(theirs, context: context) }
            var opener = try ChunkOpener(key: key, size: manifest.size)
            var plain: [UInt8] = []
            try opener.take(stored) { plain += $0 }
            try opener.finish()
            #expect(plain == EncryptedScene.plain)
        }
    }

    @Test
    func `gives no envelope to who is quarantined, handed over, not offered it, or comes with another certificate`()
        async throws
    {
        let made = try await EncryptedScene(offered: false)
        let bench = made.scene.bench
        try await DeviceBench.run(bench) { door in
            let client = try door.client(made.scene.operational.identity)
            expectRefusal(try await client.get(made.path), 403, rule: "update: offered only")
            try await made.offer()
            #expect(try await client.get(made.path).status == 200)
            for bad in ["00", String(repeating: "g", count: 64)] {
                expectRefusal(try await client.get(DeviceAPI.envelopes + bad), 400)
            }
            expectRefusal(
                try await client.get(DeviceAPI.envelopes + String(repeating: "0", count: 64)), 403,
                rule: "update: offered only")
            expectRefusal(try await door.birth(made.scene.unit).get(made.path), 403, rule: "IEEE 802.1AR §6")
            expectRefusal(try await door.client().get(made.path), 401)
            // Stolen: on the connection that is open already.
            try await made.scene.quarantine()
            expectRefusal(try await client.get(made.path), 403)
            expectRefusal(try await door.birth(made.scene.unit).get(made.path), 403)
            _ = try await made.house.perform(RestoreDevice(device: made.scene.unit.serial), as: .system)
            // Its former owner still has the key that it had then.
            _ = try await made.house.perform(OfferDevice(device: made.scene.unit.serial), as: made.scene.ada)
            expectRefusal(try await client.get(made.path), 403)
        }
    }

    @Test func `is no remedy, and is not told of to a device without a back end`() async throws {
        let made = try await EncryptedScene(offered: false)
        await #expect { try await made.offer(remedy: true) } throws: {
            ($0 as? Refusal)?.rule == "release: encrypted"
        }
        let bench = made.scene.bench
        let unit = try await bench.makeUnits(1, station: "line-2")[0]
        _ = try await made.house.perform(
            OfferUpdate(product: HouseBench.product, sequence: 1, devices: [unit.serial]), as: .system)
        try await DeviceBench.run(bench) { door in
            let birth = try door.birth(unit)
            #expect(try await birth.status().update == nil)
            expectRefusal(try await birth.get(made.path), 403, rule: "IEEE 802.1AR §6")
        }
    }

    @Test func `is no release if it does not open as what is said of it`() async throws {
        let scene = try await DeviceScene()
        let house = scene.bench.house
        let stored = try EncryptedScene.seal(EncryptedScene.plain)
        func expectRefused(
            _ rule: String, _ stored: [UInt8], _ change: @escaping @Sendable (inout PayloadSecret) -> Void = { _ in }
        ) async {
            await #expect { try await EncryptedScene.publish(stored, house, change: change) } throws: {
                ($0 as? Refusal)?.rule == rule
            }
        }
        var tampered = stored
        tampered[70_000] ^= 1
        await expectRefused("release: chunk", tampered)
        await expectRefused("release: size", stored.dropLast())
        await expectRefused("release: chunk", stored) { $0.secret = Base64.encode([UInt8](repeating: 1, count: 32)) }
        await expectRefused("release: payload key", stored) { $0.secret = Base64.encode([1, 2, 3]) }
        await expectRefused("release: payload key", stored) { $0.secret = "not base64" }
        await expectRefused("release: payload key", stored) { $0.secret = String(repeating: "A", count: 200_000) }
        await expectRefused("release: size", stored) { $0.size += 1 }
        await expectRefused("release: size", stored) { $0.size = .max }
        await expectRefused("release: digest", stored) { $0.sha256 = Wire.Digest([UInt8](repeating: 0, count: 32)) }
        await expectRefused("X.690 §10", stored) {
            $0.kind = .rauc; $0.secret = Base64.encode([0x30, 0x02, 0x06, 0x00])
        }
        #expect(try await house.read { try $0.count("SELECT COUNT(*) AS n FROM payload_key") } == 0)
        _ = try await EncryptedScene.publish(stored, house)
        #expect(try await house.read { try $0.count("SELECT COUNT(*) AS n FROM payload_key") } == 1)
    }

    @Test func `keeps its secret out of what prints it`() throws {
        let secret = PayloadSecret(
            kind: .chunks, secret: EncryptedScene.key, sha256: Wire.Digest([UInt8](repeating: 1, count: 32)), size: 1)
        var dumped = ""
        dump(secret, to: &dumped)
        let text = Base64.encode(EncryptedScene.key)
        for printed in ["\(secret)", String(reflecting: secret), dumped] { #expect(!printed.contains(text.prefix(8))) }
    }

    @Test func `is not for stock clients, which get no byte of it`() async throws {
        let made = try await EncryptedScene()
        try await DeviceBench.run(made.scene.bench) { door in
            let client = HawkBitClient(
                client: try door.client(made.scene.operational.identity),
                path: "/DEFAULT/controller/v1/\(made.scene.unit.serial)")
            let action = try await client.action()
            expectRefusal(try await client.get("/deploymentBase/\(action)"), 403, rule: "release: encryption")
            for file in ["", "/\(HouseBench.product)-1.bin", "/\(HouseBench.product)-1.bin.MD5SUM"] {
                expectRefusal(
                    try await client.get("/softwaremodules/1/artifacts" + file), 403, rule: "release: encryption")
            }
        }
    }
}
