import GRDB
import GRDBSQLite
import Store
import Wire

/// GRDB's connection as `Rows`.
final class SQLiteRows: Rows {
    private let database: GRDB.Database
    /// Those that are open; made with the first statement that writes, so that a share that only reads costs nothing.
    private var savepoints: [(isMade: Bool, isDoomed: Bool)] = []

    init(_ database: GRDB.Database) { self.database = database }

    func query(_ sql: String, _ arguments: [Value]) throws -> [Store.Row] {
        try translated {
            if !sql.hasPrefix("SELECT") { try makeSavepoints() }
            let statement = try database.cachedStatement(sql: sql)
            let names = statement.columnNames
            let width = Int32(names.count)
            var rows: [Store.Row] = []
            try run(statement.sqliteStatement, arguments) { statement in
                rows.append(Store.Row(columns: names, values: (0..<width).map { statement.value(of: $0) }))
            }
            return rows
        }
    }

    func execute(_ sql: String, _ arguments: [Value]) throws -> Int {
        try translated {
            try makeSavepoints()
            try run(database.cachedStatement(sql: sql).sqliteStatement, arguments) { _ in }
            return database.changesCount
        }
    }

    func later(_ sql: String, _ arguments: [Value], changing: Int?) throws {
        let changed = try execute(sql, arguments)
        guard changing == nil || changing == changed else { throw Self.wasWrong }
    }

    func savepoint<T>(_ body: () throws -> T) throws -> T {
        savepoints.append((false, false))
        let name = "s\(savepoints.count)"
        do {
            let result = try body()
            let ended = savepoints.removeLast()
            if ended.isMade { try translated { try database.cachedStatement(sql: "RELEASE \(name)").execute() } }
            return result
        } catch {
            // A full disk may have rolled everything back already; then there is no savepoint to return to.
            if savepoints.removeLast().isMade {
                try? database.execute(sql: "ROLLBACK TO \(name)")
                try? database.execute(sql: "RELEASE \(name)")
            }
            throw error
        }
    }

    private func makeSavepoints() throws {
        for index in savepoints.indices where !savepoints[index].isMade {
            try database.cachedStatement(sql: "SAVEPOINT s\(index + 1)").execute()
            savepoints[index].isMade = true
        }
    }

    /// After a statement that was refused only leaving is possible, as in every other engine.
    private func translated<T>(_ body: () throws -> T) throws -> T {
        if let last = savepoints.last, last.isDoomed {
            throw Refusal(
                .internal, "A change went on after the database had refused a part of it.",
                hint: "Report this with the server's log.")
        }
        do {
            return try body()
        } catch let error as DatabaseError {
            if !savepoints.isEmpty { savepoints[savepoints.count - 1].isDoomed = true }
            throw SQLiteDatabase.refusal(error)
        }
    }

    /// Binds and runs with SQLite's own functions: the way through GRDB's values costs more than most statements.
    private func run(_ statement: OpaquePointer, _ arguments: [Value], _ row: (OpaquePointer) -> Void) throws {
        // A full disk may have ended the transaction; what came now would stand alone, and stay.
        guard sqlite3_get_autocommit(database.sqliteConnection) == 0 else {
            throw DatabaseError(resultCode: .SQLITE_ABORT, message: "the transaction has ended")
        }
        guard sqlite3_bind_parameter_count(statement) == Int32(arguments.count) else {
            throw DatabaseError(resultCode: .SQLITE_MISUSE, message: "wrong number of arguments")
        }
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        for (place, argument) in zip(Int32(1)..., arguments) {
            let code = statement.bind(argument, at: place)
            guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
        }
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW: row(statement)
            case SQLITE_DONE: return
            // Whoever waited for a read has gone.
            case SQLITE_INTERRUPT: throw CancellationError()
            default:
                throw DatabaseError(
                    resultCode: ResultCode(rawValue: sqlite3_extended_errcode(database.sqliteConnection)),
                    message: database.lastErrorMessage)
            }
        }
    }
}

extension OpaquePointer {
    /// Copies the value into the statement.
    fileprivate func bind(_ value: Value, at place: Int32) -> Int32 {
        // SQLITE_TRANSIENT, a macro that Swift does not see.
        let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        switch value {
        case .null: return sqlite3_bind_null(self, place)
        case .int(let int): return sqlite3_bind_int64(self, place, int)
        // Without an address there is NULL; an empty text or string of bytes is not.
        case .text(""): return sqlite3_bind_text(self, place, "", 0, copied)
        case .bytes([]): return sqlite3_bind_zeroblob(self, place, 0)
        case .text(var text):
            return text.withUTF8 { utf8 in
                utf8.withMemoryRebound(to: CChar.self) {
                    sqlite3_bind_text(self, place, $0.baseAddress, Int32(clamping: $0.count), copied)
                }
            }
        case .bytes(let bytes):
            return bytes.withUnsafeBytes {
                sqlite3_bind_blob(self, place, $0.baseAddress, Int32(clamping: $0.count), copied)
            }
        }
    }

    /// Of a column of the row at which the statement stands.
    fileprivate func value(of column: Int32) -> Value {
        switch sqlite3_column_type(self, column) {
        case SQLITE_INTEGER: return .int(sqlite3_column_int64(self, column))
        case SQLITE_FLOAT: return .int(Int64(sqlite3_column_double(self, column)))
        case SQLITE_TEXT:
            let start = sqlite3_column_text(self, column)
            let bytes = UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(self, column)))
            return .text(String(decoding: bytes, as: UTF8.self))
        case SQLITE_BLOB:
            let start = sqlite3_column_blob(self, column)
            return .bytes(Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(self, column)))))
        default: return .null
        }
    }
}
