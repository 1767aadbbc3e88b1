import Crypto
import Foundation
import Passport
import Registry
import Store
import Testing
import Use
import Wire
import Workbench

@Suite(.enabled(if: RAUCScene.isInstalled), .serialized) struct `Debian's RAUC` {
    private typealias Digest = Wire.Digest

    @Test(.timeLimit(.minutes(2)))
    func `opens an encrypted bundle with the key of the device that fetched it, and with no other`() async throws {
        let scene = try await RAUCScene()
        let (_, message) = try await scene.publish(1)
        try await scene.est.serve { door in
            // Both at once.
            async let first = scene.artifact(scene.one, door)
            async let second = scene.artifact(scene.two, door)
            let (one, two) = (try await first, try await second)
            #expect(one.filename.hasSuffix(".raucb") && one.hashes != two.hashes)
            let bundles = try await [(scene.one, one), (scene.two, two)].asyncMap { unit, artifact in
                let link = try #require(artifact._links["download"]).href
                let got = try await scene.curl(unit, link)
                #expect(got.status == 200 && got.body.count == artifact.size)
                #expect(artifact.hashes["sha256"] == Digest(SHA256.hash(data: got.body)).description)
                #expect(artifact.hashes["sha1"] == Digest(Insecure.SHA1.hash(data: got.body)).description)
                #expect(artifact.hashes["md5"] == Digest(Insecure.MD5.hash(data: got.body)).description)
                let sum = try await scene.curl(unit, try #require(artifact._links["md5sum"]).href)
                #expect(String(decoding: sum.body, as: UTF8.self).hasPrefix(artifact.hashes["md5"] ?? "?"))
                return got.body
            }
            #expect(bundles[0] != bundles[1])
            for (unit, own, other) in [(scene.one, bundles[0], bundles[1]), (scene.two, bundles[1], bundles[0])] {
                #expect(try await scene.decrypt(own, as: unit) == message)
                #expect(try await scene.decrypt(other, as: unit) == nil)
                let opened = try await scene.extract(own, as: unit)
                #expect(opened.image == RAUCScene.image, "\(opened.said.suffix(1000))")
                let closed = try await scene.extract(other, as: unit)
                #expect(
                    closed.image == nil && closed.said.contains("Failed to decrypt"), "\(closed.said.suffix(1000))")
            }
            // What differs is the end alone.
            let stored = bundles[0].count / 4096 * 4096
            #expect(bundles[0].prefix(stored - 4096) == bundles[1].prefix(stored - 4096))
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `gets the same bundle again after a restart of the server, and goes on where a download was cut off`()
        async throws
    {
        let scene = try await RAUCScene()
        _ = try await scene.publish(1)
        let before = try await scene.serve { door in
            let artifact = try await scene.artifact(scene.one, door)
            let link = try #require(artifact._links["download"]).href
            return try await scene.curl(scene.one, link, ["-r", "0-99999"]).body
        }
        #expect(before.count == 100_000)
        let whole = try await scene.serve { door in
            let artifact = try await scene.artifact(scene.one, door)
            let link = try #require(artifact._links["download"]).href
            let rest = try await scene.curl(scene.one, link, ["-r", "100000-"])
            #expect(rest.status == 206)
            let whole = before + rest.body
            #expect(artifact.hashes["sha256"] == Digest(SHA256.hash(data: whole)).description)
            // Across the seam between what all get and what one gets.
            let tail = try await scene.curl(scene.one, link, ["-r", "-3000"])
            #expect(tail.body == Array(whole.suffix(3000)))
            return whole
        }
        #expect(try await scene.extract(whole, as: scene.one).image == RAUCScene.image)
    }

    @Test(.timeLimit(.minutes(2)))
    func `gets no bundle in quarantine, of a store that somebody wrote into, or changed on its way`() async throws {
        let scene = try await RAUCScene()
        let (path, _) = try await scene.publish(1)
        let bundle = try await scene.serve { door in
            let link = try #require(try await scene.artifact(scene.one, door)._links["download"]).href
            let bundle = try await scene.curl(scene.one, link).body
            // Stolen.
            _ = try await scene.house.perform(
                QuarantineDevice(device: scene.one.unit.serial, reason: "stolen"), as: .system)
            #expect(try await scene.curl(scene.one, link).status == 403)
            #expect(try await scene.deployment(scene.one, door).status == 404)
            // The other's path, with its own certificate.
            let others = try #require(try await scene.artifact(scene.two, door)._links["download"]).href
            #expect(try await scene.curl(scene.one, others).status == 403)
            return bundle
        }
        for at in [5000, bundle.count - 1000] {
            var tampered = bundle
            tampered[at] ^= 1
            #expect(try await scene.extract(tampered, as: scene.one).image == nil, "\(at)")
        }
        let handle = try #require(FileHandle(forUpdatingAtPath: path))
        try handle.seek(toOffset: 70_000)
        try handle.write(contentsOf: [0])
        try handle.close()
        try await scene.serve { door in
            let answer = try await scene.deployment(scene.two, door)
            #expect(answer.status == 503)
            #expect(String(decoding: answer.body, as: UTF8.self).contains("not the one that was published"))
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `opens a bundle with an RSA key, by a link that carries what was drawn for it`() async throws {
        let scene = try await RAUCScene(rsa: true)
        let (_, message) = try await scene.publish(1)
        try await scene.serve { door in
            let artifact = try await scene.artifact(scene.one, door)
            let link = try #require(artifact._links["download"]).href
            let bundle = try await scene.curl(scene.one, link).body
            #expect(bundle.count == artifact.size)
            #expect(artifact.hashes["sha256"] == Digest(SHA256.hash(data: bundle)).description)
            #expect(try await scene.decrypt(bundle, as: scene.one) == message)
            #expect(try await scene.extract(bundle, as: scene.one).image == RAUCScene.image)
            // Wrong keys are hidden behind random bytes (RFC 3218 §2.3): never what is inside.
            #expect(try await scene.decrypt(bundle, as: scene.two) != message)
            #expect(try await scene.extract(bundle, as: scene.two).image == nil)
            // The same link gives the same bytes, and so does the next poll.
            let again = try await scene.artifact(scene.one, door)
            #expect(again._links["download"]?.href == link && again.hashes == artifact.hashes)
            let tail = try await scene.curl(scene.one, link, ["-r", "\(bundle.count - 2000)-"])
            #expect(tail.status == 206 && tail.body == Array(bundle.suffix(2000)))
            let bare = String(link.prefix { $0 != "?" })
            for made in [bare, bare + "?carried=", bare + "?carried=00", bare + "?carried=xy"] {
                #expect(try await [400, 403].contains(scene.curl(scene.one, made).status), "\(made)")
            }
            // What somebody made up opens nothing, and another device's link is its own.
            let forged = bare + "?carried=" + String(repeating: "01", count: 256)
            #expect(try await scene.decrypt(scene.curl(scene.one, forged).body, as: scene.one) != message)
            #expect(try await scene.curl(scene.two, link).status == 403)
        }
        // Another node, or a server that was started anew, gives the link's bytes.
        let first = try await scene.serve { door in
            let artifact = try await scene.artifact(scene.one, door)
            return try #require(artifact._links["download"]?.href)
        }
        try await scene.serve { door in
            let query = String(first.drop { $0 != "?" })
            let artifact = try await scene.artifact(scene.one, door)
            let link = try #require(artifact._links["download"]).href
            #expect(!link.hasSuffix(query))
            let bundle = try await scene.curl(scene.one, String(link.prefix { $0 != "?" }) + query).body
            #expect(try await scene.decrypt(bundle, as: scene.one) == message)
        }
    }

    @Test func `leaves its payload key in no file and no row`() async throws {
        let scene = try await RAUCScene()
        let (path, message) = try await scene.publish(1)
        let text = String(decoding: message, as: UTF8.self)
        let start = try #require(text.range(of: "crypt-key=")).upperBound
        let key = Array(text[start...].utf8.prefix(64))
        let raw = try #require(Hex.decode(String(decoding: key, as: UTF8.self)))
        #expect(raw.count == 32)
        let secret = try await scene.house.read { rows in
            try rows.first("SELECT secret, data_key FROM payload_key").map {
                [try $0.bytes("secret"), try $0.bytes("data_key")]
            }
        }
        let files =
            try [path]
            + FileManager.default.contentsOfDirectory(atPath: scene.folder).filter {
                $0.contains("sqlite")
            }.map { "\(scene.folder)/\($0)" }
        let kept = try #require(secret) + files.map { Array(FileManager.default.contents(atPath: $0) ?? Data()) }
        #expect(kept.count >= 3 && kept.prefix(3).allSatisfy { $0.count > 32 })
        for bytes in kept {
            #expect(Data(bytes).range(of: Data(key)) == nil && Data(bytes).range(of: Data(raw)) == nil)
        }
    }
}

extension RAUCScene {
    fileprivate func serve<T: Sendable>(_ body: @escaping @Sendable (DeviceBench) async throws -> T) async throws -> T {
        try await DeviceBench.run(est.bench, body)
    }
}

extension Array {
    fileprivate func asyncMap<T>(_ body: (Element) async throws -> T) async throws -> [T] {
        var mapped: [T] = []
        for element in self { mapped.append(try await body(element)) }
        return mapped
    }
}
