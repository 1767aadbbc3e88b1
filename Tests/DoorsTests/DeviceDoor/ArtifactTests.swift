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
                ("bytes=0-9223372036854775808", 0..<200_000), ("bytes=-99999999999999999999", 0..<200_000),
                ("BYTES= 5-9 ,", 5..<10), ("bytes=5-9, 200000-", 5..<10),
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
                "bytes=5-1", "bytes=a-b", "items=0-1", "bytes=-", "bytes=--5", "bytes=+1-2", "bytes", "bytes=",
                "bytes=,",
                "bytes=1-2,x", "bytes=0-,0-", "bytes=0-199999,0-0",
                "bytes=" + (0..<9).map { "\($0)-\($0)" }.joined(separator: ","),
                "bytes=0-" + String(repeating: "9", count: 600),
            ] {
                let answer = try await client.get(path, headers: ["Range": ignored])
                #expect(answer.status == 200 && answer.body.count == artifact.count, "\(ignored)")
            }
            for beyond in [
                "bytes=200000-", "bytes=200000-200001", "bytes=999999999999-", "bytes=-0", "bytes=-0,200000-",
                "bytes=9223372036854775808-",
            ] {
                let answer = try await client.get(path, headers: ["Range": beyond])
                #expect(
                    answer.status == 416 && answer.headers.first(name: "Content-Range") == "bytes */200000", "\(beyond)"
                )
            }
        }
    }

    @Test func `comes in several parts at once`() async throws {
        let scene = try await DeviceScene()
        try await publish(scene)
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.client(scene.operational.identity)
            let parts = [199_999..<200_000, 0..<1, 70_000..<140_001]
            let asked = "bytes=-1, 0-0,70000-140000"
            let answer = try await client.get(path, headers: ["Range": asked])
            let type = try #require(answer.headers.first(name: "Content-Type"))
            let boundary = try #require(
                type.range(of: "multipart/byteranges; boundary=").map { type[$0.upperBound...] })
            var expected: [UInt8] = []
            for (index, part) in parts.enumerated() {
                expected += Array(
                    """
                    \(index == 0 ? "" : "\r\n")--\(boundary)\r\nContent-Type: application/octet-stream\r\n\
                    Content-Range: bytes \(part.lowerBound)-\(part.upperBound - 1)/200000\r\n\r\n
                    """.utf8)
                expected += artifact[part]
            }
            expected += Array("\r\n--\(boundary)--\r\n".utf8)
            #expect(answer.status == 206 && answer.body == expected)
            #expect(answer.headers.first(name: "Content-Length") == "\(expected.count)")
            #expect(answer.headers.first(name: "Content-Range") == nil)
        }
    }

    @Test func `is compared before it is sent, and a HEAD knows no ranges`() async throws {
        let scene = try await DeviceScene()
        try await publish(scene)
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.client(scene.operational.identity)
            let head = try await client.send(.HEAD, path, headers: ["Range": "bytes=0-9"])
            #expect(head.status == 200 && head.body.isEmpty && head.headers.first(name: "Content-Length") == "200000")
            #expect(head.headers.first(name: "Content-Range") == nil)
            let tag = try #require(head.headers.first(name: "ETag"))
            for held in [tag, "W/\(tag)", "*", "\"other\", \(tag)"] {
                let answer = try await client.get(path, headers: ["If-None-Match": held, "Range": "bytes=0-9"])
                #expect(answer.status == 304 && answer.body.isEmpty, "\(held)")
                #expect(
                    answer.headers.first(name: "ETag") == tag && answer.headers.first(name: "Content-Length") == nil)
            }
            #expect(try await client.get(path, headers: ["If-None-Match": "\"other\""]).status == 200)
            for wrong in ["\"other\"", "W/\(tag)"] {
                #expect(try await client.get(path, headers: ["If-Match": wrong]).status == 412, "\(wrong)")
            }
            #expect(try await client.get(path, headers: ["If-Match": tag, "Range": "bytes=0-9"]).status == 206)
            // A weak tag or a date vouches for no byte.
            for weak in ["W/\(tag)", "Sat, 21 Nov 2026 00:00:00 GMT"] {
                let answer = try await client.get(path, headers: ["Range": "bytes=0-9", "If-Range": weak])
                #expect(answer.status == 200 && answer.body.count == 200_000, "\(weak)")
            }
            let twice: HTTPHeaders = ["Range": "bytes=0-9", "range": "bytes=3-4"]
            #expect(try await client.get(path, headers: twice).status == 200)
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
