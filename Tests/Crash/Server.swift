import Foundation
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// A `lifelong serve` of its own on a home: started, killed, started again.
final class ServerProcess {
    struct Ports: Sendable {
        var device = 0
        var people = 0
        var open = 0
    }

    let pid: pid_t
    private let log: String
    private var status: Int32?
    /// Whether we have killed it; what kills from inside does not ask us.
    private(set) var isStruck = false

    /// - Parameter environment: of a misbehaving disk, if it is to have one.
    init(
        _ program: String, home: String, database: String, log: String, environment: [String: String] = [:]
    ) throws {
        self.log = log
        pid = try Self.spawn(
            [
                program, "serve", "--home", home, "--database", database, "--device", "127.0.0.1:0", "--people",
                "127.0.0.1:0", "--public",
                "127.0.0.1:0", "--log-level", "error",
            ], log: log, environment: environment)
    }

    /// Waits until it listens; nil if it ended instead, or said nothing for a minute.
    func ready() async throws -> Ports? {
        let limit = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < limit {
            if let ports = Self.ports(in: said) { return ports }
            if hasEnded { return nil }
            try await Task.sleep(for: .milliseconds(5))
        }
        return nil
    }

    var said: String { FileManager.default.contents(atPath: log).map { String(decoding: $0, as: UTF8.self) } ?? "" }

    private static func ports(in text: String) -> Ports? {
        let numbers = text.matches(of: /listening on port (\d+)/).compactMap { Int($0.output.1) }
        guard numbers.count == 2, let people = text.firstMatch(of: /console   http:\/\/127\.0\.0\.1:(\d+)/),
            let port = Int(people.output.1)
        else { return nil }
        return Ports(device: numbers[0], people: port, open: numbers[1])
    }

    func kill() {
        guard !hasEnded else { return }
        isStruck = true
        _ = Glibc.kill(pid, SIGKILL)
    }

    var hasEnded: Bool {
        if status != nil { return true }
        var found: Int32 = 0
        guard waitpid(pid, &found, WNOHANG) == pid else { return false }
        status = found
        return true
    }

    /// True if a signal ended it, and not its own will.
    var wasKilled: Bool { status.map { $0 & 0x7f == SIGKILL } ?? false }

    /// In words, for whoever reads of it.
    var ending: String {
        guard let status else { return "it runs" }
        return status & 0x7f == 0 ? "exit code \((status >> 8) & 0xff)" : "signal \(status & 0x7f)"
    }

    func waitForEnd() async throws {
        while !hasEnded { try await Task.sleep(for: .milliseconds(2)) }
    }

    /// Runs a command to its end; its exit code and what it said.
    static func run(_ words: [String], log: String) async throws -> (code: Int32, said: String) {
        try? FileManager.default.removeItem(atPath: log)
        let pid = try spawn(words, log: log, environment: [:])
        var found: Int32 = 0
        while waitpid(pid, &found, WNOHANG) != pid { try await Task.sleep(for: .milliseconds(3)) }
        let said = FileManager.default.contents(atPath: log).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return (found & 0x7f == 0 ? (found >> 8) & 0xff : -(found & 0x7f), said)
    }

    private static func spawn(_ words: [String], log: String, environment: [String: String]) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        let merged = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let pairs: [UnsafeMutablePointer<CChar>?] = merged.map { strdup("\($0.key)=\($0.value)") } + [nil]
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { (pairs + arguments).forEach { free($0) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, words[0], &actions, &attributes, arguments, pairs)
        guard code == 0 else {
            throw Refusal(
                .unavailable, "\(words[0]) could not be started: \(String(cString: strerror(code))).",
                hint: "Build it first, or name it with --program.")
        }
        return pid
    }
}
