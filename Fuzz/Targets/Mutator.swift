/// Inputs out of seeds by chance, the same for the same number: the short run of `make test`. It sees no coverage and
/// replaces nothing of libFuzzer; it keeps every target's promises checked on every run.
package struct Mutator: Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    /// xorshift64*: enough chance for this, and the same everywhere.
    private mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 2_685_821_657_736_338_717
    }

    private mutating func below(_ bound: Int) -> Int { bound > 0 ? Int(next() % UInt64(bound)) : 0 }

    /// Bytes that parsers care about, and numbers at the edges.
    private static let words: [[UInt8]] =
        [
            "\n", "\n\n", "\0", "\"", "{", "}", "[", "]", ",", ":", "=", "+", "-", "/", ".", "..", " ", "%", "null",
            "-1",
            "0", "00", "1e999", "0x", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
            "18446744073709551616", "\u{2014} ", "\u{1F381}", "e\u{301}", "9999-12-31T23:59:59Z",
        ].map { Array($0.utf8) } + [
            [0x80], [0xFF], [0x30, 0x80], [0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], [0x02, 0x01, 0x80], [0xC0, 0x80],
            [UInt8](repeating: 0xFF, count: 8), [0x7F] + [UInt8](repeating: 0xFF, count: 7),
        ]

    /// One to eight changes of a seed.
    package mutating func mutate(_ seeds: [[UInt8]]) -> [UInt8] {
        guard !seeds.isEmpty else { return [] }
        var bytes = seeds[below(seeds.count)]
        for _ in 0...below(8) { change(&bytes, seeds) }
        return Array(bytes.prefix(64 << 10))
    }

    private mutating func change(_ bytes: inout [UInt8], _ seeds: [[UInt8]]) {
        let at = below(bytes.count + 1)
        let end = min(bytes.count, at + 1 + below(1 << below(8)))
        switch below(8) {
        case 0 where at < bytes.count: bytes[at] ^= 1 << UInt8(below(8))
        case 1 where at < bytes.count: bytes[at] = UInt8(truncatingIfNeeded: next())
        case 2: bytes.insert(contentsOf: Self.words[below(Self.words.count)], at: at)
        case 3 where at < end: bytes.removeSubrange(at..<end)
        case 4 where at < end: bytes.insert(contentsOf: bytes[at..<end], at: below(bytes.count))
        case 5 where at < end: bytes.replaceSubrange(at..<end, with: Self.words[below(Self.words.count)])
        case 6: bytes = Array(bytes.prefix(at)) + seeds[below(seeds.count)].dropFirst(below(64))
        case 7: bytes = Array(bytes.prefix(at))
        default: bytes.append(UInt8(truncatingIfNeeded: next()))
        }
    }
}
