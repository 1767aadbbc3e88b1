import Foundation
import Testing
import Wire
import Workbench

/// What is done to the agent at one operation of its file system.
enum Fault: String, CaseIterable, Sendable {
    /// The process is killed before the operation; everything written is there.
    case killed
    /// The process is killed in the middle of a write.
    case torn
    /// The power goes: what was not synced is not there, neither contents nor names.
    case unsyncedGone
    /// The power goes: names as written, contents as last synced; a file that never was is empty.
    case contentsGone
    /// The power goes: contents as written, names as last synced.
    case namesGone
    /// The operation fails once with an error of the medium.
    case mediumError
    /// From here on there is no space.
    case diskFull
    /// From here on the file system is read-only.
    case readOnly

    /// What the shim is told.
    var order: String {
        switch self {
        case .killed, .unsyncedGone, .contentsGone, .namesGone: "kill"
        case .torn: "torn"
        case .mediumError: "eio"
        case .diskFull: "full"
        case .readOnly: "rofs"
        }
    }
    var isPowerCut: Bool { [.unsyncedGone, .contentsGone, .namesGone].contains(self) }
    var kills: Bool { order == "kill" || order == "torn" }
}

/// The real program with the shim of `faultline.c` between it and its file system.
struct Faultline: Sendable {
    let agent: String
    private let shim: String
    private let scratch: String

    /// Compiles the shim with the C compiler that is there.
    init(scratch: String) async throws {
        self.scratch = scratch
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") }
        agent = try #require(
            [own, bundle].compactMap { $0.map { ($0 as NSString).deletingLastPathComponent + "/lifelong-agent" } }
                .first { FileManager.default.isExecutableFile(atPath: $0) })
        shim = scratch + "/faultline.so"
        let source = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "faultline.c").path
        let compiler = try #require(["cc", "clang", "gcc"].first { OutsideProgram.find($0) != nil }, "no C compiler")
        let made = try await OutsideProgram.run(
            compiler, ["-shared", "-fPIC", "-O1", "-o", shim, source, "-ldl"], in: scratch, seconds: 60)
        try #require(made.status == 0, "\(made.errors)")
    }

    struct Outcome: Sendable {
        var status: Int32
        var errors: String
        /// Operations that were met, in order: "create /log/entries.jsonl".
        var operations: [String]
        /// Where the shim kept what was synced.
        var shadow: String
    }

    /// - Parameter operation: number of the operation to meet, from 1; 0 only counts.
    /// - Parameter surroundings: what the program is started with besides; with `FAULT_SHARED` in it, its children are met, too.
    func run(
        _ arguments: [String], home: String, _ fault: Fault = .killed, at operation: Int = 0,
        in surroundings: [String: String] = [:], shadow: String? = nil
    ) async throws -> Outcome {
        let shadow = shadow ?? newShadow()
        let words = try environment(home, fault, operation, shadow) + surroundings.map { "\($0.key)=\($0.value)" }
        let outcome = try await OutsideProgram.run(
            "/usr/bin/env", words + [agent] + arguments, in: scratch, seconds: 60)
        return Outcome(
            status: outcome.status, errors: outcome.errors, operations: Self.operations(shadow), shadow: shadow)
    }

    func newShadow() -> String { scratch + "/shadow-\(UUID().uuidString)" }

    /// What stands before the program, for `env`; makes the folder for what the shim keeps.
    func environment(_ home: String, _ fault: Fault, _ operation: Int, _ shadow: String) throws -> [String] {
        try FileManager.default.createDirectory(atPath: shadow, withIntermediateDirectories: true)
        let given = [
            "LD_PRELOAD=\(shim)", "FAULT_ROOT=\(home)", "FAULT_AT=\(operation)", "FAULT_WHAT=\(fault.order)",
            "FAULT_LOG=\(shadow)/operations",
        ]
        return given + (fault.isPowerCut ? ["FAULT_SHADOW=\(shadow)"] : [])
    }

    static func operations(_ shadow: String) -> [String] {
        let listed = (try? String(contentsOfFile: shadow + "/operations", encoding: .utf8)) ?? ""
        return listed.split(separator: "\n").map { $0.split(separator: " ").dropFirst().joined(separator: " ") }
    }

    /// Without the shim.
    func clean(_ arguments: [String], in surroundings: [String: String] = [:]) async throws -> OutsideProgram.Outcome {
        try await OutsideProgram.run(
            "/usr/bin/env", surroundings.map { "\($0.key)=\($0.value)" } + [agent] + arguments, in: scratch,
            seconds: 60)
    }
}
