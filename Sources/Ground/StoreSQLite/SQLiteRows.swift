import Foundation
import GRDB
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
            try makeSavepoints()
            try database.cachedStatement(sql: sql).execute(arguments: bind(arguments))
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
            if ended.isMade { try translated { try database.execute(sql: "RELEASE \(name)") } }
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
            try database.execute(sql: "SAVEPOINT s\(index + 1)")
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
