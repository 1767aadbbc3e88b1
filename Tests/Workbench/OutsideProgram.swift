import Foundation
import Wire

/// Somebody else's program, run to its end without holding up a thread that the server under test needs.
package enum OutsideProgram {
    package struct Outcome: Sendable {
        package let status: Int32
        package let output: [UInt8]
        package let errors: String
        package var text: String { String(decoding: output, as: UTF8.self) }
    }

    /// Its path, or nil where it is not installed.
    package static func find(_ name: String) -> String? {
        let folders: [Substring] =
            (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":") + ["/usr/sbin"]
        return folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// The same, or a printed notice.
    package static func findOrSay(_ name: String, package: String) -> Bool {
        if find(name) != nil { return true }
        print("notice: \(name) is not installed (apt-get install \(package)); its tests are left out")
        return false
    }

    /// - Parameter folder: where it runs and where its streams are kept while it does.
    package static func run(
        _ name: String, _ arguments: [String], input: [UInt8] = [], in folder: String, seconds: Int = 30
    ) async throws -> Outcome {
        guard let path = name.hasPrefix("/") ? name : find(name) else {
            throw Refusal(.unavailable, "\(name) is not installed.", hint: "Install it.")
        }
        let stem = "\(folder)/\(UUID().uuidString)"
        try Data(input).write(to: URL(filePath: stem + ".in"))
        for end in ["out", "err"] { try Data().write(to: URL(filePath: "\(stem).\(end)")) }
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.currentDirectoryURL = URL(filePath: folder)
        process.standardInput = try FileHandle(forReadingFrom: URL(filePath: stem + ".in"))
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: stem + ".out"))
        process.standardError = try FileHandle(forWritingTo: URL(filePath: stem + ".err"))
        let status = try await finish(process, seconds)
        return Outcome(
            status: status, output: Array(try Data(contentsOf: URL(filePath: stem + ".out"))),
            errors: String(decoding: try Data(contentsOf: URL(filePath: stem + ".err")), as: UTF8.self))
    }

    private static func finish(_ process: Process, _ seconds: Int) async throws -> Int32 {
        let (stream, ended) = AsyncStream<Int32>.makeStream()
        process.terminationHandler = {
            ended.yield($0.terminationStatus)
            ended.finish()
        }
        try process.run()
        let id = process.processIdentifier
        let limit = Task {
            guard (try? await Task.sleep(for: .seconds(seconds))) != nil else { return }
            kill(id, SIGKILL)
        }
        defer { limit.cancel() }
        for await status in stream { return status }
        throw CancellationError()
    }
}

/// Our own programs, as they were built beside the tests.
package enum BuiltProgram {
    package static func path(_ name: String) throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") }
        let found = [own, bundle].compactMap { $0.map { ($0 as NSString).deletingLastPathComponent + "/\(name)" } }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
        guard let found else {
            throw Refusal(
                .notFound, "\(name) is not built beside the tests.", hint: "Run: swift build --product \(name)")
        }
        return found
    }
}
