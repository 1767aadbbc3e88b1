import Foundation
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// The line to a station, as the unit holds it: one JSON object a line, bounded, with a limit to patience.
///
/// Used by one thread from start to end.
package final class StationLine {
    private let input: Int32
    private let output: Int32
    private let isOwn: Bool
    /// Seconds that one message may take.
    private let patienceSeconds: Int
    private var buffer: [UInt8] = []

    private init(input: Int32, output: Int32, isOwn: Bool, patienceSeconds: Int) {
        _ = Self.ignoreBrokenPipes
        self.input = input
        self.output = output
        self.isOwn = isOwn
        self.patienceSeconds = patienceSeconds
    }

    /// A station that goes away is an error of `write`, not the end of the unit.
    private static let ignoreBrokenPipes: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

    /// Over a descriptor that is open in both directions already; it is closed with this line.
    package convenience init(connected file: Int32, patienceSeconds: Int = 120) {
        self.init(input: file, output: file, isOwn: true, patienceSeconds: patienceSeconds)
    }

    deinit {
        if isOwn { close(input) }
    }

    /// - Parameter address: "stdio", "unix:PATH" (a station listens there) or "pty:PATH" (a terminal or serial port).
    package static func open(_ address: String, patienceSeconds: Int = 120) throws(Refusal) -> StationLine {
        let parts = address.split(separator: ":", maxSplits: 1).map(String.init)
        switch (parts.first ?? "", parts.count > 1 ? parts[1] : "") {
        case ("stdio", ""):
            return StationLine(input: 0, output: 1, isOwn: false, patienceSeconds: patienceSeconds)
        case ("unix", let path) where !path.isEmpty:
            let file = try connect(path)
            return StationLine(input: file, output: file, isOwn: true, patienceSeconds: patienceSeconds)
        case ("pty", let path) where !path.isEmpty:
            let file = try terminal(path)
            return StationLine(input: file, output: file, isOwn: true, patienceSeconds: patienceSeconds)
        default:
            throw Refusal(
                .malformed, "\"\(address.prefix(200))\" names no line.", hint: "Write stdio, unix:PATH or pty:PATH.")
        }
    }

    package func send(_ message: LineMessage) throws {
        var rest = (try CanonicalJSON.encode(message) + [10])[...]
        while !rest.isEmpty {
            try wait(output, for: POLLOUT)
            let n = rest.withUnsafeBytes { write(output, $0.baseAddress, $0.count) }
            if n < 0, errno == EINTR || errno == EAGAIN { continue }
            guard n > 0 else { throw Self.gone }
            rest = rest.dropFirst(n)
        }
    }

    package func receive() throws(Refusal) -> LineMessage {
        while true {
            if let end = buffer.firstIndex(of: 10) {
                let line = Array(buffer[..<end])
                buffer.removeSubrange(...end)
                return try CanonicalJSON.decode(LineMessage.self, from: line, limit: LineMessage.maximumLineBytes)
            }
            guard buffer.count < LineMessage.maximumLineBytes else {
                throw Refusal(
                    .tooLarge, "The station sent a line of more than \(LineMessage.maximumLineBytes) bytes.",
                    hint: "Check what is at the other end of the line.", rule: "station line")
            }
            try wait(input, for: POLLIN)
            var chunk = [UInt8](repeating: 0, count: 4096)
            let n = read(input, &chunk, chunk.count)
            if n < 0, errno == EINTR || errno == EAGAIN { continue }
            guard n > 0 else { throw Self.gone }
            buffer += chunk[..<n]
        }
    }

    private func wait(_ file: Int32, for event: Int32) throws(Refusal) {
        var waiting = pollfd(fd: file, events: Int16(event), revents: 0)
        while true {
            let n = poll(&waiting, 1, Int32(patienceSeconds) * 1000)
            if n > 0 { return }
            if n < 0, errno == EINTR { continue }
            throw Refusal(
                .unavailable, "The station said nothing for \(patienceSeconds) seconds.",
                hint: "Check that the station runs and that the line is connected.")
        }
    }

    private static let gone = Refusal(
        .unavailable, "The station closed the line.", hint: "Look at the station, and connect the unit again.")

    private static func connect(_ path: String) throws(Refusal) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8) + [0]
        guard bytes.count <= MemoryLayout.size(ofValue: address.sun_path) else {
            throw Refusal(
                .malformed, "The path of a Unix socket has at most 107 bytes.", hint: "Choose a shorter path.")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let file = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard file >= 0 else { throw failure("make a socket for", path) }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(file, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else {
            let failure = failure("connect to", path)
            close(file)
            throw failure
        }
        return file
    }

    /// A terminal in raw mode: no echo, no line editing, no characters with a meaning.
    private static func terminal(_ path: String) throws(Refusal) -> Int32 {
        let file = Glibc.open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard file >= 0 else { throw failure("open", path) }
        var settings = termios()
        guard tcgetattr(file, &settings) == 0 else {
            close(file)
            throw Refusal(.malformed, "\(path) is no terminal.", hint: "Name a serial port or a pty.")
        }
        cfmakeraw(&settings)
        guard tcsetattr(file, TCSANOW, &settings) == 0 else {
            let failure = failure("set up", path)
            close(file)
            throw failure
        }
        return file
    }

    private static func failure(_ verb: String, _ path: String) -> Refusal {
        let reason = String(cString: strerror(errno))
        return Refusal(
            .unavailable, "Could not \(verb) \(path): \(reason).", hint: "Check that the station is there and listens.")
    }
}
