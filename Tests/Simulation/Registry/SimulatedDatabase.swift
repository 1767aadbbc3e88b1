import Store
import Wire

/// Ends a transaction with its result in hand, so that nothing of it stays.
private struct Undone<Value: Sendable>: Error { var value: Value }

/// One node's way to the common database: the real engine, with the seed's faults. A commit fails; fails and yet is there;
/// the node dies before it or after it. What a dead node asks is never answered.
///
/// `@unchecked Sendable`: used on the driving thread only.
package final class SimulatedDatabase: Database, @unchecked Sendable {
    package enum Fault: Equatable { case none, fails, failsButPersists, diesBefore, diesAfter, lies, doubles }

    package var kind: String { inner.kind }
    private let inner: any Database
    private let driver: Driver
    private let fanout: CommitFanout
    private let fault: (_ isWrite: Bool) -> Fault
    private let die: () -> Void
    package var isDead = false

    /// - Parameter die: the node's memory is gone.
    package init(
        _ inner: any Database, driver: Driver, fanout: CommitFanout, fault: @escaping (_ isWrite: Bool) -> Fault,
        die: @escaping () -> Void
    ) {
        self.inner = inner
        self.driver = driver
        self.fanout = fanout
        self.fault = fault
        self.die = die
    }

    private func lost(_ what: String) -> Refusal {
        Refusal(.unavailable, what, hint: "Ask again.", retryAfterSeconds: 1)
    }

    private func begin() async throws {
        await driver.pause()
        if isDead { throw lost("The node is gone.") }
    }

    package func read<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T {
        try await begin()
        if fault(false) == .fails { throw lost("The database does not answer.") }
        return try await driver.away { try await inner.read(body) }
    }

    package func write<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T {
        try await begin()
        let fault = fault(true)
        if fault == .diesBefore {
            die()
            throw lost("The node is gone.")
        }
        let outcome: T
        switch fault {
        case .fails, .lies:
            let result = try await rollBack(body)
            guard fault == .lies, let result else { throw lost("The commit failed.") }
            outcome = result
        case .doubles:
            _ = try await driver.away { try await inner.write(body) }
            outcome = try await driver.away { try await inner.write(body) }
        default: outcome = try await driver.away { try await inner.write(body) }
        }
        fanout.signal()
        if fault == .failsButPersists { throw lost("The commit failed, or so it seems.") }
        if fault == .diesAfter { die() }
        // The answer is on its way; the node may die before it leaves.
        try await begin()
        return outcome
    }

    /// Runs the transaction to its end and lets the commit fail.
    private func rollBack<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T? {
        do {
            try await driver.away {
                try await inner.write { rows -> Void in throw Undone(value: try body(rows)) }
            }
        } catch let undone as Undone<T> { return undone.value }
        return nil
    }

    package func changes() -> AsyncStream<Void> { fanout.listen() }
    package func forgetDeleted() async throws {
        try await begin()
        try await driver.away { try await inner.forgetDeleted() }
    }
    package func backup(to path: String) async throws { throw lost("A simulation makes no backups.") }
    /// The engine is everybody's; whoever opened it closes it.
    package func close() throws {}
}
