import Agent
import ArgumentParser
import Fleet
import Foundation
import Logging
import NIOPosix
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// `lifelong fleet`: many simulated devices in one process.
struct FleetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleet", abstract: "Simulate a fleet: many agents in one process, on the real wire.",
        discussion: """
            Every device is the code of lifelong-agent with a disk and keys of its own in memory: birth at a station, pairing
            proof, enrolment, check-in, configuration, update, wipe. With --state they live on in the next run. Their keys
            are no secret from this machine: never let a simulated device into a fleet that matters.

            Ends with 1 if a device could not live, and says why.

            Examples:
              lifelong fleet --count 1000 --station unix:/tmp/line.sock --state fleet --check-ins 0
              lifelong fleet --count 1000 --state fleet --check-ins 5 --rate 50
            """)

    @Option(help: "How many devices.") var count = 100
    @Option(
        help: ArgumentHelp("unix:PATH, where a station listens, for devices that are not born yet.", valueName: "line"))
    var station: String?
    @Option(help: "Hardware name that they report at birth.") var hardware = "simulated-1"
    @Option(help: ArgumentHelp("Folder that keeps them between runs (0700; holds their keys).", valueName: "folder"))
    var state: String?
    @Option(help: "Rounds of contact; in each, every device does all that is due.") var checkIns = 1
    @Option(help: "Contacts begun a second; as many as go unless told.") var rate: Double?
    @Option(help: "Devices in contact at the same time, at most 1000.") var atOnce = 16
    @Option(
        help: ArgumentHelp(
            "As of lifelong-agent: decides whether a new image is healthy; \"false\" for a fleet with a bad release.",
            valueName: "command"))
    var healthCommand: String?
    @Flag(help: "Print the summary as JSON.") var json = false
    @Flag(name: .shortAndLong, help: "Tell what devices complain of.") var verbose = false

    func validate() throws {
        guard (1...1_000_000).contains(count), (0...1_000_000).contains(checkIns), (1...1000).contains(atOnce),
            rate.map({ $0 > 0 }) ?? true
        else {
            throw ValidationError(
                "--count is 1 to 1000000, --check-ins 0 or more, --at-once 1 to 1000, --rate above 0.")
        }
    }

    func run() async throws {
        OpenFiles.raise(to: 65_536)
        var plan = Fleet.Plan(count: count)
        plan.station = station
        plan.hardware = hardware
        plan.checkIns = checkIns
        plan.rate = rate
        plan.atOnce = atOnce
        plan.health = healthCommand.map { HealthCommand($0) }
        plan.state = try state.map { try FleetState($0) }
        var logger = Logger(label: "fleet") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = verbose ? .notice : .critical
        let transport = Fleet.makeTransport(group: MultiThreadedEventLoopGroup.singleton)
        let fleet = Fleet(plan, transport: transport, logger: logger)
        let bars = [Fleet.Step.births: ProgressBar(unit: "born"), .contacts: ProgressBar(unit: "in contact")]
        let summary: Fleet.Summary
        do {
            summary = try await fleet.run { step, done, all in
                bars[step]?.show(Int64(done), of: Int64(all))
                if done == all { bars[step]?.end() }
            }
        } catch {
            await transport.shutdown()
            throw error
        }
        await transport.shutdown()
        print(json ? String(decoding: try CanonicalJSON.encode(summary), as: UTF8.self) : Self.text(summary))
        guard summary.troubles.isEmpty, summary.devices >= count else { throw ExitCode.failure }
    }

    static func text(_ summary: Fleet.Summary) -> String {
        func list(_ counts: [String: Int]) -> String {
            counts.isEmpty
                ? "none" : counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        }
        func milliseconds(_ value: Double) -> String { String(format: "%.1f ms", value) }
        let latency = summary.latencyMilliseconds
        let rate = Double(summary.requests) / max(summary.seconds, 0.001)
        var lines = [
            ("devices", "\(summary.devices), \(summary.born) of them born now"),
            (
                "requests",
                "\(summary.requests) in \(String(format: "%.1f", summary.seconds)) s, \(String(format: "%.1f", rate)) a second"
            ),
            ("not done", list(summary.failures)),
            (
                "latency",
                "half within \(milliseconds(latency.p50)), 90 % \(milliseconds(latency.p90)), 99 % \(milliseconds(latency.p99)), "
                    + "longest \(milliseconds(latency.longest))"
            ),
            ("state", list(summary.states)), ("release", list(summary.releases)),
        ]
        for (sentence, count) in summary.troubles.sorted(by: { $0.key < $1.key }) {
            lines.append(("trouble", "\(count) times: \(sentence)"))
        }
        return lines.map { $0.0.padding(toLength: 10, withPad: " ", startingAt: 0) + $0.1 }.joined(separator: "\n")
    }
}
