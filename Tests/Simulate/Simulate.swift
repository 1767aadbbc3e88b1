import ArgumentParser
import Foundation
import Passport
import Rollout
import Simulation

/// Runs the simulations that docs/simulation.md describes; no part of the product.
@main
struct Simulate: ParsableCommand {
    enum Level: String, ExpressibleByArgument, CaseIterable { case pure, registry, exhaustive, rollout }

    static let configuration = CommandConfiguration(
        commandName: "lifelong-simulate",
        abstract:
            "Simulate devices, people, nodes and faults from a seed, and look for an invariant that does not hold.",
        discussion: """
            Ends with 1 and the seed, the step, the invariant and the last events if one does not hold; the same seed and steps
            find it again. Each seed is a world of its own; with --minutes one world follows another.

            Examples:
              lifelong-simulate --level pure --minutes 1
              lifelong-simulate --level registry --seed 42 --steps 20000
            """)

    @Option(
        help:
            "pure: the stage machine under a model; registry: the real rooms; exhaustive: every state; rollout: a fleet."
    )
    var level = Level.pure
    @Option(help: "The first seed; otherwise a random one, which is printed.") var seed: UInt64?
    @Option(help: "Steps of one world; one on the registry level is a request.") var steps: Int?
    @Option(help: "Devices of a rollout.") var devices = 20_000
    @Option(help: "Go on with the next seed until so many minutes are over.") var minutes: Double?
    @Option(help: ArgumentHelp("Break a rule on purpose.", valueName: "rule")) var broken: String?

    func validate() throws {
        if let broken, BrokenRule(rawValue: broken) == nil {
            throw ValidationError("--broken is one of: \(BrokenRule.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        if let steps, steps < 1 { throw ValidationError("--steps is above 0.") }
    }

    func run() throws {
        if level == .exhaustive { return try exhaust() }
        if level == .rollout { return try rollOut() }
        // Sets and dictionaries have another order in every process unless this is set; a seed has to replay exactly.
        if level == .registry, ProcessInfo.processInfo.environment["SWIFT_DETERMINISTIC_HASHING"] == nil {
            setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
            var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
            execv("/proc/self/exe", &arguments)
            throw ExitCode.failure
        }
        var seed = seed ?? UInt64.random(in: 1...999_999_999)
        let began = ContinuousClock.now
        let end = minutes.map { began + .seconds($0 * 60) }
        var total = RunReport()
        var worlds = 0
        repeat {
            let report = try world(seed)
            worlds += 1
            total.steps += report.steps
            total.entries += report.entries
            total.crashes += report.crashes
            let seconds = began.duration(to: .now) / .seconds(1)
            let rate = Int(Double(total.steps) / seconds * 60)
            print(
                """
                \(level.rawValue) seed \(seed): \(report.steps) steps, \(report.devices) devices, \(report.entries) entries, \
                \(report.answered) done, \(report.refused) refused, \(report.unknown) unknown, \(report.crashes) crashes, \
                trace \(String(report.trace, radix: 16)); \(rate) steps/min
                """)
            seed += 1
        } while end.map { .now < $0 } ?? false
        let seconds = began.duration(to: .now) / .seconds(1)
        print(
            """
            all invariants held: \(worlds) worlds, \(total.steps) steps, \(total.entries) entries, \(total.crashes) crashes in \
            \(Int(seconds)) s: \(Int(Double(total.steps) / seconds * 60)) steps a minute
            """)
    }

    private func world(_ seed: UInt64) throws -> RunReport {
        let rule = broken.flatMap { BrokenRule(rawValue: $0) }
        do {
            switch level {
            case .registry: return try registry(seed, rule)
            default: return try PureWorld.run(seed: seed, steps: steps ?? 1_000_000, options: .init(broken: rule))
            }
        } catch let violation as Violation {
            print(violation)
            let again = "--level \(level.rawValue) --seed \(seed)" + (steps.map { " --steps \($0)" } ?? "")
            print("again: lifelong-simulate \(again)\(broken.map { " --broken \($0)" } ?? "")")
            throw ExitCode.failure
        }
    }

    private func registry(_ seed: UInt64, _ rule: BrokenRule?) throws -> RunReport {
        let memory = "/dev/shm"
        let place = FileManager.default.isWritableFile(atPath: memory) ? memory : NSTemporaryDirectory()
        let folder = "\(place)/lifelong-simulate-\(getpid())-\(seed)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var options = RegistryWorld.Options()
        options.broken = rule
        return try RegistryWorld(seed: seed, steps: steps ?? 20_000, folder: folder, options: options).run()
    }

    /// A good release, one near the line and a bad one; the memory that it took at most is that of the program.
    private func rollOut() throws {
        let seed = seed ?? UInt64.random(in: 1...999_999_999)
        for failing in [20, 180, 260, 2000] {
            var options = RolloutWorld.Options()
            (options.devices, options.failing) = (devices, failing)
            do {
                let report = try RolloutWorld.run(seed: seed, options: options)
                let memory = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8).split(separator: "\n")
                    .first { $0.hasPrefix("VmHWM") }
                print(
                    """
                    rollout seed \(seed), \(failing) of 10,000 fail: \(report.status.rawValue) in stage \(report.stages) after \
                    \(report.offers) of \(report.devices) offers and \(report.minutes / 1440) days, \(report.counts.failures) \
                    failures, \(report.decisions) decisions, trace \(String(report.trace, radix: 16)); \(memory ?? "")
                    """)
            } catch {
                print(error)
                print("again: lifelong-simulate --level rollout --seed \(seed) --devices \(devices)")
                throw ExitCode.failure
            }
        }
        print("all invariants held")
    }

    private func exhaust() throws {
        do {
            let report = try Exhaustion.explore()
            print(
                """
                all invariants hold in every state: \(report.states) states, \(report.tried) events tried, \
                \(report.accepted) accepted, \(report.verdicts) verdicts, \(report.moves.count) kinds of changes of stage
                """)
        } catch {
            print(error)
            throw ExitCode.failure
        }
    }
}
