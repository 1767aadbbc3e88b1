import Wire

/// Failed attempts per address: a bucket of so many, one more every so often.
///
/// Bounded: an address whose bucket is full again is forgotten; if too many are not, new ones share one bucket.
final class AttemptLimit: Sendable {
    private let burst: Int
    private static let secondsPerAttempt: Int64 = 30
    private static let maximumAddresses = 10_000

    private struct Bucket {
        var left: Double
        var at: Timestamp
    }
    private let buckets = Locked<[String: Bucket]>([:])
    private let what: String
    private let hint: String

    /// - Parameter what: "sign-ins", for the sentence that refuses.
    init(burst: Int, what: String, hint: String) {
        self.burst = burst
        self.what = what
        self.hint = hint
    }

    /// Refuses while the bucket is empty.
    func demand(_ address: String, at now: Timestamp) throws(Refusal) {
        let left = buckets.withLock { refilled($0[Self.key(address, $0)], at: now).left }
        guard left >= 1 else {
            throw Refusal(
                .tooMany, "Too many failed \(what) from this address.", hint: hint,
                retryAfterSeconds: Int((1 - left) * Double(Self.secondsPerAttempt)) + 1)
        }
    }

    /// Whether `demand` would refuse.
    func isSpent(_ address: String, at now: Timestamp) -> Bool {
        buckets.withLock { refilled($0[Self.key(address, $0)], at: now).left < 1 }
    }

    func failed(_ address: String, at now: Timestamp) {
        buckets.withLock { buckets in
            if buckets.count >= Self.maximumAddresses {
                buckets = buckets.filter { refilled($0.value, at: now).left < Double(burst) }
            }
            let key = Self.key(address, buckets)
            var bucket = refilled(buckets[key], at: now)
            bucket.left = max(0, bucket.left - 1)
            buckets[key] = bucket
        }
    }

    private static func key(_ address: String, _ buckets: [String: Bucket]) -> String {
        buckets[address] != nil || buckets.count < maximumAddresses ? address : "others"
    }

    private func refilled(_ bucket: Bucket?, at now: Timestamp) -> Bucket {
        guard var bucket else { return Bucket(left: Double(burst), at: now) }
        let gained = Double(max(0, now.seconds(since: bucket.at))) / Double(Self.secondsPerAttempt)
        guard gained > 0 else { return bucket }
        bucket.left = min(Double(burst), bucket.left + gained)
        bucket.at = now
        return bucket
    }
}
