import Store
import Wire

/// Brings the schema up to date: in one transaction and under the lock of all writers, so that several nodes can start at once.
/// A large database takes its time, and so may the node that comes second.
enum Migrator {
    static func run(_ migrations: [Migration], on session: Session) throws(SessionTrouble) {
        try session.send("SET lock_timeout = 0", once: true)
        for (sql, arguments) in SessionSettings.writing { try session.send(sql, arguments, once: true) }
        try session.send(
            "CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, at TIMESTAMPTZ NOT NULL)", once: true)
        try session.send("SELECT name FROM migration", once: true)
        let done = Set(try session.settle().rows.compactMap { $0.optionalText("name") })
        guard done.isSubset(of: migrations.map(\.name)) else {
            throw SessionTrouble(state: SessionTrouble.newer, message: "")
        }
        for migration in migrations where !done.contains(migration.name) {
            for sql in migration.statements { try session.send(translated(sql), once: true) }
            try session.send("INSERT INTO migration (name, at) VALUES ($1, now())", [.text(migration.name)], once: true)
        }
        guard try session.commit() else { throw .lost("the schema's commit was not confirmed") }
    }

    /// Integers have 64 bits and texts are compared byte by byte, as in SQLite and whatever the database's own collation is.
    private static func translated(_ sql: String) -> String {
        sql.replacing(/\bBYTES\b/, with: "BYTEA").replacing(/\bTEXT\b/, with: "TEXT COLLATE \"C\"")
            .replacing(/\bINTEGER\b/, with: "BIGINT")
    }
}
