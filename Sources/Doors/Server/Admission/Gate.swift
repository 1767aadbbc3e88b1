import Synchronization
import Wire

/// Bounds the requests that are worked on at once. What is too much is refused before anything costly happens: cheaply,
/// and with a time to come back that is another one for everybody.
package final class Gate: Sendable {
    private let limit: Int
    private let count = Atomic<Int>(0)
    private let refusedCount = Atomic<Int>(0)

    package init(limit: Int) { self.limit = limit }

    /// Requests under way.
    package var inside: Int { count.load(ordering: .relaxed) }
    package var refused: Int { refusedCount.load(ordering: .relaxed) }

    /// Whoever enters leaves again, however it ends.
    package func enter() throws(Refusal) {
        if count.add(1, ordering: .relaxed).newValue <= limit { return }
        count.subtract(1, ordering: .relaxed)
        refusedCount.add(1, ordering: .relaxed)
        throw Refusal(
            .unavailable, "The server has more to do than it can.", hint: "Come back when Retry-After says.",
            rule: "overload", retryAfterSeconds: Int.random(in: Self.secondsToComeBack))
    }

    package func leave() { count.subtract(1, ordering: .relaxed) }

    /// Spread, so that those who were refused together do not come back together.
    static let secondsToComeBack = 5...30
}
