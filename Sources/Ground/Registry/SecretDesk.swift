import Trust
import Wire

/// Checks pairing secrets against their memory-hard hashes, one after another: each takes 16 MiB and some 50 ms, and many
/// at once would take the machine from everybody else.
package actor SecretDesk {
    /// At most so many wait; more are told to come back.
    static let waitingLimit = 16
    private let waiting = Locked(0)

    package init() {}

    package nonisolated func verify(_ secret: String, against hash: String) async throws -> Bool {
        try enter()
        defer { leave() }
        return await judge(secret, hash)
    }
    private nonisolated func leave() { waiting.withLock { $0 -= 1 } }
    private nonisolated func enter() throws(Refusal) {
        let isFull = waiting.withLock { count in
            if count >= Self.waitingLimit { return true }
            count += 1
            return false
        }
        guard !isFull else {
            throw Refusal(
                .unavailable, "Too many pairing secrets are being checked.", hint: "Try again.", retryAfterSeconds: 2)
        }
    }

    private func judge(_ secret: String, _ hash: String) -> Bool { PairingSecret.verify(secret, against: hash) }
}
