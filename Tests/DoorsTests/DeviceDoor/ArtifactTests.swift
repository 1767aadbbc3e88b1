import Crypto
import Foundation
import NIOHTTP1
import Passport
import Registry
import Testing
import Use
import Wire
import Workbench

@Suite struct `An artifact` {
    private let artifact = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    private var path: String { DeviceAPI.artifacts + "\(Digest(SHA256.hash(data: artifact)))" }
    private typealias Digest = Wire.Digest

    private func publish(_ scene: DeviceScene, offered: Bool = true) async throws {
        let house = scene.bench.house
        let sha256 = Digest(SHA256.hash(data: artifact))
        try Data(artifact).write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
        _ = try await house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: 1, version: "1.1", hardware: [HouseBench.hardware],
                sha256: sha256,
                size: artifact.count), as: .system)
        if offered { _ = try await house.perform(OfferUpdate(product: HouseBench.product, sequence: 1), as: .system) }
    }

    @Test func `comes whole, in parts, and from where a download was cut off`() async throws {
        let scene = try await DeviceScene()
        try await publish(scene)
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.client(scene.operational.identity)
            let update = try await client.post(DeviceAPI.checkIn, json: scene.report()).json(DesiredState.self).update
            #expect(update?.path == path)
            let whole = try await client.get(path)
            #expect(whole.status == 200 && whole.body == artifact)
            #expect(whole.headers.first(name: "Accept-Ranges") == "bytes")
            let tag = try #require(whole.headers.first(name: "ETag"))
            let ranges: [(String, Range<Int>)] = [
                ("bytes=0-0", 0..<1), ("bytes=65530-65550", 65_530..<65_551), ("bytes=199990-", 199_990..<200_000),
                ("bytes=-10", 199_990..<200_000), ("bytes=199999-900000", 199_999..<200_000),
                ("bytes=-900000", 0..<200_000),
                // The largest number that there is: one more would be none.
                ("bytes=7-9223372036854775807", 7..<200_000), ("bytes=-9223372036854775807", 0..<200_000),
            ]
            for (asked, range) in ranges {
                let answer = try await client.get(path, headers: ["Range": asked, "If-Range": tag])
                #expect(answer.status == 206 && answer.body == Array(artifact[range]), "\(asked)")
                #expect(
                    answer.headers.first(name: "Content-Range")
                        == "bytes \(range.lowerBound)-\(range.upperBound - 1)/200000")
            }
        }
    }

    @Test func `comes whole again if it is another one by now, and not at all beyond its end`() async throws {
        let scene = try await DeviceScene()
        try await publish(scene)
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.client(scene.operational.identity)
            let other = try await client.get(path, headers: ["Range": "bytes=10-", "If-Range": "\"other\""])
            #expect(other.status == 200 && other.body == artifact)
            for ignored in [
                "bytes=1-2,5-6", "bytes=5-1", "bytes=a-b", "items=0-1", "bytes=-", "bytes=--5", "bytes=-0",
                "bytes=0-9223372036854775808", "bytes=+1-2",
            ] {
                let answer = try await client.get(path, headers: ["Range": ignored])
                #expect(answer.status == 200 && answer.body.count == artifact.count, "\(ignored)")
            }
            for beyond in ["bytes=200000-", "bytes=200000-200001", "bytes=999999999999-"] {
                let answer = try await client.get(path, headers: ["Range": beyond])
                #expect(
                    answer.status == 416 && answer.headers.first(name: "Content-Range") == "bytes */200000", "\(beyond)"
                )
            }
        }
    }

    @Test func `comes only to a device that it is offered to, while its stage has the right`() async throws {
        let scene = try await DeviceScene()
        try await publish(scene, offered: false)
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.client(scene.operational.identity)
            expectRefusal(try await client.get(path), 403, rule: "update: offered only")
            expectRefusal(try await client.get(DeviceAPI.artifacts + String(repeating: "0", count: 64)), 403)
            for bad in ["00", "..%2f..%2fkeys", String(repeating: "g", count: 64)] {
                expectRefusal(try await client.get(DeviceAPI.artifacts + bad), 400)
            }
            let house = scene.bench.house
            _ = try await house.perform(OfferUpdate(product: HouseBench.product, sequence: 1), as: .system)
            #expect(try await client.get(path).status == 200)
            try await scene.quarantine()
            expectRefusal(try await client.get(path), 403, rule: "stage quarantined: firmware")
            expectRefusal(try await door.client().get(path), 401)
        }
    }
}
