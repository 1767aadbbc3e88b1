import ArgumentParser
import Foundation
import Glibc
import Passport
import Registry
import Rollout
import Wire

struct RolloutShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show a rollout: a bar a stage, its failure share beside the line, and the time left.",
        discussion: "Example:\n  lifelong rollout show 018f3c1a-cccc-7a11-8b2c-3d4e5f6a7b8c")
    @Argument(help: "The rollout.") var rollout: String
    @OptionGroup var connection: Connection

    func run() async throws {
        let view: RolloutView = try await connection.client().read("rollouts/\(RestClient.part(rollout))")
        try connection.show(view) { RolloutLines.lines(view) }
    }
}

struct RolloutWatch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Show a rollout again and again, until it waits for a person or ends.",
        discussion: """
            In a terminal it is drawn anew; in a pipe or a file each change is one line, with --json one document.

            Example:
              lifelong rollout watch 018f3c1a-cccc-7a11-8b2c-3d4e5f6a7b8c
            """)
    @Argument(help: "The rollout.") var rollout: String
    @Option(help: "Seconds between two looks.") var every = 2
    @OptionGroup var connection: Connection

    func validate() throws {
        guard (1...3600).contains(every) else { throw ValidationError("--every is 1 to 3600 seconds.") }
    }

    func run() async throws {
        let client = try connection.client()
        let path = "rollouts/\(RestClient.part(rollout))"
        var screen = Screen()
        var before: RolloutView?
        while true {
            let view: RolloutView = try await client.read(path)
            if connection.json {
                if view.isOther(than: before) { try connection.show(view) { [] } }
            } else if screen.isTerminal {
                screen.draw(RolloutLines.lines(view))
            } else if view.isOther(than: before) {
                let now = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
                print(Plain.text(RolloutLines.line(view, at: now)))
            }
            // A pipe is read as it comes.
            fflush(nil)
            guard view.goesOnByItself else { return }
            before = view
            try await Task.sleep(for: .seconds(every))
        }
    }
}

extension RolloutView {
    /// Nobody has to do anything: time passes, devices answer, or the outside check is asked.
    fileprivate var goesOnByItself: Bool { status == .running || (status == .paused && pause == .check) }

    /// In anything but the time left, which changes with each look.
    fileprivate func isOther(than other: RolloutView?) -> Bool {
        guard var other else { return true }
        other.forecast = forecast
        return other != self
    }
}

/// Lines that are drawn in their own place, each time anew.
private struct Screen {
    let isTerminal = isatty(STDOUT_FILENO) == 1
    private var drawn = 0

    mutating func draw(_ lines: [String]) {
        var size = winsize()
        let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0
        // A line that wraps would be two, and the way back up would end too low; so would one below the last row.
        let columns = isKnown && size.ws_col > 0 ? Int(size.ws_col) : 80
        let rows = isKnown && size.ws_row > 1 ? Int(size.ws_row) - 1 : 24
        let shown = lines.prefix(rows).map { String(Plain.text($0).prefix(columns)) }
        print((drawn > 0 ? "\u{1b}[\(drawn)A" : "") + "\u{1b}[J" + shown.joined(separator: "\n"))
        drawn = shown.count
    }
}

/// A rollout as lines of text.
enum RolloutLines {
    /// All of it on one line, for a log.
    static func line(_ view: RolloutView, at now: Timestamp) -> String {
        let here = view.counts.indices.contains(view.stage - 1) ? view.counts[view.stage - 1] : RolloutCounts()
        let all = view.counts.reduce(RolloutCounts(), +)
        return "\(Plain.time(now))  stage \(view.stage)/\(view.counts.count), \(words(view)): \(counts(here)); "
            + "failed in all \(all.failures) of \(all.answered), at least \(Sentences.percent(view.ofAll.lower)), "
            + "stops at \(Sentences.percent(view.ofAll.line))"
    }

    static func lines(_ view: RolloutView) -> [String] {
        let plan = view.plan
        var lines = [
            "Release \(plan.sequence) of \(plan.product), \(plan.selector): \(words(view))"
        ]
        for (number, stage) in zip(plan.stages, view.counts).enumerated() {
            let mark = number + 1 == view.stage && view.status == .running ? ">" : " "
            let share = Sentences.percent(stage.0.share).padding(to: 8)
            lines.append("\(mark) stage \(number + 1)  \(share) \(bar(stage.1))  \(counts(stage.1))")
        }
        return lines + [share("this stage", view.ofStage), share("the whole ", view.ofAll)]
            + Sentences.forecast(view).map { "  \($0)" }
    }

    static func words(_ view: RolloutView) -> String {
        switch view.pause {
        case .asked: "paused by a person"
        case .planned: "waits for a person behind stage \(view.stage), as planned"
        case .tooFew: "waits for a person: too few answered to conclude anything (some failed, or most are asleep)"
        case .check: "asks the outside check" + (view.trouble.map { ": \($0)" } ?? "")
        case .refused: "waits for a person. " + (view.trouble ?? "The outside check said no.")
        case nil: view.status.rawValue
        }
    }

    /// Forty places: done, soaking, failed or silent, no answer yet.
    private static func bar(_ counts: RolloutCounts) -> String {
        let all = max(1, counts.all - counts.left)
        let parts: [(Character, Int)] = [
            ("█", counts.done), ("▓", counts.done + counts.soaking),
            ("x", counts.done + counts.soaking + counts.failures),
        ]
        var text = ""
        for (sign, upTo) in parts {
            text += String(repeating: sign, count: max(0, upTo * 40 / all - text.count))
        }
        return text + String(repeating: "░", count: 40 - text.count)
    }

    private static func counts(_ counts: RolloutCounts) -> String {
        let all = [
            ("done", counts.done), ("soaking", counts.soaking), ("failed", counts.failed), ("silent", counts.silent),
            ("offered", counts.offered), ("waiting", counts.waiting), ("asleep", counts.asleep), ("left", counts.left),
        ]
        let said = all.filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }
        return said.isEmpty ? "-" : said.joined(separator: ", ")
    }

    private static func share(_ name: String, _ share: RolloutView.Share) -> String {
        let band = "\(Sentences.percent(share.lower)) to \(Sentences.percent(share.upper))"
        return "  failures, \(name): \(share.failures) of \(share.answers); with 95 %, \(band); it stops at "
            + Sentences.percent(share.line) + (share.isTooFew ? " (too few to conclude anything)" : "")
    }
}
