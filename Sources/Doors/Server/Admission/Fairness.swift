import Wire

/// A bucket of requests for everybody who is known by a key: a device in a loop spends its own, and nobody else's.
///
/// Bounded: a bucket that is full again is forgotten; if too many are not, new ones share one a shard.
package final class Fairness<Key: Hashable & Sendable>: Sendable {
    package struct Rate: Sendable, Equatable {
        /// Requests at once.
        package var burst: Double
        /// Requests a second for ever; 0: without limit.
        package var perSecond: Double
        package init(burst: Double, perSecond: Double) {
            self.burst = burst
            self.perSecond = perSecond
        }
    }

    private struct Bucket {
        var left: Double
        var at: ContinuousClock.Instant
    }
    private struct Shard {
        var buckets: [Key: Bucket] = [:]
        var shared: Bucket?
        /// When it was last looked for buckets to forget.
        var swept: ContinuousClock.Instant?
    }
    private static var shardCount: Int { 16 }
    private let shards: [Locked<Shard>]
    private let limit: Int
    private let rate: Rate

    /// - Parameter limit: buckets that are kept, some 100 bytes each.
    package init(_ rate: Rate, limit: Int = 65_536) {
        self.rate = rate
        self.limit = max(1, limit / Self.shardCount)
        shards = (0..<Self.shardCount).map { _ in Locked(Shard()) }
    }

    /// Takes one request out of the key's bucket, or says in how many seconds there is one.
    package func take(_ key: Key, at now: ContinuousClock.Instant = .now) -> Int? {
        guard rate.perSecond > 0 else { return nil }
        return shards[abs(key.hashValue % Self.shardCount)].withLock { shard in
            if shard.buckets[key] == nil, shard.buckets.count >= limit {
                forget(&shard, at: now)
                if shard.buckets.count >= limit { return spend(&shard.shared, at: now) }
            }
            var bucket = shard.buckets[key]
            defer { shard.buckets[key] = bucket }
            return spend(&bucket, at: now)
        }
    }

    /// The same as a refusal.
    package func demand(_ key: Key, who: String) throws(Refusal) {
        guard let seconds = take(key) else { return }
        throw Refusal(
            .tooMany, "\(who) asks more often than is fair to the others.",
            hint: "Wait as long as Retry-After says, and look for the loop that asks so often.", rule: "fairness",
            retryAfterSeconds: seconds)
    }

    private func spend(_ bucket: inout Bucket?, at now: ContinuousClock.Instant) -> Int? {
        let left = bucket.map { refilled($0, at: now) } ?? rate.burst
        guard left >= 1 else {
            bucket = Bucket(left: left, at: now)
            return max(1, Int(((1 - left) / rate.perSecond).rounded(.up)))
        }
        bucket = Bucket(left: left - 1, at: now)
        return nil
    }

    /// At most once a second, because it looks at every bucket.
    private func forget(_ shard: inout Shard, at now: ContinuousClock.Instant) {
        if let swept = shard.swept, now - swept < .seconds(1) { return }
        shard.swept = now
        shard.buckets = shard.buckets.filter { refilled($0.value, at: now) < rate.burst }
    }

    private func refilled(_ bucket: Bucket, at now: ContinuousClock.Instant) -> Double {
        let (seconds, attoseconds) = (now - bucket.at).components
        let gone = max(0, Double(seconds) + Double(attoseconds) / 1e18)
        return min(rate.burst, bucket.left + gone * rate.perSecond)
    }
}
