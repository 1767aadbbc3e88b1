import Wire

/// A value of a column. Booleans are 0 and 1, instants are milliseconds (`Timestamp.milliseconds`).
package enum Value: Sendable, Hashable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByNilLiteral
{
    case null
    case text(String)
    case int(Int64)
    case bytes([UInt8])

    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int64) { self = .int(value) }
    package init(nilLiteral: ()) { self = .null }
    package init(_ value: String?) { self = value.map { .text($0) } ?? .null }
    package init(_ value: Int) { self = .int(Int64(value)) }
    package init(_ value: Timestamp) { self = .int(value.milliseconds) }
    package init(_ value: Timestamp?) { self = value.map { .int($0.milliseconds) } ?? .null }
    package init<Kind>(_ value: Identifier<Kind>) { self = .text(value.text) }
    package init<Kind>(_ value: Identifier<Kind>?) { self = value.map { .text($0.text) } ?? .null }
    package init(_ value: Digest) { self = .text(value.description) }
}

/// One row of an answer, read by column name.
package struct Row: Sendable {
    /// Shared by all rows of an answer.
    private let columns: [String]
    private let values: [Value]

    package init(columns: [String], values: [Value]) {
        self.columns = columns
        self.values = values
    }

    package subscript(_ column: String) -> Value {
        // An answer has few columns: comparing short names is quicker than hashing them.
        columns.firstIndex(of: column).map { values[$0] } ?? .null
    }

    package func optionalText(_ column: String) -> String? {
        if case .text(let text) = self[column] { return text }
        return nil
    }
    package func optionalInt(_ column: String) -> Int64? {
        if case .int(let int) = self[column] { return int }
        return nil
    }
    package func text(_ column: String) throws(Refusal) -> String {
        guard let text = optionalText(column) else { throw Self.damaged(column) }
        return text
    }
    package func int(_ column: String) throws(Refusal) -> Int {
        guard let int = optionalInt(column) else { throw Self.damaged(column) }
        return Int(int)
    }
    package func time(_ column: String) throws(Refusal) -> Timestamp {
        Timestamp(milliseconds: Int64(try int(column)))
    }
    package func optionalTime(_ column: String) -> Timestamp? {
        optionalInt(column).map { Timestamp(milliseconds: $0) }
    }
    package func bytes(_ column: String) throws(Refusal) -> [UInt8] {
        switch self[column] {
        case .bytes(let bytes): return bytes
        // SQLite gives an empty BLOB back as it was; a text column is never read as bytes.
        default: throw Self.damaged(column)
        }
    }
    package func id<Kind>(_ column: String, as kind: Kind.Type = Kind.self) throws(Refusal) -> Identifier<Kind> {
        guard let id = try optionalID(column, as: kind) else { throw Self.damaged(column) }
        return id
    }
    /// nil where there is nothing; what stands there and is no name is damage, and never believed.
    package func optionalID<Kind>(
        _ column: String, as kind: Kind.Type = Kind.self
    ) throws(Refusal) -> Identifier<Kind>? {
        guard self[column] != .null else { return nil }
        guard let text = optionalText(column), let id = try? Identifier<Kind>(text) else { throw Self.damaged(column) }
        return id
    }

    /// What to say of a value that nothing can be made of.
    package static func damaged(_ column: String) -> Refusal {
        Refusal(
            .internal, "The database gave no usable value for \"\(column)\".",
            hint: "Run `lifelong audit`; restore from the backup if it finds damage.")
    }
}

/// The rows that one transaction sees. Not Sendable and never kept: it lives as long as the closure that it is given to.
package protocol Rows: AnyObject {
    /// - Parameter sql: uses `$1`, `$2`, … in order of first appearance, each once; the SQL that both engines know.
    func query(_ sql: String, _ arguments: [Value]) throws -> [Row]

    /// Returns the number of rows that were changed.
    @discardableResult
    func execute(_ sql: String, _ arguments: [Value]) throws -> Int

    /// A statement whose answer nobody waits for: engines with a network send it along with the next that is waited for.
    /// That it changes exactly `changing` rows, if that is given, is
    /// seen to before the commit; otherwise nothing of the transaction stays.
    func later(_ sql: String, _ arguments: [Value], changing: Int?) throws

    /// Runs `body` so that, if it throws, its own changes are undone and those before it stay. After a statement that the
    /// engine refused nothing more can be done in it but leave.
    func savepoint<T>(_ body: () throws -> T) throws -> T

    /// SQL for the instant by the database's own clock, in milliseconds; NULL where that is this machine's.
    var clockSQL: String { get }
}

extension Rows {
    package var clockSQL: String { "NULL" }

    /// What `later` says when it changed something else than it had to.
    package static var wasWrong: Refusal {
        Refusal(
            .unavailable, "Another node changed the same thing; nothing was changed here.", hint: "Try again.",
            retryAfterSeconds: 1)
    }

    package func query(_ sql: String) throws -> [Row] { try query(sql, []) }
    package func first(_ sql: String, _ arguments: [Value] = []) throws -> Row? { try query(sql, arguments).first }
    package func count(_ sql: String, _ arguments: [Value] = []) throws -> Int {
        try query(sql, arguments).first?.int("n") ?? 0
    }
}

/// A database: two engines, one set of SQL.
///
/// Contract: `write` is one transaction, serialised with every other write of every node, and durable when it returns
/// (SQLite: synchronous=FULL; PostgreSQL: synchronous_commit=on); if `body` throws nothing of it stays. `read` sees one
/// consistent state. A full disk, a locked or lost database is a `Refusal` of code `unavailable`. A `body` may be run twice
/// if the connection was lost before its first answer; if it was lost after the commit was sent, the refusal says that it is
/// not known whether the change was stored.
package protocol Database: Sendable {
    /// What a person reads: "SQLite /home/…/lifelong.db".
    var kind: String { get }
    func read<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T
    func write<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T
    /// One element after commits of this node or any other; several may come as one, and an element may come for nothing.
    /// Says that something changed, never what: read the ledger on from the last index that was seen. A node that lost its
    /// connection hears nothing until it has it again, so what was remembered must also grow old by itself.
    func changes() -> AsyncStream<Void>
    /// Takes what was deleted out of the engine's own journals too, so that a destroyed key does not linger in a file.
    /// Refuses with `conflict` while readers hold on to it, without waiting for them; to be tried again.
    func forgetDeleted() async throws
    /// A consistent copy of the running database as a file.
    func backup(to path: String) async throws
    /// What is damaged in the database's own files, a sentence each; empty is good. Reads all of them unless it is `quick`,
    /// which leaves out whether indexes and rows agree.
    /// - Parameter progress: called with pages done and all pages, where the engine can tell; not if it is `quick`.
    func damage(quick: Bool, progress: @escaping @Sendable (_ done: Int64, _ all: Int64) -> Void) async throws
        -> [String]
    func close() throws
}

extension Database {
    /// An engine that checks its pages whenever it reads them has nothing to add.
    package func damage(
        quick: Bool, progress: @escaping @Sendable (_ done: Int64, _ all: Int64) -> Void
    ) async throws -> [String] { [] }

    package func damage(quick: Bool) async throws -> [String] { try await damage(quick: quick) { _, _ in } }
}

/// One step of the schema. Migrations only add; a step once released is never changed.
package struct Migration: Sendable {
    package let name: String
    /// Statements in the SQL of both engines; `BYTES` stands for the engine's type of byte strings.
    package let statements: [String]
    package init(_ name: String, _ statements: [String]) {
        self.name = name
        self.statements = statements
    }
}
