import Agent
import Foundation
import Wire
import Workbench

/// What a patient's images lie on: folders, or a board with somebody else's boot loader.
enum Footing: Sendable {
    case plain
    case uBoot(UBootBench, settings: String)
    case rauc(RAUCBench, settings: String)

    /// Beside the home what a power cut leaves alone, in it what it may hurt.
    static func make(_ verb: Verb, at home: String, maker: RAUCBench?) async throws -> Footing {
        let beside = home + "-board"
        let settings = beside + "/settings.json"
        switch verb.board {
        case .plain: return .plain
        case .uBoot:
            let bench = try await UBootBench(beside, state: home + "/board")
            try write(
                """
                {"slots": {"kind": "u-boot", "a": "\(bench.device(.a))", "b": "\(bench.device(.b))",
                  "environment": "\(bench.configuration)", "commandLine": "\(bench.commandLine)"},
                 "bootID": "\(bench.bootID)", "restart": ["env", "-u", "LD_PRELOAD", "sh", "\(bench.script)"]}
                """, settings)
            return .uBoot(bench, settings: settings)
        case .rauc:
            // Its slots are met like the home; a bus has no long path.
            let bench = try await RAUCBench(home + "/board", maker: maker)
            try FileManager.default.createDirectory(atPath: beside, withIntermediateDirectories: true)
            try write(
                """
                {"slots": {"kind": "rauc"}, "bootID": "\(bench.bootID)", "restart": ["env", "-u", "LD_PRELOAD", "sh", "\(bench.script)"]}
                """, settings)
            return .rauc(bench, settings: settings)
        }
    }

    private static func write(_ text: String, _ path: String) throws {
        try Data(text.utf8).write(to: URL(filePath: path))
    }

    var arguments: [String] {
        switch self {
        case .plain: []
        case .uBoot(_, let settings), .rauc(_, let settings): ["--settings", settings]
        }
    }

    var environment: [String: String] {
        if case .rauc(let bench, _) = self { bench.environment } else { [:] }
    }

    func board(_ home: AgentHome) -> (any Board)? {
        switch self {
        case .plain: nil
        case .uBoot(let bench, _): bench.board()
        case .rauc(let bench, _): bench.board(home.slots)
        }
    }

    /// The device starts anew.
    func boot() async throws {
        switch self {
        case .plain: break
        case .uBoot(let bench, _): try await bench.boot()
        case .rauc(let bench, _): try await bench.boot()
        }
    }

    /// RAUC's service runs with the shim no more, and for the slot that was started meanwhile.
    func afterRun() async throws {
        if case .rauc(let bench, _) = self { try await bench.refreshService() }
    }

    func leave() async {
        switch self {
        case .plain: break
        case .uBoot(let bench, _): try? FileManager.default.removeItem(atPath: bench.folder)
        case .rauc(let bench, let settings):
            await bench.stop()
            try? FileManager.default.removeItem(atPath: (settings as NSString).deletingLastPathComponent)
        }
    }
}
