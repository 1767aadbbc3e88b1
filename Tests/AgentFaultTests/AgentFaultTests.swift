import Foundation
import Testing
import Wire
import Workbench

/// The agent at each operation of its file system, in each of its verbs: killed, powered off, out of space, with a broken or
/// read-only medium; then started again without help (docs/simulation.md).
///
/// `make test` takes a sample; `make crash-agent` all of it, with a table at the end.
@Suite(.serialized) struct `An agent that is struck at a file operation` {
    /// "all", or verbs with commas between them.
    private static let wish = ProcessInfo.processInfo.environment["LIFELONG_CRASH_AGENT"]
    private static var takesAll: Bool { wish != nil }
    /// Every so many operations only, for a look that does not take an hour.
    private static let stride = ProcessInfo.processInfo.environment["LIFELONG_CRASH_AGENT_EVERY"].flatMap(Int.init) ?? 1

    private static var verbs: [Verb] {
        guard let wish else { return possible }
        return wish == "all" ? possible : wish.split(separator: ",").compactMap { Verb(rawValue: String($0)) }
    }

    /// On the boards whose parts are installed. RAUC takes its time: outside the long run one of its verbs, another each day.
    private static let possible: [Verb] = {
        let (uBoot, rauc) = (UBootBench.isInstalled(), RAUCBench.isPossible())
        let delta = OutsideProgram.findOrSay("xdelta3", package: "xdelta3")
        return Verb.allCases.filter { verb in
            switch verb.board {
            case .plain: verb != .delta || delta
            case .uBoot: uBoot
            case .rauc: rauc && (takesAll || verb == Verb.onRAUC[day % Verb.onRAUC.count])
            }
        }
    }()

    private static let day = Int(Date().timeIntervalSince1970 / 86_400)

    /// Which operations of a verb, of so many: all; or one for each fault, spread over the verb, another each day.
    private static func chosen(_ count: Int, _ verb: Verb, _ fault: Fault) -> [Int] {
        if takesAll {
            // Each fault begins elsewhere, so that together they meet every operation.
            let first = 1 + (Fault.allCases.firstIndex(of: fault) ?? 0) % max(1, stride)
            return Array(
                Swift.stride(from: first, through: max(first, count), by: max(1, stride)).filter { $0 <= count })
        }
        let number =
            (Verb.allCases.firstIndex(of: verb) ?? 0) * 5 + (Fault.allCases.firstIndex(of: fault) ?? 0) * 7 + day
        // A sample of each: every fault in every second verb; on boards, where all takes longer, in every fourth.
        return (number % (verb.board == .plain ? 2 : 4) == 0) ? [1 + (number * 11) % max(1, count)] : []
    }

    @Test func `comes to the same end when it is started again`() async throws {
        try await Ward.open { ward in
            var table = Table()
            try #require(!Self.verbs.isEmpty, "LIFELONG_CRASH_AGENT names no verb")
            for verb in Self.verbs {
                let operations = try await ward.operations(of: verb)
                #expect(operations.count > 0, "\(verb) has no operations")
                for fault in Fault.allCases where verb.takes(fault) {
                    for operation in Self.chosen(operations.count, verb, fault) {
                        if fault == .torn, !operations[operation - 1].hasPrefix("write") { continue }
                        let outcome = try await ward.strike(verb, fault, at: operation)
                        table.count(verb, fault, failed: !outcome.wrong.isEmpty)
                        for wrong in outcome.wrong {
                            Issue.record(
                                "\(verb), \(fault) at operation \(operation) (\(operations[operation - 1])): \(wrong)")
                        }
                    }
                }
                if Self.takesAll { print("note: \(verb): \(operations.count) operations, \(table.row(verb))") }
            }
            print("note: agent faults: \(table.summary)")
        }
    }

    /// The shim meets what the kernel meets: a call that passed it by would never be struck.
    @Test func `meets the shim with every change that strace sees`() async throws {
        guard OutsideProgram.findOrSay("strace", package: "strace") else { return }
        try await Ward.open { ward in
            let (seen, met) = try await ward.traced(.wipe)
            try #require(!seen.isEmpty, "strace saw nothing")
            #expect(seen == met, "strace saw \(seen.count) changes, the shim met \(met.count)")
        }
    }
}

/// How often each verb was struck with each fault, and how often it went wrong.
private struct Table {
    private var struck: [Verb: [Fault: Int]] = [:]
    private var failed: [Verb: [Fault: Int]] = [:]

    mutating func count(_ verb: Verb, _ fault: Fault, failed isFailed: Bool) {
        struck[verb, default: [:]][fault, default: 0] += 1
        if isFailed { failed[verb, default: [:]][fault, default: 0] += 1 }
    }

    func row(_ verb: Verb) -> String {
        Fault.allCases.map { fault in
            "\(fault) \(struck[verb]?[fault] ?? 0)/\(failed[verb]?[fault] ?? 0)"
        }.joined(separator: ", ") + " (struck/failed)"
    }

    var summary: String {
        let all = struck.values.flatMap(\.values).reduce(0, +)
        let bad = failed.values.flatMap(\.values).reduce(0, +)
        return "\(all) strikes at \(struck.count) verbs, \(bad) went wrong"
    }
}
