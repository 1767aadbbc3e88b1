import Keys
import Store
import Trust
import Wire

/// Makes one durable step of a house go wrong: the n-th write transaction, or the n-th thing that a key store does.
///
/// A step that went wrong is either not done, or done although its caller is told that it failed: a commit whose answer was
/// lost, a token that signed and did not say so.
package final class Faults: Sendable {
    package enum Target: String, Sendable, CaseIterable { case database, keys }
    package enum Mode: String, Sendable, CaseIterable {
        case failed
        case failedButPersisted
    }

    private struct Plan {
        var target: Target
        var mode: Mode
        var left: Int
        var hasStruck = false
    }
    private let plan = Locked<Plan?>(nil)
    /// What the keys say of themselves: false as a token does, true as a file does.
    let signsAtOnce: Bool

    package init(signsAtOnce: Bool = false) { self.signsAtOnce = signsAtOnce }

    /// - Parameter number: of the step that goes wrong, from 1.
    package func arm(_ target: Target, _ mode: Mode, at number: Int) {
        plan.withLock { $0 = Plan(target: target, mode: mode, left: number) }
    }

    /// Returns whether the step came.
    @discardableResult
    package func disarm() -> Bool {
        plan.withLock { plan in
            defer { plan = nil }
            return plan?.hasStruck ?? false
        }
    }

    func strike(_ target: Target) -> Mode? {
        plan.withLock { plan in
            guard let armed = plan, armed.target == target, !armed.hasStruck else { return nil }
            plan?.left -= 1
            guard armed.left == 1 else { return nil }
            plan?.hasStruck = true
            return armed.mode
        }
    }
}

/// A database whose n-th write is not kept, or is kept and yet said to have failed.
package final class FaultyDatabase: Database {
    private let database: any Database
    private let faults: Faults
    package var kind: String { database.kind }

    package init(_ database: any Database, _ faults: Faults) {
        self.database = database
        self.faults = faults
    }

    package func read<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T {
        try await database.read(body)
    }

    package func write<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T {
        guard let mode = faults.strike(.database) else { return try await database.write(body) }
        _ = try await database.write { rows in
            let value = try body(rows)
            // The body ran to its end: what fails is the commit.
            if mode == .failed { throw Self.refusal }
            return value
        }
        throw Self.refusal
    }

    package func forgetDeleted() async throws {
        guard let mode = faults.strike(.database) else { return try await database.forgetDeleted() }
        if mode == .failedButPersisted { try await database.forgetDeleted() }
        throw Self.refusal
    }

    package func changes() -> AsyncStream<Void> { database.changes() }
    package func backup(to path: String) async throws { try await database.backup(to: path) }
    package func close() throws { try database.close() }

    private static let refusal = Refusal(
        .unavailable, "The disk reported an error.", hint: "Check the disk.", retryAfterSeconds: 30)
}

/// A key store whose n-th operation fails before or after it was done.
package final class FaultyKeys: KeyStore {
    private let keys: any KeyStore
    private let faults: Faults
    package var kind: String { keys.kind }

    package init(_ keys: any KeyStore, _ faults: Faults) {
        self.keys = keys
        self.faults = faults
    }

    package func make(_ label: KeyLabel, algorithm: KeyAlgorithm) throws -> any SigningKey {
        try Self.faulty(faults) { FaultyKey(key: try keys.make(label, algorithm: algorithm), faults: faults) }
    }

    package func find(_ label: KeyLabel) throws -> (any SigningKey)? {
        try keys.find(label).map { FaultyKey(key: $0, faults: faults) }
    }

    package func labels() throws -> [KeyLabel] { try keys.labels() }
    package func holdsWrapping(_ label: KeyLabel) throws -> Bool { try keys.holdsWrapping(label) }
    package func makeWrapping(_ label: KeyLabel) throws { try Self.faulty(faults) { try keys.makeWrapping(label) } }
    package func destroy(_ label: KeyLabel) throws { try Self.faulty(faults) { try keys.destroy(label) } }

    package func wrap(_ secret: [UInt8], under label: KeyLabel, context: [UInt8]) throws -> [UInt8] {
        try Self.faulty(faults) { try keys.wrap(secret, under: label, context: context) }
    }

    package func unwrap(_ wrapped: [UInt8], under label: KeyLabel, context: [UInt8]) throws -> [UInt8] {
        try Self.faulty(faults) { try keys.unwrap(wrapped, under: label, context: context) }
    }

    fileprivate static func faulty<T>(_ faults: Faults, _ body: () throws -> T) throws -> T {
        let mode = faults.strike(.keys)
        if mode == .failed { throw refusal }
        let value = try body()
        if mode == .failedButPersisted { throw refusal }
        return value
    }

    private static let refusal = Refusal(
        .unavailable, "The key store did not answer.", hint: "Attach the token again.", retryAfterSeconds: 5)
}

private struct FaultyKey: SigningKey {
    let key: any SigningKey
    let faults: Faults
    var algorithm: KeyAlgorithm { key.algorithm }
    var publicKeyDER: [UInt8] { key.publicKeyDER }
    var signsAtOnce: Bool { faults.signsAtOnce }

    func signature(over message: [UInt8]) throws -> [UInt8] {
        try FaultyKeys.faulty(faults) { try key.signature(over: message) }
    }
}
