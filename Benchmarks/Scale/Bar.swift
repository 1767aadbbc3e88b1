import Foundation

#if canImport(Glibc)
import Glibc
import Wire
#endif

/// How far it is: a bar on a terminal, a line a tenth elsewhere.
final class Bar: Sendable {
    private struct State {
        var name = ""
        var all = 1
        var began = ContinuousClock.now
        var shown = -1
    }
    private let state = Locked(State())
    private let isTerminal = isatty(STDERR_FILENO) == 1

    func begin(_ name: String, _ all: Int) {
        state.withLock { $0 = State(name: name, all: max(1, all)) }
        show(0)
    }

    func show(_ done: Int) {
        state.withLock { state in
            let share = done * (isTerminal ? 100 : 10) / state.all
            guard share != state.shown else { return }
            state.shown = share
            let seconds = Self.seconds(since: state.began)
            let rate = seconds > 0 ? Double(done) / seconds : 0
            let left = rate > 0 ? Double(state.all - done) / rate : 0
            let text = String(
                format: "%@ %d of %d, %.0f a second, %.0f s left", state.name, done, state.all, rate, left)
            let filled = done * 30 / state.all
            let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
            FileHandle.standardError.write(Data((isTerminal ? "\r\(bar) \(text)  " : text + "\n").utf8))
        }
    }

    func end() { if isTerminal { FileHandle.standardError.write(Data("\n".utf8)) } }
    func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

    static func seconds(since began: ContinuousClock.Instant) -> Double {
        let took = ContinuousClock.now - began
        return Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
    }

    static let random: @Sendable (Int) -> [UInt8] = { count in
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    /// Processor seconds of this process, and its largest memory in bytes.
    static var processor: (seconds: Double, peak: Int) {
        var usage = rusage()
        // 0 is RUSAGE_SELF, whose type differs between C libraries.
        getrusage(0, &usage)
        func seconds(_ t: timeval) -> Double { Double(t.tv_sec) + Double(t.tv_usec) / 1e6 }
        return (seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss * 1024)
    }

    /// Waits until a server has done what it does once at its start (it looks through its whole database): that is told by
    /// `lifelong audit`'s figures, and belongs to no page and no request.
    static func quiet(_ processor: () -> Double) async throws {
        for _ in 0..<900 {
            let before = processor()
            try await Task.sleep(for: .seconds(1))
            if processor() - before < 0.05 { return }
        }
    }

    /// Resident memory of this process now, in bytes.
    static var resident: Int {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        let parts = text.split(separator: " ")
        return parts.count > 1 ? (Int(parts[1]) ?? 0) * 4096 : 0
    }
}
