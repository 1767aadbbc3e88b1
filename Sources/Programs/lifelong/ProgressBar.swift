import Foundation

#if canImport(Glibc)
import Glibc
import Wire
#endif

/// A bar on a terminal's standard error, with the rate and the time that is left; nothing where there is none.
final class ProgressBar: Sendable {
    let unit: String
    private let isTerminal: Bool
    private let began = ContinuousClock.now
    private let isShown = Locked(false)

    init(unit: String) {
        self.unit = unit
        isTerminal = isatty(STDERR_FILENO) == 1
    }

    func show(_ done: Int64, of all: Int64) {
        guard isTerminal else { return }
        isShown.withLock { $0 = true }
        let filled = all > 0 ? Int(min(done, all) * 40 / all) : 40
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 40 - filled)
        let seconds = (ContinuousClock.now - began).components.seconds
        var pace = ""
        if seconds > 0, done > 0 {
            pace = ", \(done / seconds) a second, \((all - done) * seconds / done) s left  "
        }
        FileHandle.standardError.write(Data("\r\(bar) \(done) of \(all) \(unit)\(pace)".utf8))
    }

    func end() {
        if isShown.withLock({ $0 }) { FileHandle.standardError.write(Data("\n".utf8)) }
    }
}
