import ArgumentParser
import Foundation
import Passport
import Registry
import Rollout
import Selection
import Use
import Wire

/// `lifelong rollout …`
struct RolloutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollout", abstract: "A release's way into the field, stage by stage.",
        subcommands: [
            RolloutPlanCommand.self, RolloutListCommand.self, RolloutShow.self, RolloutWatch.self, RolloutApprove.self,
            RolloutStart.self, RolloutPause.self, RolloutResume.self, RolloutStop.self, RolloutReturn.self,
        ])
}

struct RolloutPlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Write down how a release goes into the field; a second person approves it.",
        discussion: """
            Which devices is said in the language of selectors (docs/rollouts.md).

            Examples:
              lifelong rollout plan thermostat-2 7 --dry-run
              lifelong rollout plan thermostat-2 7 --where 'hardware = th2-rev-b and seen < 7d' --stages 1%:look,10%,100%
              lifelong rollout plan thermostat-2 7 --window 02:00-05:00 --days 6,7 --zone Europe/Berlin --spread 1h
            """)
    @Argument(help: "The product.") var product: String
    @Argument(help: "Number of the release.") var sequence: Int
    @Option(name: .customLong("where"), help: "Which devices of the product.") var selector = "all"
    @Option(help: "Shares of the fleet, each as large as the one before; behind \":look\" a person looks.")
    var stages = "1%:look,10%,50%,100%"
    @Option(help: "How long a device has to be alive and quiet after it confirmed.") var soak = "24h"
    @Option(help: "For how long after the offer silence is no failure.") var deadline = "72h"
    @Option(help: "Within how long a device must have made contact to be offered anything.") var alive = "24h"
    @Option(help: "The failure share beyond which it stops.") var line = "2%"
    @Option(help: "Answers without which nothing is concluded.") var sample = 20
    @Option(help: "Over how long the offers of a stage are spread.") var spread = "0s"
    @Option(help: "Hours in which updates are offered, in the device's own time: 02:00-05:00.") var window: String?
    @Option(help: "Days on which the window begins: 1 (Monday) to 7.") var days: String?
    @Option(help: "Time zone of devices that name none: UTC, +02:00 or Europe/Berlin.") var zone = "UTC"
    @Flag(help: "Ask the outside check of lifelong.yaml before each stage opens.") var check = false
    @Flag(help: "Count what each stage would be now, and write nothing down.") var dryRun = false
    @OptionGroup var connection: Connection

    func run() async throws {
        let plan = try plan()
        try plan.demandBounds()
        let client = try connection.client()
        if dryRun { return try await count(plan, client) }
        let answer: PlanRollout.Answer = try await client.perform(PlanRollout.name, PlanRollout(plan: plan))
        try connection.show(answer) {
            [
                "Planned as rollout \(answer.rollout). Nothing happens yet; somebody else approves it:",
                "  lifelong rollout approve \(answer.rollout)",
            ]
        }
    }

    private func count(_ plan: RolloutPlan, _ client: RestClient) async throws {
        var input = TryRollout(plan: plan)
        var total = TryRollout.Answer(stages: [])
        repeat {
            let answer: TryRollout.Answer = try await client.perform(TryRollout.name, input)
            total.stages = total.stages.isEmpty ? answer.stages : zip(total.stages, answer.stages).map { $0 + $1 }
            input.after = answer.next
        } while input.after != nil
        let stages = total.stages
        try connection.show(total) {
            ["\(stages.reduce(0, +)) devices of \(product) would be offered release \(sequence):"]
                + zip(plan.stages, stages).enumerated().map { number, stage in
                    "  stage \(number + 1), up to \(Sentences.percent(stage.0.share)): \(stage.1)"
                        + (stage.0.pause == true ? ", then a person looks" : "")
                }
        }
    }

    private func plan() throws -> RolloutPlan {
        RolloutPlan(
            product: try ProductID(product), sequence: sequence, selector: try Selector(selector),
            stages: try stages.split(separator: ",").map { stage in
                let parts = stage.split(separator: ":", maxSplits: 1)
                guard parts.count == 1 || parts[1] == "look" else {
                    throw Refusal(.malformed, "\"\(stage)\" is no stage.", hint: "Write 1%:look,10%,100%.")
                }
                return .init(share: try Typed.share(String(parts[0])), pause: parts.count == 2 ? true : nil)
            }, soakSeconds: try Typed.seconds(soak), deadlineSeconds: try Typed.seconds(deadline),
            aliveSeconds: try Typed.seconds(alive), failureLine: try Typed.share(line), minimumSample: sample,
            spreadSeconds: try Typed.seconds(spread), window: try window.map { try Typed.window($0, days, zone) },
            check: check ? true : nil)
    }
}

/// What people type of a plan.
private enum Typed {
    /// "2%" or "0.5%", as parts of 10,000.
    static func share(_ text: String) throws -> Int {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let rest = parts.count == 2 ? parts[1].prefix { $0 != "%" } : ""
        let whole = Int(parts.count == 2 ? parts[0] : text.dropLast())
        guard text.hasSuffix("%"), let whole, (0...100).contains(whole), rest.count <= 2,
            let hundredths = Int(rest.padding(toLength: 2, withPad: "0", startingAt: 0)), hundredths >= 0
        else { throw Refusal(.malformed, "\"\(text)\" is no share.", hint: "Write 2% or 0.25%.") }
        return whole * 100 + hundredths
    }

    static func seconds(_ text: String) throws -> Int {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int(text.dropLast()),
            (0...1_000_000).contains(count)
        else { throw Refusal(.malformed, "\"\(text)\" is no duration.", hint: "Write 90m, 24h or 7d.") }
        return count * unit
    }

    static func window(_ text: String, _ days: String?, _ zone: String) throws -> MaintenanceWindow {
        let ends = text.split(separator: "-").map { $0.split(separator: ":").compactMap { Int($0) } }
        guard ends.count == 2,
            ends.allSatisfy({ $0.count == 2 && (0..<24).contains($0[0]) && (0..<60).contains($0[1]) })
        else { throw Refusal(.malformed, "\"\(text)\" is no window.", hint: "Write 02:00-05:00.") }
        return MaintenanceWindow(
            days: days?.split(separator: ",").map { Int($0) ?? 0 }, from: ends[0][0] * 60 + ends[0][1],
            to: ends[1][0] * 60 + ends[1][1], zone: zone)
    }
}

struct RolloutListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the rollouts, newest first.",
        discussion: "Example:\n  lifelong rollout list")
    @OptionGroup var connection: Connection

    func run() async throws {
        struct Answer: Codable { var rollouts: [RolloutView] }
        let answer: Answer = try await connection.client().read("rollouts")
        try connection.show(answer) {
            Plain.table(
                ["ROLLOUT", "PRODUCT", "RELEASE", "STATUS", "STAGE", "DONE", "FAILED", "SILENT", "PLANNED"],
                answer.rollouts.map { view in
                    let all = view.counts.reduce(RolloutCounts(), +)
                    return [
                        view.rollout.text, view.plan.product.text, "\(view.plan.sequence)", view.status.rawValue,
                        "\(view.stage)/\(view.counts.count)", "\(all.done)", "\(all.failed)", "\(all.silent)",
                        Plain.time(view.plannedAt),
                    ]
                })
        }
    }
}

/// A verb that needs nothing but the rollout's name.
protocol RolloutVerb: AsyncParsableCommand {
    var rollout: String { get }
    var connection: Connection { get }
}

extension RolloutVerb {
    func perform<A: Action>(_ action: A, _ sentence: String) async throws where A.Answer == Done {
        let done: Done = try await connection.client().perform(A.name, action)
        try connection.show(done) { [sentence] }
    }
}

struct RolloutApprove: RolloutVerb {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Say that a rollout may start; not by who planned it.",
        discussion: "Example:\n  lifelong rollout approve 018f3c1a-cccc-7a11-8b2c-3d4e5f6a7b8c")
    @Argument(help: "The rollout.") var rollout: String
    @OptionGroup var connection: Connection

    func run() async throws {
        try await perform(
            ApproveRollout(rollout: RolloutID(rollout)), "Approved. It starts with: lifelong rollout start \(rollout)")
    }
}

struct RolloutStart: RolloutVerb {
    static let configuration = CommandConfiguration(
        commandName: "start", abstract: "Open the first stage of an approved rollout.",
        discussion: "Example:\n  lifelong rollout start 018f3c1a-cccc-7a11-8b2c-3d4e5f6a7b8c")
    @Argument(help: "The rollout.") var rollout: String
    @OptionGroup var connection: Connection

    func run() async throws {
        try await perform(
            StartRollout(rollout: RolloutID(rollout)), "Started. Watch it: lifelong rollout watch \(rollout)")
    }
}

struct RolloutPause: RolloutVerb {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Offer nothing more until it is resumed.",
        discussion: "Example:\n  lifelong rollout pause 018f3c1a-cccc-7a11-8b2c-3d4e5f6a7b8c")
    @Argument(help: "The rollout.") var rollout: String
    @OptionGroup var connection: Connection

    func run() async throws {
        try await perform(
            PauseRollout(rollout: RolloutID(rollout)), "Paused; what was offered goes on. Nothing more is offered.")
    }
}

struct RolloutResume: RolloutVerb {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Go on; behind a stage, with the next one.",
        discussion: "Example:\n  lifelong rollout resume 018f3c1a-cccc-7a11-8b2c-3d4e5f6a7b8c")
    @Argument(help: "The rollout.") var rollout: String
    @OptionGroup var connection: Connection

    func run() async throws { try await perform(ResumeRollout(rollout: RolloutID(rollout)), "It goes on.") }
}

struct RolloutStop: RolloutVerb {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Stop it for ever, and take back what was not installed.",
        discussion: "Example:\n  lifelong rollout stop 018f3c1a-cccc-7a11-8b2c-3d4e5f6a7b8c --confirm thermostat-2")
    @Argument(help: "The rollout.") var rollout: String
    @Option(help: "The product's name, typed again: a stop is for ever.") var confirm: String
    @OptionGroup var connection: Connection

    func run() async throws {
        try await perform(
            StopRollout(rollout: RolloutID(rollout), confirm: confirm),
            "Stopped. What was not installed is being taken back.")
    }
}

struct RolloutReturn: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "return",
        abstract: "Plan the way back from a rollout's release to the one before, where its signed manifest allows it.",
        discussion: "Example:\n  lifelong rollout return 018f3c1a-cccc-7a11-8b2c-3d4e5f6a7b8c")
    @Argument(help: "The rollout whose release is to be left.") var rollout: String
    @OptionGroup var connection: Connection

    func run() async throws {
        let answer: PlanRollout.Answer = try await connection.client().perform(
            ReturnRollout.name, ReturnRollout(rollout: RolloutID(rollout)))
        try connection.show(answer) {
            [
                "Planned as rollout \(answer.rollout). Nothing happens yet; somebody else approves it:",
                "  lifelong rollout approve \(answer.rollout)",
            ]
        }
    }
}
