import Foundation
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// Where units come from. Safe from several threads if `atOnce` is more than one.
package protocol LineSource: Sendable {
    /// Most units that can be served at the same time.
    var atOnce: Int { get }
    /// True if every attempt counts (a unit that fails does not come back by itself), false if only births do.
    var countsAttempts: Bool { get }
    /// The next unit's line, or nil if there is none any more or `isOver` says so.
    /// - Parameter number: 1 for the first unit of the run.
    func next(_ number: Int, isOver: () -> Bool) throws(Refusal) -> UnitLine?
}

/// How the operator names a line: "exec:COMMAND", "unix:PATH", "pty:PATH", "stdio".
package enum LineAddress: Sendable, Equatable {
    case command(String), socket(String), terminal(String), standard

    package init(_ text: String) throws(Refusal) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        switch (parts.first ?? "", parts.count > 1 ? parts[1] : "") {
        case ("stdio", ""): self = .standard
        case ("exec", let command) where !command.isEmpty: self = .command(command)
        case ("unix", let path) where !path.isEmpty: self = .socket(path)
        case ("pty", let path) where !path.isEmpty: self = .terminal(path)
        default:
            throw Refusal(
                .malformed, "\"\(Printable.text(text))\" names no line.",
                hint: "Write exec:COMMAND, unix:PATH, pty:PATH or stdio.")
        }
    }

    package func open(_ patience: UnitLine.Patience) throws(Refusal) -> any LineSource {
        switch self {
        case .command(let command): CommandLines(command, patience: patience)
        case .socket(let path): try SocketLines(path, patience: patience)
        case .terminal(let path): TerminalLines(path, patience: patience)
        case .standard: StandardLine(patience: patience)
        }
    }
}

/// One unit on standard input and output.
struct StandardLine: LineSource {
    let patience: UnitLine.Patience
    var atOnce: Int { 1 }
    var countsAttempts: Bool { true }

    func next(_ number: Int, isOver: () -> Bool) throws(Refusal) -> UnitLine? {
        guard number == 1, !isOver() else { return nil }
        return UnitLine(reading: 0, writing: 1, patience: patience, nonBlocking: false) {}
    }
}

/// A terminal device, such as a USB serial port or a pty: one unit after the other. The unit is gone when the line hangs up.
struct TerminalLines: LineSource {
    let path: String
    let patience: UnitLine.Patience
    var atOnce: Int { 1 }
    var countsAttempts: Bool { false }
    private static let mostFarewellSeconds = 10.0

    init(_ path: String, patience: UnitLine.Patience) {
        self.path = path
        self.patience = patience
    }

    func next(_ number: Int, isOver: () -> Bool) throws(Refusal) -> UnitLine? {
        while !isOver() {
            let file = Glibc.open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)
            if file >= 0, isatty(file) == 1 { return line(file) }
            let code = errno
            if file >= 0 {
                close(file)
                throw Refusal(.malformed, "\(path) is no terminal.", hint: "Name a serial port or a pty.")
            }
            // ENOENT, EIO, ENXIO: nothing is plugged in yet.
            guard [ENOENT, EIO, ENXIO, EBUSY].contains(code) else {
                errno = code
                throw StationFile.failure("open", path)
            }
            usleep(200_000)
        }
        return nil
    }

    private func line(_ file: Int32) -> UnitLine {
        var settings = termios()
        if tcgetattr(file, &settings) == 0 {
            cfmakeraw(&settings)
            _ = tcsetattr(file, TCSANOW, &settings)
        }
        let seconds = min(patience.answerSeconds, Self.mostFarewellSeconds)
        return UnitLine(reading: file, writing: file, patience: patience) {
            Self.waitForHangUp(file, seconds: seconds)
            close(file)
        }
    }

    /// The next unit must not be greeted while this one is still there.
    private static func waitForHangUp(_ file: Int32, seconds: Double) {
        let end = UnitLine.uptime() + seconds
        var chunk = [UInt8](repeating: 0, count: 4096)
        while UnitLine.uptime() < end {
            var waiting = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, 200) > 0 else { continue }
            let n = read(file, &chunk, chunk.count)
            if n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) { return }
        }
    }
}
