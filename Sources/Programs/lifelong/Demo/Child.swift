import Foundation
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// A process that this one started. Its output goes into a file; it is ended by its number, and by nothing else.
final class Child: Sendable {
    let name: String
    let pid: pid_t
    /// Where its standard output and error go.
    let log: String
    /// What `waitpid` said; a number is never used again once it did.
    private let ended = Locked<Int32?>(nil)

    /// - Parameter showsErrors: its standard error stays this process's, for its bars.
    init(_ name: String, _ program: String, _ arguments: [String], log: String, showsErrors: Bool = false) throws {
        self.name = name
        self.log = log
        pid = try Self.spawn(program, arguments, log: log, showsErrors: showsErrors)
    }

    private static func spawn(_ program: String, _ arguments: [String], log: String, showsErrors: Bool) throws -> pid_t
    {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        if !showsErrors { posix_spawn_file_actions_adddup2(&actions, 1, 2) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Whoever started this process may have blocked or ignored signals; the child begins with none of that.
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        var pid: pid_t = 0
        let words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        let code = posix_spawn(&pid, program, &actions, &attributes, words, environ)
        guard code == 0 else {
            throw Refusal(
                .unavailable, "\(program) could not be started: \(String(cString: strerror(code))).",
                hint: "Build all programs first: swift build")
        }
        return pid
    }

    /// Nil while it runs; its exit code, or minus the signal that ended it.
    func poll() -> Int32? {
        ended.withLock { ended in
            if let ended { return ended }
            var status: Int32 = 0
            let found = waitpid(pid, &status, WNOHANG)
            guard found != 0, !(found < 0 && errno == EINTR) else { return nil }
            let signal = status & 0x7f
            ended = found < 0 ? -1 : signal == 0 ? (status >> 8) & 0xff : -signal
            return ended
        }
    }

    func wait() async throws -> Int32 {
        while true {
            if let code = poll() { return code }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Sends a signal, unless it has ended.
    func send(_ number: Int32) {
        // Under the lock, so that its number cannot have become another process's.
        ended.withLock { if $0 == nil { _ = kill(pid, number) } }
    }

    var output: String {
        FileManager.default.contents(atPath: log).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

/// All processes of a story, so that none is left behind.
final class Children: Sendable {
    private struct State {
        var all: [Child] = []
        var isClosed = false
    }
    private let state = Locked(State())

    /// Starts one, unless the story is being ended.
    func start(
        _ name: String, _ program: String, _ arguments: [String], log: String, showsErrors: Bool = false
    ) throws -> Child {
        try state.withLock { state in
            guard !state.isClosed else { throw CancellationError() }
            let child = try Child(name, program, arguments, log: log, showsErrors: showsErrors)
            state.all.append(child)
            return child
        }
    }

    /// Asks all to end, waits a while, then makes them end. Newest first: agents before their server.
    func endAll(patience: Duration = .seconds(8)) {
        let children = state.withLock { state in
            state.isClosed = true
            return state.all
        }
        for child in children.reversed() { child.send(SIGTERM) }
        let clock = ContinuousClock()
        let limit = clock.now + patience
        while clock.now < limit, children.contains(where: { $0.poll() == nil }) { usleep(20_000) }
        for child in children where child.poll() == nil { child.send(SIGKILL) }
        while children.contains(where: { $0.poll() == nil }) { usleep(5_000) }
    }
}
