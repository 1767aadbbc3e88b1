import Agent
import Crypto
import Foundation
import NIOCore
import NIOHTTP1
import Testing
import Trust
import Wire

private let artifact = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 17 &+ $0 >> 8) }
private let path = DeviceAPI.artifacts + "00"

private func manifest(_ bytes: [UInt8] = artifact) -> ReleaseManifest {
    ReleaseManifest(
        product: AgentBench.product, sequence: 1, version: "1", hardware: [AgentBench.hardware],
        sha256: Wire.Digest(SHA256.hash(data: bytes)), size: bytes.count, created: AgentBench.now)
}

/// Runs `body` against a service that answers so, with a download on a disk in memory.
private func withDownload(
    limits: DeviceTransport.Limits = .init(), of manifest: ReleaseManifest = manifest(),
    answer: @escaping @Sendable (ScriptedService.Request) -> ScriptedService.Answer,
    _ body: (Download, MemoryDisk, @escaping Download.Source) async throws -> Void
) async throws {
    let bench = try AgentBench()
    let service = try ScriptedService(tls: bench.serverTLS(), answer)
    let (client, transport) = try bench.client(port: service.port, limits: limits)
    let disk = MemoryDisk()
    let download = Download(on: disk, folder: "/download", of: manifest)
    do {
        try await body(download, disk) { offset, etag, begin, take in
            try await client.artifact(path, from: offset, etag: etag, begin: begin, take: take)
        }
    } catch {
        await transport.shutdown()
        await service.stop()
        throw error
    }
    await transport.shutdown()
    await service.stop()
}

/// A server that serves `bytes` with ranges, and cuts the first answers off after so many bytes.
private final class Shelf: Sendable {
    private let cuts: Locked<[Int]>
    private let seen = Locked<[String?]>([])
    private let etag: Locked<String>
    let bytes: [UInt8]

    init(_ bytes: [UInt8] = artifact, cuts: [Int] = [], etag: String = "\"v1\"") {
        self.bytes = bytes
        self.cuts = Locked(cuts)
        self.etag = Locked(etag)
    }
    var ranges: [String?] { seen.withLock { $0 } }
    func set(etag new: String) { etag.withLock { $0 = new } }

    func answer(_ request: ScriptedService.Request) -> ScriptedService.Answer {
        let range = request.headers.first(name: "Range")
        seen.withLock { $0.append(range) }
        let tag = etag.withLock { $0 }
        var from = 0
        if let range, request.headers.first(name: "If-Range") == tag {
            from = Int(range.dropFirst("bytes=".count).dropLast()) ?? 0
        }
        let rest = Array(bytes[from...])
        var headers = ["ETag": tag, "Content-Length": "\(rest.count)"]
        if from > 0 { headers["Content-Range"] = "bytes \(from)-\(bytes.count - 1)/\(bytes.count)" }
        let cut = cuts.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        let pieces = stride(from: 0, to: min(rest.count, cut ?? .max), by: 10_000).map {
            Array(rest[$0..<min($0 + 10_000, rest.count, cut ?? .max)])
        }
        return .pieces(from > 0 ? 206 : 200, headers: headers, pieces, pause: .milliseconds(1), cut: cut != nil)
    }
}

@Suite struct `A download` {
    @Test func `arrives whole`() async throws {
        let shelf = Shelf()
        try await withDownload(answer: { shelf.answer($0) }) { download, disk, source in
            try await download.fetch(from: source)
            #expect(try disk.readWhole(download.path) == artifact)
        }
        #expect(shelf.ranges == [nil])
    }

    @Test func `is no faster than it may be, and whole`() async throws {
        let shelf = Shelf()
        var limits = DeviceTransport.Limits()
        limits.fastestBytesPerSecond = 100_000
        let began = ContinuousClock.now
        try await withDownload(limits: limits, answer: { shelf.answer($0) }) { download, disk, source in
            try await download.fetch(from: source)
            #expect(try disk.readWhole(download.path) == artifact)
        }
        // 100,000 bytes; the pause behind the last piece counts as well.
        #expect(.now - began >= .seconds(1))
    }

    @Test func `goes on where the connection broke`() async throws {
        let shelf = Shelf(cuts: [35_000, 20_000])
        try await withDownload(answer: { shelf.answer($0) }) { download, disk, source in
            for _ in 0..<2 { await #expect(throws: ContactFailure.self) { try await download.fetch(from: source) } }
            try await download.fetch(from: source)
            #expect(try disk.readWhole(download.path) == artifact)
        }
        #expect(shelf.ranges.count == 3 && shelf.ranges[0] == nil)
        let starts = shelf.ranges.dropFirst().compactMap { $0.flatMap { Int($0.dropFirst(6).dropLast()) } }
        #expect(starts.count == 2 && starts[0] > 0 && starts[0] <= 35_000 && starts[1] > starts[0])
    }

    @Test func `goes on after a power cut, from what was left`() async throws {
        let shelf = Shelf()
        try await withDownload(answer: { shelf.answer($0) }) { download, disk, source in
            disk.cutPower(at: 12, persisted: false)
            await #expect(throws: (any Error).self) { try await download.fetch(from: source) }
            disk.restart(.tornContents)
            try await download.fetch(from: source)
            #expect(try disk.readWhole(download.path) == artifact)
        }
    }

    @Test func `begins anew if the artifact changed meanwhile`() async throws {
        let shelf = Shelf(cuts: [35_000])
        try await withDownload(answer: { shelf.answer($0) }) { download, disk, source in
            await #expect(throws: ContactFailure.self) { try await download.fetch(from: source) }
            shelf.set(etag: "\"v2\"")
            try await download.fetch(from: source)
            #expect(try disk.readWhole(download.path) == artifact)
        }
        #expect(shelf.ranges.count == 2 && shelf.ranges[1] != nil)
    }

    @Test func `begins anew if another artifact lies there`() async throws {
        let shelf = Shelf()
        try await withDownload(answer: { shelf.answer($0) }) { download, disk, source in
            try disk.write(Array("{\"etag\":\"\\\"v1\\\"\",\"sha256\":\"00\"}".utf8), to: "/download/mark.json")
            try disk.write([1, 2, 3], to: download.path)
            try await download.fetch(from: source)
            #expect(try disk.readWhole(download.path) == artifact)
        }
        #expect(shelf.ranges == [nil])
    }

    @Test func `is thrown away if it is another one than the manifest says`() async throws {
        var tampered = artifact
        tampered[50_000] ^= 1
        let shelf = Shelf(tampered)
        try await withDownload(answer: { shelf.answer($0) }) { download, disk, source in
            await #expect { try await download.fetch(from: source) } throws: {
                ($0 as? Refusal)?.rule == "release: digest"
            }
            let left = try disk.names(in: "/download")
            #expect(left.isEmpty)
        }
    }

    @Test func `gives its space back if the disk is full, and arrives when there is space`() async throws {
        let shelf = Shelf()
        try await withDownload(answer: { shelf.answer($0) }) { download, disk, source in
            disk.limit(to: 50_000)
            await #expect { try await download.fetch(from: source) } throws: { ($0 as? Refusal)?.code == .unavailable }
            let left = try disk.names(in: "/download")
            #expect(left.isEmpty)
            disk.limit(to: .max)
            try await download.fetch(from: source)
            #expect(try disk.readWhole(download.path) == artifact)
        }
    }

    @Test(.timeLimit(.minutes(1))) func `that never ends is refused at the first byte too many`() async throws {
        try await withDownload(answer: { _ in .endless(headers: ["ETag": "\"v1\""]) }) { download, disk, source in
            await #expect { try await download.fetch(from: source) } throws: { ($0 as? Refusal)?.code == .tooLarge }
            let left = try disk.names(in: "/download")
            #expect(left.isEmpty)
        }
    }

    @Test(.timeLimit(.minutes(1))) func `that trickles is given up, and kept`() async throws {
        var limits = DeviceTransport.Limits()
        limits.silence = .seconds(1)
        limits.slowestBytesPerSecond = 1000
        let trickle = Array(repeating: [UInt8(0)], count: 1000)
        let answer: @Sendable (ScriptedService.Request) -> ScriptedService.Answer = { _ in
            .pieces(200, headers: ["ETag": "\"v1\"", "Content-Length": "100000"], trickle, pause: .milliseconds(100))
        }
        try await withDownload(limits: limits, answer: answer) { download, disk, source in
            let start = ContinuousClock.now
            await #expect { try await download.fetch(from: source) } throws: {
                guard case .unreachable? = $0 as? ContactFailure else { return false }
                return true
            }
            #expect(start.duration(to: .now) < .seconds(10))
            let kept = try disk.size(of: download.path) ?? 0
            #expect(kept > 0)
        }
    }

    @Test(.timeLimit(.minutes(1))) func `that falls silent is given up`() async throws {
        var limits = DeviceTransport.Limits()
        limits.silence = .seconds(1)
        limits.exchange = .seconds(2)
        let first: @Sendable (ScriptedService.Request) -> ScriptedService.Answer = { _ in
            .pieces(
                200, headers: ["ETag": "\"v1\"", "Content-Length": "100000"], [[1, 2, 3], [4]], pause: .seconds(30))
        }
        let never: @Sendable (ScriptedService.Request) -> ScriptedService.Answer = { _ in .silence }
        for answer in [first, never] {
            try await withDownload(limits: limits, answer: answer) { download, _, source in
                await #expect(throws: ContactFailure.self) { try await download.fetch(from: source) }
            }
        }
    }

    @Test func `that is not offered is refused with the service's words`() async throws {
        let refusal = Refusal(.forbidden, "That artifact is not offered to this device.", hint: "Check in.")
        let body = try CanonicalJSON.encode(refusal)
        try await withDownload(answer: { _ in .reply(403, body) }) { download, _, source in
            await #expect(throws: ContactFailure.refused(refusal)) { try await download.fetch(from: source) }
        }
    }
}
