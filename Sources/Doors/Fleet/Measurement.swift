import Agent
import Wire

/// Counts and times exchanges with the service, from any thread.
package final class Measurement: Sendable {
    private struct State {
        var microseconds: [Int64] = []
        var failures: [String: Int] = [:]
    }
    private let state = Locked(State())

    package init() {}

    /// - Parameter failure: nil if the service did what was asked.
    package func note(_ elapsed: Duration, _ failure: ContactFailure?) {
        let parts = elapsed.components
        state.withLock { state in
            state.microseconds.append(parts.seconds * 1_000_000 + parts.attoseconds / 1_000_000_000_000)
            if let failure { state.failures[Self.name(of: failure), default: 0] += 1 }
        }
    }

    private static func name(of failure: ContactFailure) -> String {
        switch failure {
        case .refused(let refusal): "refused: \(refusal.code.rawValue)"
        case .unreachable: "unreachable"
        case .untrusted: "untrusted"
        case .nonsense: "nonsense"
        case .local: "local"
        }
    }

    /// Milliseconds that so much of all exchanges took at most.
    package struct Latency: Codable, Sendable, Equatable {
        package var p50 = 0.0
        package var p90 = 0.0
        package var p99 = 0.0
        package var longest = 0.0
    }

    package var requests: Int { state.withLock { $0.microseconds.count } }
    package var failures: [String: Int] { state.withLock { $0.failures } }

    package var latency: Latency {
        let sorted = state.withLock { $0.microseconds }.sorted()
        guard let last = sorted.last else { return Latency() }
        /// The nearest rank.
        func rank(_ part: Double) -> Double {
            let place = Int((part * Double(sorted.count)).rounded(.up)) - 1
            return Double(sorted[min(max(place, 0), sorted.count - 1)]) / 1000
        }
        return Latency(p50: rank(0.5), p90: rank(0.9), p99: rank(0.99), longest: Double(last) / 1000)
    }
}
