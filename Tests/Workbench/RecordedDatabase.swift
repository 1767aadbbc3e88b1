import Store
import Wire

/// A database that remembers every statement that was asked of it, each once, with the arguments of the first time.
package final class RecordedDatabase: Database {
    private let base: any Database
    private let all = Locked<[String: [Value]]>([:])

    package init(_ base: any Database) { self.base = base }

    package var statements: [String: [Value]] { all.withLock { $0 } }
    package func forget() { all.withLock { $0 = [:] } }

    package var kind: String { base.kind }
    package func read<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T {
        try await base.read { try body(RecordedRows($0, self)) }
    }
    package func write<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T {
        try await base.write { try body(RecordedRows($0, self)) }
    }
    package func changes() -> AsyncStream<Void> { base.changes() }
    package func forgetDeleted() async throws { try await base.forgetDeleted() }
    package func backup(to path: String) async throws { try await base.backup(to: path) }
    package func damage(
        quick: Bool, progress: @escaping @Sendable (_ done: Int64, _ all: Int64) -> Void
    ) async throws -> [String] { try await base.damage(quick: quick, progress: progress) }
    package func close() throws { try base.close() }

    fileprivate func note(_ sql: String, _ arguments: [Value]) {
        all.withLock { $0[sql] = $0[sql] ?? arguments }
    }
}

private final class RecordedRows: Rows {
    private let base: any Rows
    private let recorder: RecordedDatabase

    init(_ base: any Rows, _ recorder: RecordedDatabase) {
        self.base = base
        self.recorder = recorder
    }

    func query(_ sql: String, _ arguments: [Value]) throws -> [Row] {
        recorder.note(sql, arguments)
        return try base.query(sql, arguments)
    }
    func execute(_ sql: String, _ arguments: [Value]) throws -> Int {
        recorder.note(sql, arguments)
        return try base.execute(sql, arguments)
    }
    func later(_ sql: String, _ arguments: [Value], changing: Int?) throws {
        recorder.note(sql, arguments)
        try base.later(sql, arguments, changing: changing)
    }
    func savepoint<T>(_ body: () throws -> T) throws -> T { try base.savepoint(body) }
    var clockSQL: String { base.clockSQL }
}
