import Foundation

#if canImport(Glibc)
import Glibc
import Wire
#endif

/// Tells a person what happens: one line an event with the time since the start, a bar while something takes long.
/// Colours and bars on a terminal only, and none where NO_COLOR is set.
final class Narrator: Sendable {
    private struct State {
        var barShown = false
        var lastBar = ContinuousClock.now
    }
    private let state = Locked(State())
    private let began = ContinuousClock.now
    let isTerminal: Bool
    private let isColored: Bool

    private enum Style: String {
        case plain = "0", bold = "1", faint = "2", good = "32", alarm = "33"
    }

    init() {
        isTerminal = isatty(STDOUT_FILENO) == 1
        isColored = isTerminal && ProcessInfo.processInfo.environment["NO_COLOR"] == nil
    }

    var seconds: Double {
        let elapsed = (ContinuousClock.now - began).components
        return Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
    }

    func chapter(_ title: String) {
        line("")
        line(styled(title, .bold))
    }

    /// Something happened.
    func tell(_ sentence: String) { event("·", sentence, .plain) }
    /// Something that had to hold was checked, and holds.
    func check(_ sentence: String) { event("✓", sentence, .good) }
    /// Something that a person must see.
    func alarm(_ sentence: String) { event("!", sentence, .alarm) }
    /// Belongs to the line before.
    func detail(_ text: String) {
        for part in text.split(separator: "\n", omittingEmptySubsequences: false) {
            line(Self.indent + styled(String(part), .faint))
        }
    }

    private func event(_ mark: String, _ sentence: String, _ style: Style) {
        let time = String(format: "%6.1f s", seconds)
        var head = "\(styled(time, .faint))  \(styled(mark, style))  "
        for part in wrapped(sentence) {
            line(head + (style == .alarm ? styled(part, style) : part))
            head = Self.indent
        }
    }

    /// As wide as the head of an event.
    private static let indent = String(repeating: " ", count: 13)

    /// Lines that fit the terminal, broken between words; one line where there is none.
    private func wrapped(_ sentence: String) -> [String] {
        guard isTerminal else { return [sentence] }
        var size = winsize()
        let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col >= 60
        let room = min(isKnown ? Int(size.ws_col) : 100, 120) - Self.indent.count
        var lines = [""]
        for word in sentence.split(separator: " ") {
            let last = lines[lines.count - 1]
            if last.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if last.count + word.count < room {
                lines[lines.count - 1] += " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }

    /// On a terminal, until the next line or the next bar.
    func bar(_ done: Int, of all: Int, _ what: String) {
        guard isTerminal else { return }
        state.withLock { state in
            let now = ContinuousClock.now
            guard !state.barShown || done >= all || now - state.lastBar > .milliseconds(50) else { return }
            state.barShown = true
            state.lastBar = now
            let width = 30
            let filled = all > 0 ? min(width, done * width / all) : width
            let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
            write("\r\u{1b}[K\(Self.indent)\(bar) \(done) of \(all) \(what)")
        }
    }

    /// Takes away the line above, where another program left its bar.
    func eraseLine() {
        guard isTerminal else { return }
        state.withLock { _ in write("\u{1b}[1A\u{1b}[2K\r") }
    }

    private func line(_ text: String) {
        state.withLock { state in
            if state.barShown { write("\r\u{1b}[K") }
            state.barShown = false
            write(text + "\n")
        }
    }

    private func styled(_ text: String, _ style: Style) -> String {
        isColored && style != .plain ? "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m" : text
    }

    /// Whoever listened may have gone (`lifelong demo | head`): then the telling ends as with Ctrl-C, and its programs too.
    private func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                _ = kill(getpid(), SIGTERM)
                return
            }
            rest = rest.dropFirst(count)
        }
    }
}
