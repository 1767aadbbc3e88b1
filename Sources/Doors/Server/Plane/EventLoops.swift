import Foundation
import NIOCore

/// How many event loops the process has: one for each processor that it may run on. More of them would only take turns,
/// and a change of thread costs as much as a small request.
package enum EventLoops {
    /// To be called before the first socket. A process that was bound to some processors (taskset, a CPU set) counts those.
    package static func fit() {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let processors = allowed(in: status)
        else { return }
        NIOSingletons.groupLoopCountSuggestion = min(processors, System.coreCount)
    }

    /// Processors in the line `Cpus_allowed` of proc_pid_status(5): a mask in hexadecimal, with commas. Nil if there are none.
    static func allowed(in status: String) -> Int? {
        let line = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed:") }
        let bits = line?.dropFirst("Cpus_allowed:".count).compactMap { $0.hexDigitValue?.nonzeroBitCount }.reduce(0, +)
        return bits.flatMap { $0 > 0 ? $0 : nil }
    }
}
