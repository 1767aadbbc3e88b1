import Foundation
import FuzzTargets
import Testing

/// Every fuzz target's short run: its seeds, its regressions and a fixed number of mutations, the same on each run. What
/// libFuzzer does for hours is `make fuzz`.
@Suite struct `A parser of outside bytes` {
    /// Mutations of a target whose share is 100; about ten seconds of one core for all of them.
    private static let mutations = Int(ProcessInfo.processInfo.environment["LIFELONG_MUTATIONS"] ?? "") ?? 600
    private static let names = FuzzTarget.all.map(\.name)

    @Test(arguments: names) func `keeps its promises on mutations of what is valid`(_ name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let seeds = try target.seeds(.fixed)
        #expect(!seeds.isEmpty)
        let last = try LastInput(of: name)
        for seed in seeds { last.run(target, seed) }
        for number in 0..<UInt64(Self.mutations * target.share / 100) {
            var mutator = Mutator(seed: number)
            last.run(target, mutator.mutate(seeds))
        }
        last.remove()
    }

    @Test(arguments: names) func `keeps its promises on what once broke them`(_ name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Fuzz/regressions/\(name)")
        let files = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
        for file in files { target.run(Array(try Data(contentsOf: file))) }
    }

    @Test func `has a name of its own`() {
        #expect(Set(Self.names).count == Self.names.count)
        #expect(Self.names.count >= 60)
    }

    @Test func `gets seeds that it takes`() throws {
        // A seed that is refused at its first byte would make a weak corpus: most targets have a valid one.
        for target in FuzzTarget.all {
            #expect(try target.seeds(.fixed).allSatisfy { $0.count <= 64 << 10 }, "\(target.name)")
        }
    }
}

/// The input that is being tried, in a file that outlives the process: a trap ends all tests, and this is what it was.
private final class LastInput {
    private let path: String
    private let file: FileHandle

    init(of name: String) throws {
        path = NSTemporaryDirectory() + "/lifelong-fuzz-\(ProcessInfo.processInfo.processIdentifier)-\(name)"
        try Data().write(to: URL(filePath: path))
        file = try #require(FileHandle(forUpdatingAtPath: path))
    }

    func run(_ target: FuzzTarget, _ input: [UInt8]) {
        // Written over from the start and cut: two calls of the system an input, nothing synced.
        try? file.seek(toOffset: 0)
        try? file.write(contentsOf: Data(input))
        try? file.truncate(atOffset: UInt64(input.count))
        target.run(input)
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
