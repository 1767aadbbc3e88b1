import Crypto
import Foundation
import Passport
import Registry
import Release
import Testing
import Use
import Wire
import Workbench

/// SWUpdate with asymmetric decryption is not in Debian 12. What it does with an archive its parts do here: cpio, and CMS by openssl.
@Suite(.enabled(if: ArchiveScene.isInstalled), .serialized) struct `An encrypted archive of SWUpdate` {
    private typealias Digest = Wire.Digest

    @Test(.timeLimit(.minutes(2)))
    func `is opened with the key of the device that fetched it, and with no other, and is what was signed`()
        async throws
    {
        let scene = try await ArchiveScene()
        let (whole, description) = try await scene.publish(1)
        let (one, two) = (scene.devices.one, scene.devices.two)
        try await scene.serve { door in
            // Both at once.
            async let first = scene.fetch(one, door)
            async let second = scene.fetch(two, door)
            let fetched = [try await first, try await second]
            for (artifact, body) in fetched {
                #expect(artifact.filename.hasSuffix(".swu") && artifact.size == body.count)
                #expect(artifact.hashes == ["sha1": Digest(Insecure.SHA1.hash(data: body)).description])
                #expect(artifact._links["md5sum"] == nil)
            }
            let bodies = fetched.map { $0.body }
            #expect(bodies[0] != bodies[1] && bodies[0].count == bodies[1].count)
            // What differs is the beginning alone, and that is small.
            let common = whole.count - (try ArchiveScene.headBytes(whole))
            #expect(bodies[0].suffix(common) == bodies[1].suffix(common))
            #expect(bodies[0].suffix(common).elementsEqual(whole.suffix(common)))
            #expect(bodies[0].count < whole.count + 600)
            for (unit, own, other) in [(one, bodies[0], bodies[1]), (two, bodies[1], bodies[0])] {
                let opened = try #require(try await scene.open(own, as: unit))
                #expect(opened.description == description && opened.image == ArchiveScene.image)
                #expect(try await scene.open(other, as: unit) == nil)
                #expect(Data(own).range(of: Data("aes-key".utf8)) == nil)
            }
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `is the same after a restart of the server, and goes on where a download was cut off`() async throws {
        let scene = try await ArchiveScene()
        _ = try await scene.publish(1)
        let one = scene.devices.one
        let (before, sha1) = try await scene.serve { door in
            let artifact = try await scene.devices.artifact(one, door)
            let link = try #require(artifact._links["download"]).href
            let begun = try await scene.devices.curl(one, link, ["-r", "0-299"])
            #expect(begun.status == 206)
            return (begun.body, artifact.hashes["sha1"])
        }
        try await scene.serve { door in
            let link = try #require(try await scene.devices.artifact(one, door)._links["download"]).href
            let rest = try await scene.devices.curl(one, link, ["-r", "300-"])
            #expect(rest.status == 206)
            let whole = before + rest.body
            #expect(sha1 == Digest(Insecure.SHA1.hash(data: whole)).description)
            #expect(try await scene.open(whole, as: one)?.image == ArchiveScene.image)
            for range in ["0-0", "700-1300", "-5", "\(whole.count - 1)-"] {
                let part = try await scene.devices.curl(one, link, ["-r", range])
                #expect(part.status == 206 && Data(whole).range(of: Data(part.body)) != nil, "\(range)")
            }
            #expect(try await scene.devices.curl(one, link, ["-r", "\(whole.count)-"]).status == 416)
            #expect(try await scene.devices.curl(one, link + ".MD5SUM").status == 404)
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `is not for a quarantined device, another's path or a token, and not of a store that somebody wrote into`()
        async throws
    {
        let scene = try await ArchiveScene()
        let (whole, _) = try await scene.publish(1)
        let (one, two) = (scene.devices.one, scene.devices.two)
        try await scene.serve { door in
            let link = try #require(try await scene.devices.artifact(one, door)._links["download"]).href
            let others = try #require(try await scene.devices.artifact(two, door)._links["download"]).href
            #expect(try await scene.devices.curl(one, others).status == 403)
            let token = try await scene.house.perform(
                IssueDeviceToken(device: one.unit.serial), as: scene.devices.est.ada
            ).token
            let bare = try await scene.devices.est.run(
                "curl",
                [
                    "--silent", "--cacert", "root.pem", "-H", "Authorization: TargetToken \(token)", "-o", "bare", "-w",
                    "%{http_code}", link,
                ])
            #expect(bare.text == "403")
            _ = try await scene.house.perform(
                QuarantineDevice(device: one.unit.serial, reason: "stolen"), as: .system)
            #expect(try await scene.devices.curl(one, link).status == 403)
        }
        let path = scene.stored(Array(whole.dropFirst(try ArchiveScene.headBytes(whole))))
        let handle = try #require(FileHandle(forUpdatingAtPath: path))
        try handle.seek(toOffset: 100_000)
        try handle.write(contentsOf: [1, 2, 3, 4])
        try handle.close()
        try await scene.serve { door in
            let answer = try await scene.devices.deployment(two, door)
            #expect(answer.status == 503)
            #expect(String(decoding: answer.body, as: UTF8.self).contains("not the one that was published"))
        }
    }

    @Test(
        .enabled(if: ArchiveScene.swupdate != nil, "LIFELONG_SWUPDATE names no SWUpdate that opens envelopes: not run"),
        .timeLimit(.minutes(3)))
    func `is installed by SWUpdate itself with the right key, and with no other`() async throws {
        let scene = try await ArchiveScene()
        _ = try await scene.publish(1)
        let (one, two) = (scene.devices.one, scene.devices.two)
        try await scene.serve { door in
            let own = try await scene.fetch(one, door).body
            let opened = try await scene.install(own, as: one)
            #expect(opened.status == 0 && scene.installed == ArchiveScene.image, "\(opened.said.suffix(3000))")
            let closed = try await scene.install(own, as: two)
            #expect(
                closed.status != 0 && scene.installed == nil && closed.said.contains("Decrypting failed"), "\(closed)")
            // A byte of the image, whose hash is signed.
            var tampered = own
            tampered[own.count / 2] ^= 1
            #expect(try await scene.install(tampered, as: one).status != 0)
            // And as a client of hawkBit, with TLS.
            let polled = try await scene.poll(two, door)
            #expect(polled.status == 0 && scene.installed == ArchiveScene.image, "\(polled.said)")
        }
    }
}

extension ArchiveScene {
    static func headBytes(_ whole: [UInt8]) throws -> Int { try SWUpdateArchive.headBytes(whole) }

    fileprivate func serve<T: Sendable>(_ body: @escaping @Sendable (DeviceBench) async throws -> T) async throws -> T {
        try await DeviceBench.run(devices.est.bench, body)
    }
}
