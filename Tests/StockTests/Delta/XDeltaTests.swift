import Foundation
import Release
import Testing
import Wire
import Workbench

/// What xdelta3 writes, read by us; and what nobody should write.
@Suite(
    .enabled(if: !BenchEngine.isPostgreSQL && OutsideProgram.findOrSay("xdelta3", package: "xdelta3"), "needs xdelta3"))
struct `A delta` {
    struct Pair: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let old: [UInt8]
        let new: [UInt8]
    }

    /// Bytes that look like a program: words from a small vocabulary.
    private static func text(_ count: Int, seed: UInt64) -> [UInt8] {
        var state = seed
        var out: [UInt8] = []
        while out.count < count {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let word = "word\(state >> 52) "
            out += Array(word.utf8)
        }
        return Array(out.prefix(count))
    }

    static let pairs: [Pair] = {
        // More than a window of 512 KiB.
        let base = text(700_000, seed: 1)
        var edited = base
        for place in stride(from: 777, to: edited.count, by: 40_000) { edited[place] ^= 0x55 }
        let moved = Array(base[300_000...]) + text(50_000, seed: 2) + Array(base[..<250_000])
        let zeros = [UInt8](repeating: 0, count: 600_000)
        return [
            Pair(testDescription: "the same", old: base, new: base),
            Pair(testDescription: "edited in many places", old: base, new: edited),
            Pair(testDescription: "moved, cut and grown", old: base, new: moved),
            Pair(testDescription: "of nothing alike", old: base, new: text(300_000, seed: 9)),
            Pair(testDescription: "to long runs", old: base, new: zeros + Array(base.prefix(10)) + zeros),
            Pair(testDescription: "to one byte", old: base, new: [7]),
            Pair(testDescription: "from one byte", old: [7], new: Array(edited.prefix(400_000))),
        ]
    }()

    /// - Parameter pieces: bytes that arrive at once.
    private func apply(_ delta: [UInt8], to old: [UInt8], pieces: Int, limit: Int) throws -> [UInt8] {
        var reader = DeltaReader(oldSize: old.count)
        var out: [UInt8] = []
        for start in stride(from: 0, to: delta.count, by: pieces) {
            try reader.take(delta[start..<min(start + pieces, delta.count)]) { offset, count in
                Array(old[offset..<min(offset + count, old.count)])
            } emit: { made in
                #expect(made.count <= DeltaReader.largestWindow)
                guard out.count + made.count <= limit else {
                    throw Refusal(.tooLarge, "It goes on for ever.", hint: "Stop.")
                }
                out += made
            }
        }
        try reader.finish()
        return out
    }

    private func make(_ pair: Pair, _ folder: String, _ more: [String] = ["-S", "none", "-A"]) async throws -> [UInt8] {
        try Data(pair.old).write(to: URL(filePath: folder + "/old"))
        try Data(pair.new).write(to: URL(filePath: folder + "/new"))
        let made = try await OutsideProgram.run(
            "xdelta3", ["-e", "-9", "-f", "-W", "524288"] + more + ["-s", "old", "new", "delta"], in: folder)
        try #require(made.status == 0, "\(made.errors)")
        return Array(try Data(contentsOf: URL(filePath: folder + "/delta")))
    }

    @Test(arguments: pairs) func `makes the image that it was made for`(_ pair: Pair) async throws {
        try await withFolder { folder in
            let delta = try await make(pair, folder)
            #expect(try apply(delta, to: pair.old, pieces: 16_384, limit: pair.new.count) == pair.new)
        }
    }

    @Test func `may arrive in any pieces, and with a note of its maker`() async throws {
        try await withFolder { folder in
            let pair = Self.pairs[2]
            let delta = try await make(pair, folder)
            for pieces in [1 << 20, 1021] {
                #expect(try apply(delta, to: pair.old, pieces: pieces, limit: pair.new.count) == pair.new)
            }
            let noted = try await make(pair, folder, ["-S", "none"])
            #expect(noted.count > delta.count)
            #expect(try apply(noted, to: pair.old, pieces: 7919, limit: pair.new.count) == pair.new)
        }
    }

    /// Where a window ends it may end: that it is not the whole image is for its digest to say.
    @Test func `that ends early, is compressed, or has windows beyond bounds is refused`() async throws {
        try await withFolder { folder in
            let pair = Self.pairs[1]
            let delta = try await make(pair, folder)
            for cut in [0, 3, 20, delta.count / 2, delta.count - 1] {
                #expect(isRefused(Array(delta.prefix(cut)), pair.old), "cut at \(cut)")
            }
            let compressed = try await make(Self.pairs[3], folder, ["-S", "lzma"])
            #expect(isRefused(compressed, pair.old))
            #expect(isRefused(delta, Array(pair.old.prefix(1000))))
        }
    }

    private func isRefused(_ delta: [UInt8], _ old: [UInt8]) -> Bool {
        do {
            _ = try apply(delta, to: old, pieces: 4096, limit: 2 << 20)
            return false
        } catch {
            return error is Refusal
        }
    }

    /// Copies of one byte from all over a large image: each is in bounds, and all of them would read it ten thousand times.
    @Test func `that jumps about for ever is refused`() throws {
        let (size, jumps) = (1 << 20, 200_000)
        func number(_ value: Int) -> [UInt8] {
            [UInt8(value >> 14 & 0x7f | 0x80), UInt8(value >> 7 & 0x7f | 0x80), UInt8(value & 0x7f)]
        }
        var window: [UInt8] = []
        let addresses = (0..<jumps).flatMap { number($0 % 2 == 0 ? 0 : size - 1) }
        let instructions = [UInt8]((0..<jumps).flatMap { _ in [19, 1] })
        let body =
            number(jumps) + [0, 0] + number(instructions.count) + number(addresses.count) + instructions + addresses
        window = [0xd6, 0xc3, 0xc4, 0, 0, 1] + number(size) + [0]
        window += [UInt8(body.count >> 21 & 0x7f | 0x80)] + number(body.count) + body
        var reader = DeltaReader(oldSize: size)
        var bytesRead = 0
        #expect {
            try reader.take(window) { _, count in
                bytesRead += count
                return [UInt8](repeating: 0, count: count)
            } emit: { _ in
            }
        } throws: { ($0 as? Refusal)?.detail.contains("jumps") == true }
        #expect(bytesRead <= 64 * (size + DeltaReader.largestWindow))
    }

    /// Changed anywhere it says something wrong, or something else; it never reads or writes where it must not, and always ends.
    @Test(.timeLimit(.minutes(2))) func `that somebody changed does no harm`() async throws {
        try await withFolder { folder in
            let old = Self.text(60_000, seed: 3)
            var new = old
            new.replaceSubrange(10_000..<20_000, with: Self.text(5000, seed: 4))
            let delta = try await make(Pair(testDescription: "", old: old, new: new), folder)
            var generator = SystemRandomNumberGenerator()
            for _ in 0..<3000 {
                var bad = delta
                for _ in 0...Int.random(in: 0...3, using: &generator) {
                    bad[Int.random(in: 0..<bad.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
                }
                _ = try? apply(bad, to: old, pieces: Int.random(in: 1...5000, using: &generator), limit: new.count)
            }
            for length in [0, 1, 5, 300] {
                let junk =
                    [0xd6, 0xc3, 0xc4, 0, 0] + (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
                _ = try? apply(junk, to: old, pieces: 64, limit: new.count)
            }
        }
    }
}
