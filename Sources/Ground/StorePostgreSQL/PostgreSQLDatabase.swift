import Store
import Wire

/// PostgreSQL 15 or newer: the store that several nodes share.
///
/// Writes go through one connection, each under an advisory lock that all nodes take, so that there is one order; the lock
/// travels in the round trip of the first statement and costs no other. Reads go through a few connections of their own, on
/// the same server, so that what was answered is seen. A connection that is lost is made again, without a restart.
package final class PostgreSQLDatabase: Database {
    package var kind: String { plan.name }
    private let plan: ConnectionPlan
    private let writer: Lane
    private let readers: Lanes
    private let listener: Listener

    private static let readerCount = 4

    /// Connects, and brings the schema up to date.
    package init(_ plan: ConnectionPlan, migrations: [Migration]) throws {
        self.plan = plan
        do throws(SessionTrouble) {
            try Migrator.run(migrations, on: SessionSettings.open(plan, patience: Session.unhurried))
        } catch {
            throw error.refusal
        }
        writer = Lane(plan)
        readers = Lanes(plan, count: Self.readerCount)
        listener = Listener(plan)
    }

    package func read<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T {
        let lane = await readers.take()
        do {
            let result = try await lane.read(body)
            await readers.giveBack(lane)
            return result
        } catch {
            await readers.giveBack(lane)
            throw error
        }
    }

    package func write<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T {
        try await writer.write(body)
    }

    package func changes() -> AsyncStream<Void> { listener.listen() }

    /// Frees what deleted rows left in the tables that hold a tenure's secrets. PostgreSQL writes over the freed space when
    /// it needs it, and its write-ahead log, replicas and backups keep older states for as long as they are kept:
    /// docs/operating.md says what an operator has to bound.
    ///
    /// One node at a time, and with all the time that large tables take.
    package func forgetDeleted() async throws {
        try await Lane(plan, patience: Session.unhurried).run(
            ["tenure", "configuration", "device", "contact", "device_log", "stock_client"].map { "VACUUM \($0)" },
            holding: SessionSettings.cleaning)
    }

    package func backup(to path: String) async throws { try await Dump(plan).write(to: path) }

    package func close() throws {
        listener.close()
        let (writer, readers) = (writer, readers)
        Task {
            await writer.close()
            await readers.close()
        }
    }
}

/// What each session is told when it opens, and what stands at the beginning and end of a transaction.
enum SessionSettings {
    static let reading: [(sql: String, arguments: [Value])] = [
        ("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", [])
    ]
    /// The lock is held until the commit or until the session ends; one for each schema. READ COMMITTED, so that what
    /// comes after it sees what its last holder committed.
    static let writing: [(sql: String, arguments: [Value])] = [
        ("BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE", []),
        ("SELECT pg_advisory_xact_lock(\(lock), hashtext(current_schema()))", []),
    ]
    /// Of whoever cleans the files, until its session ends; says whether it was free.
    static let cleaning = "SELECT pg_try_advisory_lock(\(lock + 1), hashtext(current_schema())) AS free"
    /// "life" in ASCII.
    private static let lock = 0x6c69_6665
    static let channel = "lifelong"
    static let notify = "SELECT pg_notify('\(channel)', current_schema())"

    /// A session that is fit for use, or a refusal that says what to change.
    static func open(_ plan: ConnectionPlan, patience: Int32? = nil) throws(SessionTrouble) -> Session {
        let session = try Session(plan, patience: patience)
        // A commit that is only promised is none. A node that was stopped inside a transaction must not hold the lock.
        try session.send(
            """
            SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')
                WHEN 'off' THEN 'on' WHEN 'local' THEN 'on' ELSE current_setting('synchronous_commit') END, false),
                set_config('lock_timeout', '10s', false),
                set_config('idle_in_transaction_session_timeout', '10s', false),
                current_setting('fsync') AS fsync, current_setting('server_encoding') AS encoding,
                current_schema() AS schema
            """, once: true)
        guard let row = try session.settle().rows.first else { throw .lost("no settings") }
        guard row.optionalText("schema") != nil else { throw SessionTrouble(state: "3F000", message: "no schema") }
        guard row.optionalText("fsync") == "on" else {
            throw SessionTrouble(state: SessionTrouble.notDurable, message: "")
        }
        guard row.optionalText("encoding") == "UTF8" else {
            throw SessionTrouble(state: SessionTrouble.notUTF8, message: "")
        }
        return session
    }
}
