import Keys
import Registry
import Store
import Trust
import Wire

/// A key store like a token's, and somebody who hears of each use of a key before it is used, and may refuse it.
final class WatchedKeys: KeyStore {
    typealias Watch = @Sendable (KeyLabel) throws -> Void
    let kind = "watched files"
    let mayBlock = true
    private let keys: any KeyStore
    private let watch: Watch

    init(_ keys: any KeyStore, _ watch: @escaping Watch) {
        self.keys = keys
        self.watch = watch
    }

    func make(_ label: KeyLabel, algorithm: KeyAlgorithm) throws -> any SigningKey {
        WatchedKey(key: try keys.make(label, algorithm: algorithm), label: label, watch: watch)
    }
    func find(_ label: KeyLabel) throws -> (any SigningKey)? {
        try keys.find(label).map { WatchedKey(key: $0, label: label, watch: watch) }
    }
    func labels() throws -> [KeyLabel] { try keys.labels() }
    func holdsWrapping(_ label: KeyLabel) throws -> Bool { try keys.holdsWrapping(label) }
    func makeWrapping(_ label: KeyLabel) throws { try keys.makeWrapping(label) }
    func destroy(_ label: KeyLabel) throws { try keys.destroy(label) }
    func wrap(_ secret: [UInt8], under label: KeyLabel, context: [UInt8]) throws -> [UInt8] {
        try watch(label)
        return try keys.wrap(secret, under: label, context: context)
    }
    func unwrap(_ wrapped: [UInt8], under label: KeyLabel, context: [UInt8]) throws -> [UInt8] {
        try watch(label)
        return try keys.unwrap(wrapped, under: label, context: context)
    }
}

private struct WatchedKey: SigningKey {
    let key: any SigningKey
    let label: KeyLabel
    let watch: WatchedKeys.Watch
    var algorithm: KeyAlgorithm { key.algorithm }
    var publicKeyDER: [UInt8] { key.publicKeyDER }
    var signsAtOnce: Bool { false }

    func signature(over message: [UInt8]) throws -> [UInt8] {
        try watch(label)
        return try key.signature(over: message)
    }
}

/// Keys that do not answer, chosen while the house runs.
final class LameKeys: Sendable {
    private let labels = Locked<Set<String>>([])

    func set(_ lame: Set<String>) { labels.withLock { $0 = lame } }

    func demand(_ label: KeyLabel) throws {
        guard labels.withLock({ !$0.contains(label.text) }) else {
            throw Refusal(.unavailable, "The key \(label) does not answer.", hint: "Attach it again.")
        }
    }
}

/// A database that knows whether one of its transactions is under way, and that can go blind.
final class WatchedDatabase: Database {
    private struct State {
        var open = 0
        var readableFor: Int?
    }
    private let database: any Database
    private let state = Locked(State())
    var kind: String { database.kind }
    var isInside: Bool { state.withLock { $0.open > 0 } }

    init(_ database: any Database) { self.database = database }

    /// After so many more writes nothing can be read; nil: everything.
    func goBlind(after writes: Int?) { state.withLock { $0.readableFor = writes } }

    private func inside<T>(_ body: () throws -> T) rethrows -> T {
        state.withLock { $0.open += 1 }
        defer { state.withLock { $0.open -= 1 } }
        return try body()
    }

    func read<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T {
        guard state.withLock({ $0.readableFor != 0 }) else {
            throw Refusal(.unavailable, "The database cannot be read.", hint: "Try again.")
        }
        return try await database.read { rows in try self.inside { try body(rows) } }
    }
    func write<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T {
        let result = try await database.write { rows in try self.inside { try body(rows) } }
        state.withLock { state in state.readableFor = state.readableFor.map { max(0, $0 - 1) } }
        return result
    }
    func changes() -> AsyncStream<Void> { database.changes() }
    func forgetDeleted() async throws { try await database.forgetDeleted() }
    func backup(to path: String) async throws { try await database.backup(to: path) }
    func close() throws { try database.close() }
}
