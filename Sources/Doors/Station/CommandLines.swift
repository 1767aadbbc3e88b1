import Foundation
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// A command per unit, talked to over its standard input and output; its standard error stays the operator's.
struct CommandLines: LineSource {
    let atOnce = 4
    let countsAttempts = true
    /// For /bin/sh; "{n}" becomes the unit's number.
    private let command: String
    private let patience: UnitLine.Patience
    /// Seconds that a command may go on after its line was closed.
    private static let farewellSeconds = 5.0

    init(_ command: String, patience: UnitLine.Patience) {
        self.command = command
        self.patience = patience
    }

    func next(_ number: Int, isOver: () -> Bool) throws(Refusal) -> UnitLine? {
        guard !isOver() else { return nil }
        let text = command.replacing("{n}", with: String(number))
        var ends: [Int32] = [-1, -1]
        // A socket pair and not two pipes: both ends are born close-on-exec, whatever other threads start meanwhile.
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw StationFile.failure("make", "a line to the command")
        }
        let (ours, theirs) = (ends[0], ends[1])
        let started = Self.start(text, line: theirs)
        close(theirs)
        guard let process = started else {
            close(ours)
            throw StationFile.failure("start", "/bin/sh")
        }
        return UnitLine(reading: ours, writing: ours, patience: patience) {
            close(ours)
            Self.end(process)
        }
    }

    /// Starts it as a process group of its own, so that all of it can be ended. Nil with `errno` set if that fails.
    private static func start(_ command: String, line: Int32) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, line, 0)
        posix_spawn_file_actions_adddup2(&actions, line, 1)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var defaults = sigset_t()
        sigemptyset(&defaults)
        sigaddset(&defaults, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        var process: pid_t = 0
        let arguments: [UnsafeMutablePointer<CChar>?] = [strdup("/bin/sh"), strdup("-c"), strdup(command), nil]
        defer { arguments.forEach { free($0) } }
        let code = posix_spawn(&process, "/bin/sh", &actions, &attributes, arguments, environ)
        errno = code
        return code == 0 ? process : nil
    }

    /// Waits for it; asks it to end, then makes it end.
    private static func end(_ process: pid_t) {
        for signal in [SIGTERM, SIGKILL, 0] {
            let end = UnitLine.uptime() + farewellSeconds
            while UnitLine.uptime() < end {
                var status: Int32 = 0
                let n = waitpid(process, &status, WNOHANG)
                if n == process || (n < 0 && errno != EINTR) { return }
                usleep(5_000)
            }
            if signal != 0 { kill(-process, signal) }
        }
    }
}
