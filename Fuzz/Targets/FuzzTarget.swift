import Wire

/// One parser of outside bytes, with what must hold of it whatever it is given. A finding is a trap, a broken promise, a
/// hang, or memory without bound.
package struct FuzzTarget: Sendable {
    package let name: String
    /// How much of the short run it gets, in percent of the usual: less where one input costs much.
    package let share: Int
    /// Valid inputs to begin with, made anew from real objects.
    package let seeds: @Sendable (FuzzSeeds) throws -> [[UInt8]]
    package let run: @Sendable ([UInt8]) -> Void

    init(
        _ name: String, share: Int = 100, seeds: @escaping @Sendable (FuzzSeeds) throws -> [[UInt8]],
        run: @escaping @Sendable ([UInt8]) -> Void
    ) {
        self.name = name
        self.share = share
        self.seeds = seeds
        self.run = run
    }

    package static let all =
        wire + messages + trust + ledger + witness + doors + stock + mender + updates + releases + selection + encrypted
}

/// A promise of a parser. Broken, it ends the program with its sentence, as a trap does.
func promise(_ holds: @autoclosure () -> Bool, _ sentence: @autoclosure () -> String) {
    precondition(holds(), sentence())
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

extension FuzzTarget {
    /// JSON of one type: what was decoded is encoded to bytes that decode to the same and encode to the same bytes.
    static func json<Value: Codable & Equatable & Sendable>(
        _ name: String, _ type: Value.Type, _ seed: @escaping @Sendable (FuzzSeeds) throws -> [Value],
        also check: @escaping @Sendable (Value) -> Void = { _ in }
    ) -> FuzzTarget {
        FuzzTarget(name, share: 50) {
            try seed($0).map { try CanonicalJSON.encode($0) }
        } run: { bytes in
            guard let value = try? CanonicalJSON.decode(Value.self, from: bytes, limit: 1 << 20) else { return }
            guard let written = try? CanonicalJSON.encode(value) else {
                return promise(false, "\(name): what was decoded cannot be encoded")
            }
            let again = try? CanonicalJSON.decode(Value.self, from: written, limit: 8 << 20)
            promise(again == value, "\(name): decode(encode(x)) is not x")
            promise(again.flatMap { try? CanonicalJSON.encode($0) } == written, "\(name): two encodings of one value")
            check(value)
        }
    }
}
