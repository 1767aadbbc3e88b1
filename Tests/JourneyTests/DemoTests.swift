import Foundation
import Testing
import Workbench

#if canImport(Glibc)
import Glibc
import Wire
#endif

/// What `make run` starts, small: the built program, with real processes.
@Suite(.serialized, .enabled(if: !BenchEngine.isPostgreSQL, "brings its own home, with SQLite"))
struct `The demonstration` {
    @Test(.timeLimit(.minutes(3))) func `tells the whole life and leaves no process behind`() async throws {
        let demo = try Demonstration(["--devices", "6", "--fleet", "20", "--artifact-size", "4"])
        let code = await demo.wait(seconds: 120)
        #expect(code == 0, "it said: \(demo.said.suffix(3000))")
        for part in [
            "may be diverted", "A wrong secret", "enrolled over EST", "signed receipt", "refused a release",
            "loses its power", "as its client reported", "refused by SWUpdate", "Debian's Mender client",
            "The rollout stopped itself", "quarantined", "wiped itself",
            "is retired and called", "VERIFIED", "PASSPORT",
        ] { #expect(demo.said.contains(part), "it did not tell of: \(part)") }
        #expect(demo.processesLeft.isEmpty)
    }

    @Test(.timeLimit(.minutes(2))) func `ends every process when it is interrupted`() async throws {
        let demo = try Demonstration(["--devices", "6", "--fleet", "20"])
        let end = ContinuousClock.now + .seconds(60)
        while !demo.said.contains("agents start"), ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(!demo.processesLeft.isEmpty)
        demo.send(SIGINT)
        #expect(await demo.wait(seconds: 30) == 130)
        #expect(demo.processesLeft.isEmpty)
    }

    @Test(.timeLimit(.minutes(2))) func `ends every process when its reader goes away`() async throws {
        let bench = try ScriptBench()
        defer { bench.end() }
        let run = try await bench.script(
            """
            "$L" demo --home $PWD/demo --devices 6 --fleet 20 2>/dev/null | head -4
            for i in $(seq 1 200); do
              left=0; for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline 2>/dev/null | grep -q "^[^ ]*lifelong.*$PWD/demo" && left=1; done
              [ $left = 0 ] && break; sleep 0.1
            done; echo "left $left"
            """)
        #expect(run.status == 0 && run.said.contains("left 0"), "\(run.said)")
    }
}

/// One run of `lifelong demo` in a folder of its own.
private final class Demonstration: Sendable {
    private let folder: String
    private let log: String
    private let pid: pid_t
    private let ended = Locked<Int32?>(nil)

    init(_ arguments: [String]) throws {
        // As the program writes it, so that its processes can be found by it.
        let temporary = URL(fileURLWithPath: NSTemporaryDirectory()).standardizedFileURL.path
        folder = temporary + "/demo-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        log = folder + "/said"
        let program = try BuiltProgram.path("lifelong")
        pid = try Self.spawn([program, "demo", "--home", folder + "/home"] + arguments, log: log)
    }

    deinit {
        send(SIGKILL)
        for left in processesLeft { kill(left, SIGKILL) }
        _ = poll()
        try? FileManager.default.removeItem(atPath: folder)
    }

    var said: String {
        FileManager.default.contents(atPath: log).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    func send(_ signal: Int32) { ended.withLock { if $0 == nil { _ = kill(pid, signal) } } }

    /// Its exit code, or minus the signal that ended it; nil if it did not end in time.
    func wait(seconds: Int) async -> Int32? {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            if let code = poll() { return code }
            try? await Task.sleep(for: .milliseconds(50))
        }
        return nil
    }

    private func poll() -> Int32? {
        ended.withLock { ended in
            if ended != nil { return ended }
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
            ended = status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f)
            return ended
        }
    }

    /// Numbers of living processes that were started for this folder.
    var processesLeft: [pid_t] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { number in
            guard number != pid, let words = FileManager.default.contents(atPath: "/proc/\(number)/cmdline") else {
                return false
            }
            return String(decoding: words, as: UTF8.self).contains(folder)
        }
    }

    private static func spawn(_ words: [String], log: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var pid: pid_t = 0
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        let code = posix_spawn(&pid, words[0], &actions, nil, arguments, environ)
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO) }
        return pid
    }
}
