import Wire

/// What the server said yes to, and what therefore must be there for ever.
enum Fact: Sendable, Hashable {
    /// The bytes of a certificate that a device got.
    case certificate(serial: String, sha256: Digest, device: String)
    /// A device that was admitted, with the certificate that it was born with.
    case device(serial: String, certificate: Digest)
    /// An entry of this kind about the device, with these words in it; answered twice, it must be there twice.
    case entry(device: String, kind: String, word: String)
    /// An entry of this kind about the house, with these words in it.
    case houseEntry(kind: String, word: String)
    case row(table: String, column: String, value: String)
    /// A secret that opens something: its hash is among the credentials of this kind.
    case credential(hash: String)
    case artifact(sha256: Digest)
    case product(id: String, title: String)
}

/// Everything that clients learned, outside of the process that is killed.
final class Notebook: Sendable {
    struct Counts: Sendable {
        var acknowledged = 0
        var unknown = 0
        var refused: [String: Int] = [:]
    }

    private struct State {
        var counts = Counts()
        var facts: [Fact] = []
        var certificates: [String: Digest] = [:]
        var troubles: [String] = []
        var checkpoints: [String] = []
        /// Titles of a product that were asked for and may hold.
        var asked: [String: Set<String>] = [:]
    }
    private let state = Locked(State())

    var counts: Counts { state.withLock { $0.counts } }
    var facts: [Fact] { state.withLock { $0.facts } }
    var troubles: [String] { state.withLock { $0.troubles } }
    var checkpoints: [String] { state.withLock { $0.checkpoints } }
    func askedTitles(_ product: String) -> Set<String> { state.withLock { $0.asked[product] ?? [] } }

    /// The server said yes.
    func acknowledge(_ facts: [Fact]) {
        state.withLock { state in
            state.counts.acknowledged += 1
            for fact in facts {
                state.facts.append(fact)
                guard case .certificate(let serial, let sha256, _) = fact else { continue }
                if let other = state.certificates.updateValue(sha256, forKey: serial), other != sha256 {
                    state.troubles.append("serial \(serial) was signed twice over different bytes")
                }
            }
        }
    }

    /// Notes once more what was answered about a device, as if the server had said yes to something that it then lost; more
    /// often than it may have happened without an answer.
    /// - Returns: false while nothing fits: what bears no number and may happen again.
    func invent() -> Bool {
        state.withLock { state in
            let found = state.facts.last {
                if case .entry(_, _, let word) = $0 { word.isEmpty } else { false }
            }
            guard let found else { return false }
            state.facts += Array(repeating: found, count: state.counts.unknown + 1)
            return true
        }
    }

    /// No answer: it may have happened or not.
    func unknown() { state.withLock { $0.counts.unknown += 1 } }

    func refused(_ refusal: Refusal, at path: String) {
        state.withLock { state in
            state.counts.refused["\(path) \(refusal.code.rawValue)", default: 0] += 1
            if refusal.code == .internal || refusal.code == .malformed {
                state.troubles.append("\(path): \(refusal)")
            }
        }
    }

    func trouble(_ text: String) { state.withLock { $0.troubles.append(text) } }
    func saw(checkpoint: String) {
        state.withLock { state in if state.checkpoints.last != checkpoint { state.checkpoints.append(checkpoint) } }
    }
    func asked(title: String, of product: String) {
        state.withLock { _ = $0.asked[product, default: []].insert(title) }
    }

    /// A new home begins with nothing; the counts go on.
    func forget() {
        state.withLock { state in
            state.facts = []
            state.certificates = [:]
            state.checkpoints = []
            state.asked = [:]
        }
    }
}

/// Repeatable choices.
struct Dice: RandomNumberGenerator, Sendable {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func roll(_ range: Range<Int>) -> Int { Int.random(in: range, using: &self) }
    /// True in so many of a hundred cases.
    mutating func percent(_ share: Int) -> Bool { roll(0..<100) < share }
}
