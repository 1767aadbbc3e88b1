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
    /// The files that were opened; what lies at their paths later may be something else, or nothing.
    private let files: [OpenedFile]

    /// How long another program's lock is waited for.
    private static let busySeconds = 5.0

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
        try WriteAheadLog.demandWhole(path + "-wal")
        var configuration = Configuration()
        configuration.busyMode = .timeout(Self.busySeconds)
        configuration.maximumReaderCount = 4
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA secure_delete = ON")
            try database.execute(sql: "PRAGMA wal_autocheckpoint = 32000")
            try database.execute(sql: "PRAGMA foreign_keys = ON")
        }
        do {
            pool = try DatabasePool(path: path, configuration: configuration)
            // After the pool is made: GRDB sets NORMAL itself when it turns the write-ahead log on, after `prepareDatabase`.
            try pool.writeWithoutTransaction {
                try $0.execute(sql: "PRAGMA synchronous = FULL")
                // 32 MiB for the writer alone, whose pages a fleet's changes are spread over; SQLite's own 2 MiB read most anew.
                try $0.execute(sql: "PRAGMA cache_size = -32768")
            }
            var migrator = DatabaseMigrator()
            for migration in migrations {
                migrator.registerMigration(migration.name) { database in
                    for sql in migration.statements {
                        try database.execute(sql: sql.replacingOccurrences(of: "BYTES", with: "BLOB"))
                    }
                }
            }
            guard try !pool.read(migrator.hasBeenSuperseded) else {
                throw Refusal(
                    .unavailable, "The database was written by a newer Lifelong.",
                    hint: "Start that version, or a newer one.")
            }
            try migrator.migrate(pool)
        } catch let error as DatabaseError {
            throw Self.refusal(error)
        }
        files = [path, path + "-wal"].compactMap { OpenedFile($0) }
    }

    package func read<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T {
        try await withoutActuallyEscaping(body) { body in
            do {
                try files.forEach { try $0.demandInPlace() }
                return try await pool.read { try body(SQLiteRows($0)) }
            } catch let error as DatabaseError {
                throw Self.refusal(error)
            }
        }
    }

    package func write<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T {
        try await withoutActuallyEscaping(body) { body in
            do {
                try files.forEach { try $0.demandInPlace() }
                let result = try await pool.write { try body(SQLiteRows($0)) }
                // A commit into a file that nobody will find again is no commit.
                try files.forEach { try $0.demandInPlace() }
                commits.signal()
                return result
            } catch let error as DatabaseError {
                throw Self.refusal(error)
            }
        }
    }

    /// Folds the write-ahead log into the file, where `secure_delete` has overwritten what is gone, and cuts it to nothing.
    /// Never waits: a reader who began earlier (an audit, a check of a large file) may take minutes, and waiting for it here
    /// would hold up everybody's changes.
    package func forgetDeleted() async throws {
        do {
            try await pool.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA busy_timeout = 0")
                defer { try? database.execute(sql: "PRAGMA busy_timeout = \(Int(Self.busySeconds * 1000))") }
                _ = try database.checkpoint(.truncate)
            }
        } catch let error as DatabaseError where [.SQLITE_BUSY, .SQLITE_LOCKED].contains(error.resultCode) {
            throw Refusal(
                .conflict, "Somebody reads a state of the database from before.", hint: "Try again in a while.")
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

    /// SQLite's own check, page by page; whole also compares every index with its table.
    package func damage(
        quick: Bool, progress: @escaping @Sendable (_ done: Int64, _ all: Int64) -> Void
    ) async throws -> [String] {
        do {
            return try await pool.read { database in
                guard quick else { return try FileCheck.run(database, progress: progress) }
                return try String.fetchAll(database, sql: "PRAGMA quick_check(100)").filter { $0 != "ok" }
            }
        } catch let error as DatabaseError {
            return [Self.refusal(error).detail]
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
        case .SQLITE_CANTOPEN:
            Refusal(
                .unavailable, "The database file cannot be opened.",
                hint: "Check that it is there, its owner and its mode.", retryAfterSeconds: 30)
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
