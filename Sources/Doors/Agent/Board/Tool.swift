import Foundation
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// A program of the system, run to its end: bounded in time and in what is kept of its words.
package enum Tool {
    package struct Outcome: Sendable, Equatable {
        /// Exit code, or minus the signal that ended it; nil if it did not end in time and was killed with all that it started.
        package var code: Int32?
        package var output: [UInt8]
        /// Standard error, as text.
        package var errors: String
        package var text: String { String(decoding: output, as: UTF8.self) }
    }

    /// Bytes that are kept of each stream; the rest is read and forgotten.
    static let largestOutput = 1 << 20
    /// Bytes that fit into a pipe before anybody reads it.
    private static let largestInput = 32 << 10

    /// Waits on a thread of its own, so that nobody else's work stands still for as long.
    package static func run(
        _ words: [String], environment: [String: String] = [:], input: [UInt8] = [], limit: Duration
    ) async throws -> Outcome {
        try await withCheckedThrowingContinuation { done in
            Thread {
                done.resume(
                    with: Result { try runHere(words, environment: environment, input: input, limit: limit) })
            }.start()
        }
    }

    /// The same, and the calling thread waits.
    package static func runHere(
        _ words: [String], environment: [String: String] = [:], input: [UInt8] = [], limit: Duration
    ) throws(Refusal) -> Outcome {
        guard let name = words.first, input.count <= largestInput else {
            throw Refusal(.internal, "No program was named, or its input is too long.", hint: "Look at the settings.")
        }
        var stdin = try Pipe()
        var stdout = try Pipe()
        var stderr = try Pipe()
        defer {
            stdin.close()
            stdout.close()
            stderr.close()
        }
        if !input.isEmpty { _ = input.withUnsafeBytes { write(stdin.into, $0.baseAddress, $0.count) } }
        stdin.closeInto()
        let pid = try spawn(name, words, environment, from: stdin.from, to: stdout.into, stderr.into)
        stdin.close()
        stdout.closeInto()
        stderr.closeInto()
        var child = Running(pid: pid, ends: [stdout.from, stderr.from])
        let code = child.wait(until: .now + limit)
        return Outcome(code: code, output: child.kept[0], errors: String(decoding: child.kept[1], as: UTF8.self))
    }

    /// The output of a program that has to succeed.
    package static func demand(
        _ words: [String], environment: [String: String] = [:], input: [UInt8] = [], limit: Duration, hint: String
    ) throws(Refusal) -> Outcome {
        let outcome = try runHere(words, environment: environment, input: input, limit: limit)
        guard outcome.code == 0 else {
            let told = outcome.errors.split(separator: "\n").last.map { ": \($0.prefix(200))" } ?? ""
            let end = outcome.code.map { "ended with \($0)" } ?? "did not end within \(limit.components.seconds) s"
            throw BoardFault.refusal("\(words.prefix(3).joined(separator: " ")) \(end)\(told).", hint: hint)
        }
        return outcome
    }

    private static func spawn(
        _ name: String, _ words: [String], _ more: [String: String], from: Int32, to out: Int32, _ errors: Int32
    ) throws(Refusal) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (file, number) in [(from, Int32(0)), (out, 1), (errors, 2)] {
            posix_spawn_file_actions_adddup2(&actions, file, number)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Signals that this program blocks or ignores are the child's own affair; a group of its own, to be ended as one.
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))
        let variables = ProcessInfo.processInfo.environment.merging(more) { $1 }.map { "\($0.key)=\($0.value)" }
        let list: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        let values: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
        defer { for text in list + values { free(text) } }
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, name, &actions, &attributes, list, values)
        guard code == 0 else {
            throw BoardFault.refusal(
                "\(name) could not be started: \(String(cString: strerror(code))).",
                hint: "Install it, or correct the settings.")
        }
        return pid
    }
}

/// Two ends of a pipe that no other child inherits.
private struct Pipe {
    private(set) var from: Int32
    private(set) var into: Int32

    init() throws(Refusal) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw Refusal(.unavailable, "No pipe could be made.", hint: "Look at the limit of open files.")
        }
        // What is started in this moment elsewhere has them as well, until it ends: nobody waits for a pipe to close.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (from, into) = (ends[0], ends[1])
    }

    mutating func closeInto() {
        if into >= 0 { Glibc.close(into) }
        into = -1
    }

    mutating func close() {
        closeInto()
        if from >= 0 { Glibc.close(from) }
        from = -1
    }
}

/// A child whose two streams are read until it ends.
private struct Running {
    let pid: pid_t
    var ends: [Int32]
    var kept: [[UInt8]] = [[], []]

    init(pid: pid_t, ends: [Int32]) {
        self.pid = pid
        self.ends = ends
    }

    /// Nil, and killed, if it does not end in time. What a child of the child still holds open is not waited for.
    mutating func wait(until deadline: ContinuousClock.Instant) -> Int32? {
        while true {
            read(milliseconds: ends.contains { $0 >= 0 } ? 20 : 0)
            var status: Int32 = 0
            let found = waitpid(pid, &status, WNOHANG)
            if found == pid || (found < 0 && errno != EINTR) {
                while read(milliseconds: 0) {}
                let signal = status & 0x7f
                return found < 0 ? -1 : signal == 0 ? (status >> 8) & 0xff : -signal
            }
            if ContinuousClock.now >= deadline {
                kill(-pid, SIGKILL)
                _ = waitpid(pid, &status, 0)
                return nil
            }
            if !ends.contains(where: { $0 >= 0 }) { usleep(2000) }
        }
    }

    /// Reads what is there; false if nothing came.
    @discardableResult
    private mutating func read(milliseconds: Int32) -> Bool {
        var list = ends.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        guard poll(&list, nfds_t(list.count), milliseconds) > 0 else { return false }
        var came = false
        for (index, entry) in list.enumerated() where entry.fd >= 0 && entry.revents != 0 {
            var buffer = [UInt8](repeating: 0, count: 16 << 10)
            let count = Glibc.read(entry.fd, &buffer, buffer.count)
            if count > 0 {
                kept[index] += buffer.prefix(min(count, max(0, Tool.largestOutput - kept[index].count)))
                came = true
            } else if count == 0 || errno != EINTR {
                // Not closed here: whoever made the pipe does.
                ends[index] = -1
            }
        }
        return came
    }
}
