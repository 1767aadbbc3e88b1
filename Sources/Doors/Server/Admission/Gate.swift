import Synchronization
import Wire

/// Bounds the requests that are worked on at once. What is too much is refused before anything costly happens: cheaply,
/// and with a time to come back that is another one for everybody.
package final class Gate: Sendable {
    private let limit: Int
    private let byteLimit: Int
    private let count = Atomic<Int>(0)
    private let byteCount = Atomic<Int>(0)
    private let refusedCount = Atomic<Int>(0)

    /// - Parameters:
    ///   - limit: requests under way.
    ///   - bytes: of large answers that their peers have not read yet.
    package init(limit: Int, bytes: Int = 256 << 20) {
        self.limit = limit
        byteLimit = bytes
    }

    /// Requests under way.
    package var inside: Int { count.load(ordering: .relaxed) }
    package var refused: Int { refusedCount.load(ordering: .relaxed) }

    /// Whoever enters leaves again, however it ends.
    package func enter() throws(Refusal) {
        if count.add(1, ordering: .relaxed).newValue <= limit { return }
        count.subtract(1, ordering: .relaxed)
        throw refusal()
    }

    /// Bytes that stay in memory until somebody has read them. Whoever holds gives back (`release`).
    package func hold(_ bytes: Int) throws(Refusal) {
        guard bytes > 0 else { return }
        if byteCount.add(bytes, ordering: .relaxed).newValue <= byteLimit { return }
        byteCount.subtract(bytes, ordering: .relaxed)
        throw refusal()
    }

    package func release(_ bytes: Int) { byteCount.subtract(bytes, ordering: .relaxed) }

    private func refusal() -> Refusal {
        refusedCount.add(1, ordering: .relaxed)
        return Refusal(
            .unavailable, "The server has more to do than it can.", hint: "Come back when Retry-After says.",
            rule: "overload", retryAfterSeconds: Int.random(in: Self.secondsToComeBack))
    }

    package func leave() { count.subtract(1, ordering: .relaxed) }

    /// Spread, so that those who were refused together do not come back together.
    static let secondsToComeBack = 5...30
}
