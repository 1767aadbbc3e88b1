import Agent
import Crypto
import Release
import Testing
import Trust
import Wire

/// A delta by hand: a header, and windows of one instruction that adds, and one that copies from all of the old image.
private enum Handmade {
    static let header: [UInt8] = [0xd6, 0xc3, 0xc4, 0, 0]

    static func number(_ value: Int) -> [UInt8] {
        var bytes = [UInt8(value & 0x7f)]
        var rest = value >> 7
        while rest > 0 {
            bytes.insert(UInt8(rest & 0x7f) | 0x80, at: 0)
            rest >>= 7
        }
        return bytes
    }

    /// - Parameter copies: where from, and how many.
    static func window(_ added: [UInt8], _ copies: [(from: Int, count: Int)], old: Int, size: Int? = nil) -> [UInt8] {
        let instructions = (added.isEmpty ? [] : [1] + number(added.count)) + copies.flatMap { [19] + number($0.count) }
        let addresses = copies.flatMap { number($0.from) }
        let made = size ?? added.count + copies.reduce(0) { $0 + $1.count }
        let body =
            number(made) + [0] + number(added.count) + number(instructions.count) + number(addresses.count) + added
            + instructions + addresses
        return [1] + number(old) + [0] + number(body.count) + body
    }
}

/// A download of an image that differs a little from the one that is there.
private struct Rig {
    let disk = MemoryDisk()
    let old = (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    let new: [UInt8]
    let oldManifest: ReleaseManifest
    let manifest: ReleaseManifest
    static let path = "/slots/a/image"

    init() throws {
        new = Array("new".utf8) + old[500...]
        func manifest(_ sequence: Int, _ bytes: [UInt8]) -> ReleaseManifest {
            ReleaseManifest(
                product: ProductID(trusted: "thermostat-2"), sequence: sequence, version: "\(sequence)",
                hardware: ["board-b"], sha256: Wire.Digest(SHA256.hash(data: bytes)), size: bytes.count,
                created: Timestamp(seconds: 1_790_000_000))
        }
        (oldManifest, self.manifest) = (manifest(1, old), manifest(2, new))
        try disk.write(old, to: Self.path)
        disk.restart(.everything)
    }

    var delta: [UInt8] {
        Handmade.header + Handmade.window(Array("new".utf8), [(500, 500)], old: old.count)
            + Handmade.window([], [(1000, 2000)], old: old.count)
    }

    func download(on disk: MemoryDisk) -> Download { Download(on: disk, folder: "/download", of: manifest) }

    /// First by the delta in pieces of some bytes, then by the whole image.
    /// - Returns: how many bytes of each came.
    @discardableResult
    func fetch(
        _ delta: [UInt8], on disk: MemoryDisk, pieces: Int = 7, breaksAt: Int? = nil
    ) async throws -> (delta: Int, whole: Int) {
        let (few, many) = (Locked(0), Locked(0))
        let download = download(on: disk)
        try await download.rebuild(from: (Self.path, oldManifest)) { take in
            for start in stride(from: 0, to: delta.count, by: pieces) {
                if let breaksAt, start >= breaksAt {
                    throw ContactFailure.unreachable(Refusal(.unavailable, "It broke off.", hint: "Try again."))
                }
                let piece = Array(delta[start..<min(start + pieces, delta.count)])
                few.withLock { $0 += piece.count }
                try take(piece)
            }
            return true
        }
        try await download.fetch { [new] offset, tag, begin, take in
            // As the service does: without a tag from the beginning.
            let offset = tag == nil ? 0 : offset
            try begin(offset, "\"tag\"")
            for start in stride(from: offset, to: new.count, by: 1000) {
                let piece = Array(new[start..<min(start + 1000, new.count)])
                many.withLock { $0 += piece.count }
                try take(piece)
            }
        }
        #expect(try disk.readWhole(download.path) == new)
        return (few.withLock { $0 }, many.withLock { $0 })
    }
}

@Suite struct `A download by a delta` {
    @Test func `is the whole image, without a byte of it`() async throws {
        let rig = try Rig()
        #expect(try await rig.fetch(rig.delta, on: rig.disk) == (rig.delta.count, 0))
    }

    /// Each is dropped, and the whole image fetched.
    @Test func `that is no good costs its bytes and no more`() async throws {
        let rig = try Rig()
        func window(_ added: [UInt8], _ copies: [(from: Int, count: Int)], size: Int? = nil) -> [UInt8] {
            Handmade.window(added, copies, old: rig.old.count, size: size)
        }
        let bad: [(String, [UInt8])] = [
            ("of another image", Handmade.header + window([], [(0, 2503)])),
            ("empty", []), ("no delta", Array("<html>".utf8)), ("without its end", Array(rig.delta.dropLast(3))),
            ("longer than the image", rig.delta + window([], [(0, 100)])),
            ("shorter than the image", Handmade.header + window(Array("new".utf8), [(500, 500)])),
            ("from behind the old image", Handmade.header + Handmade.window([], [(2990, 20)], old: 3010)),
            ("a copy of what is not there yet", Handmade.header + window([], [(3000, 10)])),
            ("a copy beyond its window", Handmade.header + window([], [(0, 2000)], size: 10)),
            ("a window of a gigabyte", Handmade.header + window([], [(0, 1 << 30)])),
            ("a length of 63 bits", Handmade.header + [1] + [UInt8](repeating: 0xff, count: 8) + [0x7f, 0]),
            // They would go on for ever: nothing is made, and nothing ends.
            ("empty windows", Handmade.header + (0..<100_000).flatMap { _ in window([], []) }),
            ("empty additions", Handmade.header + (0..<100_000).flatMap { _ in [UInt8]([0, 7, 0, 0, 0, 2, 0, 1, 0]) }),
        ]
        for (name, delta) in bad {
            let came = try await rig.fetch(delta, on: rig.disk.copy(), pieces: 500)
            #expect(came.whole == rig.new.count, "\(name)")
            #expect(came.delta <= rig.manifest.size + 500, "\(name)")
        }
    }

    @Test func `is not asked for where the old image is not what it was`() async throws {
        let rig = try Rig()
        try rig.disk.write(Array(rig.old.dropLast()) + [0], to: Rig.path)
        #expect(try await rig.fetch(rig.delta, on: rig.disk) == (0, rig.new.count))
    }

    @Test func `that breaks off is begun three times, and then no more`() async throws {
        let rig = try Rig()
        for _ in 0..<3 {
            await #expect(throws: ContactFailure.self) {
                try await rig.fetch(rig.delta, on: rig.disk, breaksAt: rig.delta.count - 7)
            }
        }
        #expect(try await rig.fetch(rig.delta, on: rig.disk) == (0, rig.new.count))
    }

    @Test func `leaves nothing on a disk that is full`() async throws {
        let rig = try Rig()
        rig.disk.limit(to: rig.old.count + 1000)
        await #expect { try await rig.fetch(rig.delta, on: rig.disk) } throws: {
            ($0 as? Refusal)?.code == .unavailable
        }
        #expect(try rig.disk.names(in: "/download").isEmpty)
        rig.disk.limit(to: .max)
        #expect(try await rig.fetch(rig.delta, on: rig.disk).whole == 0)
    }

    /// Every file operation of a download by a delta, each failed and failed but persisted, each with four kinds of aftermath.
    @Test(arguments: [false, true]) func `is the whole image wherever the power is cut`(persisted: Bool) async throws {
        let rig = try Rig()
        let whole = rig.disk.copy()
        try await rig.fetch(rig.delta, on: whole)
        let operations = whole.operations - rig.disk.operations
        #expect(operations > 10)
        for cut in 1...operations {
            for aftermath in MemoryDisk.Aftermath.allCases {
                let disk = rig.disk.copy()
                disk.cutPower(at: cut, persisted: persisted)
                await #expect(throws: PowerCut.self) { try await rig.fetch(rig.delta, on: disk) }
                disk.restart(aftermath)
                try await rig.fetch(rig.delta, on: disk)
            }
        }
    }
}
