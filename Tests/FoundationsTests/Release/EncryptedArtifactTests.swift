import Crypto
import Release
import Testing
import Wire

@Suite struct `An encrypted artifact` {
    private let key = [UInt8](repeating: 9, count: 32)
    private static let chunk = EncryptedArtifact.chunkBytes

    private func plain(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) } }

    private func seal(_ plain: [UInt8]) throws -> [UInt8] {
        var sealer = try ChunkSealer(key: key, size: plain.count)
        var (stored, at): ([UInt8], Int) = ([], 0)
        while sealer.next > 0 {
            let end = at + sealer.next
            stored += try sealer.seal(Array(plain[at..<end]))
            at = end
        }
        return stored
    }

    /// What is handed over of it, in pieces of a size that fits nothing, before it is refused.
    private func open(
        _ stored: [UInt8], size: Int, from offset: Int = 0, key: [UInt8]? = nil
    ) throws -> (plain: [UInt8], refusal: Refusal?) {
        var opener = try ChunkOpener(key: key ?? self.key, size: size, from: offset)
        var found: [UInt8] = []
        do {
            var rest = stored.dropFirst(opener.start)
            while !rest.isEmpty {
                try opener.take(Array(rest.prefix(10_007))) { found += $0 }
                rest = rest.dropFirst(10_007)
            }
            try opener.finish()
            return (found, nil)
        } catch let refusal as Refusal {
            return (found, refusal)
        }
    }

    @Test(arguments: [1, 15, chunk - 1, chunk, chunk + 1, 3 * chunk, 3 * chunk + 77])
    func `opens as what it was, and is as large as it says`(_ size: Int) throws {
        let stored = try seal(plain(size))
        #expect(stored.count == EncryptedArtifact.size(of: size))
        let opened = try open(stored, size: size)
        #expect(opened.plain == plain(size) && opened.refusal == nil)
        #expect(!stored.dropFirst(8).starts(with: plain(size).prefix(16)) || size < 16)
    }

    @Test func `is continued from any byte`() throws {
        let size = 2 * Self.chunk + 500
        let stored = try seal(plain(size))
        for offset in [0, 1, Self.chunk - 1, Self.chunk, Self.chunk + 1, 2 * Self.chunk, size - 1, size] {
            let opened = try open(stored, size: size, from: offset)
            #expect(opened.plain == Array(plain(size)[offset...]) && opened.refusal == nil, "\(offset)")
        }
    }

    @Test func `gives no byte of a chunk that was changed, and none behind it`() throws {
        let size = 3 * Self.chunk
        let stored = try seal(plain(size))
        for at in [0, 7, 8, 8 + Self.chunk, 8 + Self.chunk + 16, stored.count / 2, stored.count - 1] {
            var tampered = stored
            tampered[at] ^= 1
            let opened = try open(tampered, size: size)
            #expect(opened.refusal?.rule == "release: chunk", "\(at)")
            #expect(opened.plain.count % Self.chunk == 0 && opened.plain.count <= max(0, at - 8), "\(at)")
            #expect(opened.plain == Array(plain(size).prefix(opened.plain.count)))
        }
    }

    @Test func `is refused cut short, too long, reordered, repeated, and with another key`() throws {
        let size = 3 * Self.chunk
        let stored = try seal(plain(size))
        let one = Self.chunk + 16
        let chunks = (0..<3).map { Array(stored[(8 + $0 * one)..<(8 + ($0 + 1) * one)]) }
        let mark = Array(stored.prefix(8))
        for count in [0, 7, 8, 100, 8 + one, 8 + 2 * one, stored.count - 1] {
            #expect(try open(Array(stored.prefix(count)), size: size).refusal?.rule == "release: size", "\(count)")
        }
        // Cut between two chunks, by somebody who says that it was meant to be that short.
        #expect(try open(Array(stored.prefix(8 + 2 * one)), size: 2 * Self.chunk).refusal?.rule == "release: chunk")
        #expect(try open(stored + [0], size: size).refusal?.code == .tooLarge)
        for order in [[1, 0, 2], [0, 0, 2], [0, 2, 1], [2, 1, 0]] {
            let opened = try open(mark + order.flatMap { chunks[$0] }, size: size)
            #expect(opened.refusal?.rule == "release: chunk", "\(order)")
        }
        #expect(try open(stored, size: size, key: [UInt8](repeating: 8, count: 32)).refusal?.rule == "release: chunk")
        #expect(try open(stored, size: size, key: [UInt8](repeating: 8, count: 32)).plain.isEmpty)
    }

    @Test func `is neither made nor opened with sizes and keys that make no sense`() throws {
        for size in [0, -1, EncryptedArtifact.largest + 1, .max] {
            #expect(EncryptedArtifact.size(of: size) == nil)
            #expect(throws: Refusal.self) { try ChunkSealer(key: key, size: size) }
            #expect(throws: Refusal.self) { try ChunkOpener(key: key, size: size) }
        }
        #expect(throws: Refusal.self) { try ChunkOpener(key: key, size: 10, from: 11) }
        #expect(throws: Refusal.self) { try ChunkOpener(key: key, size: 10, from: -1) }
        for count in [0, 16, 31, 33] {
            #expect(throws: Refusal.self) { try ChunkOpener(key: [UInt8](repeating: 1, count: count), size: 10) }
        }
        var sealer = try ChunkSealer(key: key, size: 100)
        #expect(throws: Refusal.self) { try sealer.seal(plain(99)) }
    }
}

@Suite struct `The end of a RAUC bundle` {
    private func trailer(_ count: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: count >> (56 - 8 * $0)) }
    }

    @Test func `is found by its size`() {
        #expect(RAUCBundle.message(in: 8192 + 100 + 8, trailer: trailer(100)) == 8192..<8292)
        #expect(RAUCBundle.end([1, 2, 3]) == [1, 2, 3] + trailer(3))
    }

    @Test func `is not where the size is none, too large, or leaves no payload in blocks`() {
        for count in [0, 101, 65_537, 8200, 1 << 32, UInt64.max] as [UInt64] {
            #expect(RAUCBundle.message(in: 8192 + 100 + 8, trailer: trailer(count)) == nil, "\(count)")
        }
        for size in [0, 7, 8, 108] { #expect(RAUCBundle.message(in: size, trailer: trailer(100)) == nil, "\(size)") }
        for bytes in [[], [1], [UInt8](repeating: 0, count: 9)] {
            #expect(RAUCBundle.message(in: 8300, trailer: bytes) == nil)
        }
    }

    @Test func `is refused if it is no signed message of the format crypt`() {
        for bytes in [
            [], [0x30, 0x00], [UInt8](repeating: 0x30, count: 70_000), Array("[bundle]\nformat=crypt\n".utf8),
        ] {
            #expect(throws: Refusal.self) { try RAUCBundle.demandCrypt(bytes) }
        }
    }
}
