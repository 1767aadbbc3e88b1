import Foundation
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// The line to one unit: JSON objects, one a line (LF), over two file descriptors. Bounded in bytes and in time. Used by
/// one thread.
package final class UnitLine {
    /// What a unit may take, in seconds. Making a key in a slow secure element takes some ten.
    package struct Patience: Sendable {
        package var answerSeconds: Double
        package init(answerSeconds: Double = 60) { self.answerSeconds = answerSeconds }
    }

    private let reading: Int32
    private let writing: Int32
    private let patience: Patience
    private let closing: () -> Void
    private var buffer: [UInt8] = []
    private var isOpen = true

    /// - Parameters:
    ///   - nonBlocking: false for descriptors that are shared with other programs (standard input and output).
    ///   - closing: called once, to close the descriptors and end whatever stands behind them.
    package init(
        reading: Int32, writing: Int32, patience: Patience, nonBlocking: Bool = true, closing: @escaping () -> Void
    ) {
        _ = Self.ignoreBrokenPipes
        self.reading = reading
        self.writing = writing
        self.patience = patience
        self.closing = closing
        if nonBlocking {
            for file in [reading, writing] { _ = fcntl(file, F_SETFL, fcntl(file, F_GETFL) | O_NONBLOCK) }
        }
    }

    /// A unit that goes away is an error of `write`, not the end of the station.
    private static let ignoreBrokenPipes: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

    deinit { close() }

    package func close() {
        guard isOpen else { return }
        isOpen = false
        closing()
    }

    package func send(_ message: LineMessage) throws(Refusal) {
        let line: [UInt8]
        do { line = try CanonicalJSON.encode(message) + [10] } catch { throw Self.broken }
        guard line.count <= LineMessage.maximumLineBytes else { throw Self.broken }
        let end = Self.uptime() + patience.answerSeconds
        var at = 0
        while at < line.count {
            try wait(for: POLLOUT, on: writing, until: end)
            // PIPE_BUF bytes never block after POLLOUT, even where the descriptor blocks.
            let slice = line[at..<min(at + 4096, line.count)]
            let n = slice.withUnsafeBytes { Glibc.write(writing, $0.baseAddress, $0.count) }
            if n < 0, errno == EAGAIN || errno == EINTR { continue }
            guard n > 0 else { throw Self.gone }
            at += n
        }
    }

    /// The unit's next line. What it says is data from outside: nothing of it is shown as it is.
    package func receive() throws(Refusal) -> LineMessage {
        let line = try receiveLine()
        do throws(Refusal) {
            return try CanonicalJSON.decode(LineMessage.self, from: line, limit: LineMessage.maximumLineBytes)
        } catch {
            throw Refusal(
                .malformed, "The unit said something that is no message of the station protocol.",
                hint: "Check that the unit runs its provisioning program and prints nothing else on the line.",
                rule: "docs/station.md")
        }
    }

    private func receiveLine() throws(Refusal) -> [UInt8] {
        let end = Self.uptime() + patience.answerSeconds
        var searched = 0
        while true {
            if let at = buffer[searched...].firstIndex(of: 10) {
                guard at < LineMessage.maximumLineBytes else { throw Self.tooLong }
                let line = Array(buffer[0..<at])
                buffer.removeSubrange(0...at)
                return line
            }
            searched = buffer.count
            guard buffer.count < LineMessage.maximumLineBytes else { throw Self.tooLong }
            try wait(for: POLLIN, on: reading, until: end)
            try readSome()
        }
    }

    private func readSome() throws(Refusal) {
        var chunk = [UInt8](repeating: 0, count: 4096)
        let n = Glibc.read(reading, &chunk, chunk.count)
        if n < 0, errno == EAGAIN || errno == EINTR { return }
        guard n > 0 else { throw Self.gone }
        buffer += chunk[0..<n]
    }

    private func wait(for event: Int32, on file: Int32, until end: Double) throws(Refusal) {
        while true {
            let left = end - Self.uptime()
            guard left > 0 else {
                throw Refusal(
                    .unavailable, "The unit did not answer within \(Int(patience.answerSeconds.rounded(.up))) seconds.",
                    hint: "Check the cable and the power, or allow more time with --answer-seconds.")
            }
            var waiting = pollfd(fd: file, events: Int16(event), revents: 0)
            let n = poll(&waiting, 1, Int32(min(left * 1000, 10_000).rounded(.up)))
            if n > 0 { return }
            if n < 0, errno != EINTR { throw Self.gone }
        }
    }

    /// Seconds on a clock that nobody sets: for waiting only.
    static func uptime() -> Double {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }

    private static let gone = Refusal(
        .unavailable, "The unit closed the line before it was done.",
        hint: "Connect it again; it goes on where it was.")
    private static let tooLong = Refusal(
        .tooLarge, "The unit sent a line of more than \(LineMessage.maximumLineBytes) bytes.",
        hint: "Check that the unit runs its provisioning program.", rule: "docs/station.md")
    private static let broken = Refusal(
        .internal, "A message for the unit could not be written as one line.",
        hint: "Ask the maker for a permit with fewer service anchors.")
}
