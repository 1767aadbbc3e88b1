import Crypto
import Foundation
import NIOHTTP1
import Passport
import Registry
import Release
import Retirement
import Testing
import Transfer
import Trust
import Use
import Wire
import Workbench

/// Who once had the right to a key, or has it and shows the wrong certificate.
@Suite struct `The key of an encrypted release` {
    private func enrolAnew(_ made: EncryptedScene) async throws -> Operational {
        try await made.scene.bench.enrol(made.scene.unit)
    }

    @Test func `is not for the former owner, in whose hands the device's old key may be`() async throws {
        let made = try await EncryptedScene()
        let (bench, serial) = (made.scene.bench, made.scene.unit.serial)
        let ben = try await bench.ownership("Ben")
        try await DeviceBench.run(bench) { door in
            let old = try door.client(made.scene.operational.identity)
            #expect(try await old.get(made.path).status == 200)
            let code = try await made.house.perform(OfferDevice(device: serial), as: made.scene.ada).code
            _ = try await made.house.perform(AcceptDevice(device: serial, code: code), as: ben)
            expectRefusal(try await old.get(made.path), 403)
            try await made.scene.wipe(door)
            let fresh = try await enrolAnew(made)
            _ = try await made.house.perform(
                OfferUpdate(product: HouseBench.product, sequence: 1, devices: [serial]), as: .system)
            expectRefusal(try await old.get(made.path), 403, rule: "certificate: revoked")
            let envelope = try await made.envelope(door.client(fresh.identity))
            let context = made.release.bytes
            #expect(try fresh.key.open(envelope, context: context) == EncryptedScene.key)
            #expect(throws: Refusal.self) { try made.scene.operational.key.open(envelope, context: context) }
            // For another release it does not open either.
            #expect(throws: Refusal.self) { try fresh.key.open(envelope, context: made.sha256.bytes) }
        }
    }

    @Test func `is not for a certificate that was replaced, ran out, or belongs to a device whose life is over`()
        async throws
    {
        let made = try await EncryptedScene()
        let bench = made.scene.bench
        try await DeviceBench.run(bench) { door in
            let old = try door.client(made.scene.operational.identity)
            #expect(try await old.get(made.path).status == 200)
            let renewed = try await enrolAnew(made)
            expectRefusal(try await old.get(made.path), 403, rule: "certificate: revoked")
            let client = try door.client(renewed.identity)
            #expect(try await client.get(made.path).status == 200)
            let end = try CertificateReference(of: renewed.certificate).notAfter
            bench.clock.advance(seconds: end.seconds(since: bench.clock.now) + 1)
            expectRefusal(try await client.get(made.path), 401)
        }
    }

    @Test func `is judged with the certificate in one read, whatever was known of it when the request came`()
        async throws
    {
        let made = try await EncryptedScene()
        let shown = try CertificateReference(of: made.scene.operational.certificate).sha256
        func key(_ release: Wire.Digest, showing certificate: Wire.Digest) async throws {
            try await made.house.read { rows in
                let device = try Device.require(made.scene.unit.serial, in: rows)
                _ = try Updates.demandKey(of: release, for: device, showing: certificate, in: rows)
            }
        }
        try await key(made.release, showing: shown)
        await #expect { try await key(made.sha256, showing: shown) } throws: {
            ($0 as? Refusal)?.rule == "update: offered only"
        }
        let renewed = try CertificateReference(of: try await enrolAnew(made).certificate).sha256
        await #expect { try await key(made.release, showing: shown) } throws: {
            ($0 as? Refusal)?.rule == "certificate: revoked"
        }
        try await key(made.release, showing: renewed)
        _ = try await made.house.perform(RetireDevice(device: made.scene.unit.serial, how: .recycled), as: .system)
        await #expect(throws: Refusal.self) { try await key(made.release, showing: renewed) }
    }

    @Test func `is refused clearly while the key store does not answer, and nothing of it is sent`() async throws {
        let made = try await EncryptedScene()
        let bundle = try await made.publishBundle(2)
        let file = made.scene.bench.folder + "/keys/tenure-wrapping.wrap"
        let wrapping = try #require(FileManager.default.contents(atPath: file))
        try await DeviceBench.run(made.scene.bench) { door in
            let client = try door.client(made.scene.operational.identity)
            let stock = HawkBitClient(client: client, path: "/DEFAULT/controller/v1/\(made.scene.unit.serial)")
            try FileManager.default.removeItem(atPath: file)
            expectRefusal(try await client.get(made.path), 503)
            try wrapping.write(to: URL(filePath: file))
            #expect(try await client.get(made.path).status == 200)
            _ = try await made.house.perform(
                OfferUpdate(product: HouseBench.product, sequence: 2, devices: [made.scene.unit.serial]), as: .system)
            let action = try await stock.action()
            let link = "/softwaremodules/2/artifacts/\(HouseBench.product)-2.raucb"
            let whole = try await stock.get(link)
            #expect(whole.status == 200 && whole.body.starts(with: bundle))
            try FileManager.default.removeItem(atPath: file)
            for path in ["/deploymentBase/\(action)", "/softwaremodules/2/artifacts", link, link + ".MD5SUM"] {
                expectRefusal(try await stock.get(path), 503)
            }
            let ranged = try await client.get(stock.path + link, headers: ["Range": "bytes=0-10"])
            expectRefusal(ranged, 503)
            #expect(ranged.headers["ETag"].isEmpty && ranged.headers["Content-Range"].isEmpty)
            try wrapping.write(to: URL(filePath: file))
            #expect(try await stock.get(link).body == whole.body)
            // A part of it, and what it is a part of, are this device's.
            let tag = try #require(whole.headers.first(name: "ETag"))
            let part = try await client.get(
                stock.path + link, headers: ["Range": "bytes=\(bundle.count - 5)-", "If-Range": tag])
            #expect(part.status == 206 && part.body == Array(whole.body.suffix(from: bundle.count - 5)))
            let renewed = HawkBitClient(
                client: try door.client(try await enrolAnew(made).identity), path: stock.path)
            let other = try await renewed.get(link)
            #expect(other.body.count == whole.body.count && other.body != whole.body)
            #expect(other.headers.first(name: "ETag") != tag)
        }
    }
}

extension EncryptedScene {
    /// A bundle in RAUC's form `crypt` that RAUC would not take: nobody signed it. Returns its payload.
    func publishBundle(_ sequence: Int) async throws -> [UInt8] {
        func der(_ tag: UInt8, _ parts: [UInt8]...) -> [UInt8] {
            let content = Array(parts.joined())
            return [tag] + (content.count < 128 ? [UInt8(content.count)] : [0x81, UInt8(content.count)]) + content
        }
        let type: [UInt8] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07]
        let text = Array("[update]\ncompatible=c\n[bundle]\nformat=crypt\n".utf8)
        let inside = der(0x30, type + [0x01], der(0xa0, der(0x04, text)))
        let message = der(0x30, type + [0x02], der(0xa0, der(0x30, [0x02, 0x01, 0x01], [0x31, 0x00], inside)))
        let payload = (0..<3 * RAUCBundle.blockBytes).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ sequence) }
        let whole = payload + RAUCBundle.end(message)
        let sha256 = Wire.Digest(SHA256.hash(data: payload))
        try Data(payload).write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
        _ = try await house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: sequence, version: "1.\(sequence)",
                hardware: [HouseBench.hardware], sha256: sha256, size: payload.count,
                encryption: PayloadSecret(
                    kind: .rauc, secret: message, sha256: Wire.Digest(SHA256.hash(data: whole)), size: whole.count)),
            as: .system)
        return payload
    }
}
