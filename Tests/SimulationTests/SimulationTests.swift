import Foundation
import Simulation
import Testing

@Suite struct `A simulation` {
    @Test func `has the invariants of its page, each with its sentence`() throws {
        let rows = try Documents.table("docs/simulation.md", headed: ["invariant", "what must hold"])
        #expect(rows.map { $0[0] } == Invariant.allCases.map(\.rawValue))
        #expect(rows.allSatisfy { $0[1].hasSuffix(".") })
    }

    @Test(arguments: [UInt64(1), 20_261_121]) func `of the stage machine keeps every invariant`(_ seed: UInt64) throws {
        let report = try PureWorld.run(seed: seed, steps: 40_000)
        #expect(report.entries > 1000 && report.refused > 300 && report.unknown > 300 && report.crashes > 10)
    }

    @Test func `of the stage machine keeps every invariant with a seed that nobody chose`() throws {
        let seed = UInt64.random(in: 1...999_999_999)
        print("note: pure simulation with the random seed \(seed)")
        _ = try PureWorld.run(seed: seed, steps: 40_000)
    }

    @Test func `runs the same way with the same seed`() throws {
        let first = try PureWorld.run(seed: 7, steps: 10_000)
        #expect(try PureWorld.run(seed: 7, steps: 10_000) == first)
        #expect(try PureWorld.run(seed: 8, steps: 10_000) != first)
    }

    /// An invariant that cannot fail shows nothing: each rule, broken, is found by the invariant that it belongs to.
    @Test(arguments: BrokenRule.allCases) func `finds a broken rule, and finds it again`(_ rule: BrokenRule) throws {
        let seeds: [UInt64] = [1, 2, 3, 4, 5, 6, 7, 8]
        var found: [Invariant] = []
        for seed in seeds {
            let first = #expect(throws: Violation.self) { try Self.broken(rule, seed) }
            guard let first else { continue }
            found.append(first.invariant)
            guard first.invariant == rule.breaks else { continue }
            let second = #expect(throws: Violation.self) { try Self.broken(rule, seed) }
            #expect(second?.step == first.step && second?.detail == first.detail && second?.recent == first.recent)
            #expect("\(first)".contains("seed \(seed)"))
            return
        }
        Issue.record("\(rule) was found as \(found), never as \(rule.breaks)")
    }

    private static func broken(_ rule: BrokenRule, _ seed: UInt64) throws {
        _ = try PureWorld.run(seed: seed, steps: 60_000, options: .init(broken: rule))
    }
}

/// The registry level takes over the runtime of its process, so that it runs in a process of its own.
@Suite(.serialized) struct `A simulation of the registry` {
    private func run(_ arguments: String) throws -> (status: Int32, said: String) {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") }
        let program = try #require(
            [own, bundle].compactMap { $0.map { ($0 as NSString).deletingLastPathComponent + "/lifelong-simulate" } }
                .first { FileManager.default.isExecutableFile(atPath: $0) })
        let file = NSTemporaryDirectory() + "simulate-\(UUID().uuidString)"
        try Data().write(to: URL(filePath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = ["--level", "registry"] + arguments.split(separator: " ").map(String.init)
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: file))
        process.standardError = process.standardOutput
        try process.run()
        process.waitUntilExit()
        return (process.terminationStatus, try String(contentsOfFile: file, encoding: .utf8))
    }

    @Test func `keeps every invariant, with a seed that was chosen and one that was not`() throws {
        let seed = UInt64.random(in: 1...999_999_999)
        print("note: registry simulation with the random seed \(seed)")
        for seed in [20_261_121, seed] {
            let outcome = try run("--seed \(seed) --steps 2500")
            #expect(outcome.status == 0 && outcome.said.contains("all invariants held"), "\(outcome.said)")
        }
    }

    @Test func `runs the same way with the same seed, up to the trace of its ledger`() throws {
        func story(_ seed: Int) throws -> Substring {
            let said = try run("--seed \(seed) --steps 700").said
            return try #require(said.split(separator: ";").first, "\(said)")
        }
        let first = try story(5)
        #expect(first.contains("trace"))
        #expect(try story(5) == first)
        #expect(try story(6) != first)
    }

    @Test(arguments: [
        BrokenRule.answersEarly, .secondTenure, .certificateOutlives, .resurrection, .forgetsSize, .forgetsVersion,
    ])
    func `finds a broken rule, and finds it again`(_ rule: BrokenRule) throws {
        let first = try run("--seed 4 --steps 1200 --broken \(rule.rawValue)")
        #expect(
            first.status == 1 && first.said.contains("invariant \(rule.breaks.rawValue) does not hold"), "\(first.said)"
        )
        #expect(first.said.contains("--seed 4"))
        guard rule == .answersEarly else { return }
        #expect(try run("--seed 4 --steps 1200 --broken \(rule.rawValue)").said == first.said)
    }
}
