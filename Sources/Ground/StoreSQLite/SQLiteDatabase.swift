import Foundation
import GRDB
import Store
import Wire

/// The embedded default: one SQLite file in WAL mode, written by one connection, read by several.
///
/// Durable: `synchronous=FULL`, so a commit returns after its fsync. `secure_delete` overwrites what is deleted, because a
/// destroyed data key must not linger in free pages.
package final class SQLiteDatabase: Store.Database {
    package let kind: String
    private let pool: DatabasePool
    private let commits = CommitFanout()

    /// Opens or makes the file (0600) and brings its schema up to date.
    package init(path: String, migrations: [Migration]) throws {
        kind = "SQLite \(path)"
        if !FileManager.default.fileExists(atPath: path) {
            guard FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
            else {
                throw Refusal(
                    .unavailable, "The database \(path) cannot be made.",
                    hint: "Check the owner and mode of its folder, and the free space.")
            }
        }
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = 4
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA synchronous = FULL")
            try database.execute(sql: "PRAGMA secure_delete = ON")
            try database.execute(sql: "PRAGMA wal_autocheckpoint = 10000")
            try database.execute(sql: "PRAGMA foreign_keys = ON")
        }
        do {
            pool = try DatabasePool(path: path, configuration: configuration)
            var migrator = DatabaseMigrator()
            for migration in migrations {
                migrator.registerMigration(migration.name) { database in
                    for sql in migration.statements {
                        try database.execute(sql: sql.replacingOccurrences(of: "BYTES", with: "BLOB"))
                    }
                }
            }
            try migrator.migrate(pool)
        } catch let error as DatabaseError {
            throw Self.refusal(error)
        }
    }

    package func read<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T {
        try await withoutActuallyEscaping(body) { body in
            do {
                return try await pool.read { try body(SQLiteRows($0)) }
            } catch let error as DatabaseError {
                throw Self.refusal(error)
            }
        }
    }

    package func write<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T {
        try await withoutActuallyEscaping(body) { body in
            do {
                let result = try await pool.write { try body(SQLiteRows($0)) }
                commits.signal()
                return result
            } catch let error as DatabaseError {
                throw Self.refusal(error)
            }
        }
    }

    /// Folds the write-ahead log into the file, where `secure_delete` has overwritten what is gone, and cuts it to nothing.
    package func forgetDeleted() async throws {
        do {
            _ = try await pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
        } catch let error as DatabaseError {
            throw Self.refusal(error)
        }
    }

    package func backup(to path: String) async throws {
        do {
            let copy = try DatabaseQueue(path: path)
            try pool.backup(to: copy)
            try copy.close()
        } catch let error as DatabaseError {
            throw Self.refusal(error)
        }
    }

    /// One home has one server, so this process's commits are all that there are.
    package func changes() -> AsyncStream<Void> { commits.listen() }

    package func close() throws {
        commits.close()
        try pool.close()
    }

    /// What went wrong, in words that an operator can act on; the statement and its values stay out of it.
    static func refusal(_ error: DatabaseError) -> Refusal {
        switch error.resultCode {
        case .SQLITE_FULL:
            Refusal(
                .unavailable, "The disk is full; nothing was changed.", hint: "Free space, then try again.",
                retryAfterSeconds: 30)
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            Refusal(
                .unavailable, "The database is locked by another program.",
                hint: "Stop what holds it (another `lifelong serve`, a shell) and try again.", retryAfterSeconds: 5)
        case .SQLITE_READONLY:
            Refusal(
                .unavailable, "The database cannot be written.", hint: "Check the owner and mode of the home folder.",
                retryAfterSeconds: 30)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            Refusal(
                .unavailable, "The database file is damaged.",
                hint: "Stop the server and run `lifelong restore` from a backup.")
        case .SQLITE_IOERR:
            Refusal(
                .unavailable, "The disk reported an error; nothing was changed.", hint: "Check the disk.",
                retryAfterSeconds: 30)
        case .SQLITE_CONSTRAINT:
            Refusal(.conflict, "The same thing is there already.", hint: "Read the present state and try again.")
        default:
            Refusal(
                .internal,
                "The database refused a statement (SQLite \(error.extendedResultCode.rawValue): \(error.message ?? "")).",
                hint: "Report this with the server's log.")
        }
    }
}

/// GRDB's connection as `Rows`.
private final class SQLiteRows: Rows {
    private let database: GRDB.Database
    private var savepoints = 0
    init(_ database: GRDB.Database) { self.database = database }

    func query(_ sql: String, _ arguments: [Value]) throws -> [Store.Row] {
        try translated {
            let statement = try database.cachedStatement(sql: sql)
            let names = statement.columnNames
            var rows: [Store.Row] = []
            let cursor = try GRDB.Row.fetchCursor(statement, arguments: bind(arguments))
            while let row = try cursor.next() {
                let values = names.indices.map { Self.value(row[$0] as DatabaseValue) }
                rows.append(Store.Row(columns: names, values: values))
            }
            return rows
        }
    }

    func execute(_ sql: String, _ arguments: [Value]) throws -> Int {
        try translated {
            try database.cachedStatement(sql: sql).execute(arguments: bind(arguments))
            return database.changesCount
        }
    }

    func later(_ sql: String, _ arguments: [Value], changing: Int) throws {
        guard try execute(sql, arguments) == changing else { throw Self.wasWrong }
    }

    func savepoint<T>(_ body: () throws -> T) throws -> T {
        savepoints += 1
        defer { savepoints -= 1 }
        let name = "s\(savepoints)"
        try translated { try database.execute(sql: "SAVEPOINT \(name)") }
        do {
            let result = try body()
            try translated { try database.execute(sql: "RELEASE \(name)") }
            return result
        } catch {
            // A full disk may have rolled everything back already; then there is no savepoint to return to.
            try? database.execute(sql: "ROLLBACK TO \(name)")
            try? database.execute(sql: "RELEASE \(name)")
            throw error
        }
    }

    private func translated<T>(_ body: () throws -> T) throws -> T {
        do { return try body() } catch let error as DatabaseError { throw SQLiteDatabase.refusal(error) }
    }

    private func bind(_ arguments: [Value]) -> StatementArguments {
        StatementArguments(
            arguments.map { value -> (any DatabaseValueConvertible)? in
                switch value {
                case .null: nil
                case .text(let text): text
                case .int(let int): int
                case .bytes(let bytes): Data(bytes)
                }
            })
    }

    private static func value(_ value: DatabaseValue) -> Value {
        switch value.storage {
        case .null: .null
        case .int64(let int): .int(int)
        case .double(let double): .int(Int64(double))
        case .string(let text): .text(text)
        case .blob(let data): .bytes(Array(data))
        }
    }
}
