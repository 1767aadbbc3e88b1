import Foundation
import Passport
import Registry
import Store
import StorePostgreSQL
import Testing
import Wire
import Workbench

/// What only a database with a network in between can do to us.
@Suite(.enabled(if: BenchEngine.isPostgreSQL, "needs LIFELONG_TEST_DATABASE: scripts/test.sh runs it on PostgreSQL"))
struct `A lost connection` {
    private static let migrations = [Migration("1", ["CREATE TABLE thing (id BIGINT PRIMARY KEY)"])]
    private static let insert = "INSERT INTO thing (id) VALUES ($1)"

    /// Ends all sessions of the schema but the asker's, as a fail-over does.
    private func cut(_ database: any Database, with other: any Database) async throws {
        try await other.write { rows in
            _ = try rows.query(
                """
                SELECT pg_terminate_backend(pid) AS gone FROM pg_stat_activity
                WHERE application_name = $1 AND pid <> pg_backend_pid()
                """, [.text(Self.name)])
        }
    }

    private static let name = "cut-\(ProcessInfo.processInfo.processIdentifier)"

    private func open() async throws -> (database: any Database, other: any Database, setting: String) {
        let setting = try await BenchEngine.makeSchema()
        let other = try BenchEngine.open(setting, migrations: Self.migrations)
        return (
            try BenchEngine.open("\(setting) application_name=\(Self.name)", migrations: Self.migrations), other,
            setting
        )
    }

    private func ids(_ database: any Database) async throws -> [Int] {
        try await database.read { try $0.query("SELECT id FROM thing ORDER BY id").map { try $0.int("id") } }
    }

    @Test func `of another node is counted while it is open`() async throws {
        let (database, other, setting) = try await open()
        let named = "\(setting) application_name=\(Self.name)-x"
        #expect(try await Neighbours.count(on: named, migrations: Self.migrations) == 0)
        let node = try BenchEngine.open(named, migrations: Self.migrations)
        _ = try await ids(node)
        #expect(try await Neighbours.count(on: named, migrations: Self.migrations) > 0)
        try node.close()
        try other.close()
        try database.close()
        // The server takes a moment to notice that a connection ended.
        for _ in 0..<200 where try await Neighbours.count(on: named, migrations: Self.migrations) > 0 {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(try await Neighbours.count(on: named, migrations: Self.migrations) == 0)
    }

    @Test func `is not what a long migration, or one that waits for another node, is taken for`() async throws {
        let setting = try await BenchEngine.makeSchema()
        var plan = try ConnectionPlan(setting)
        plan.patienceSeconds = 1
        let slow = Self.migrations + [Migration("2", ["SELECT pg_sleep(2)"])]
        let database = try PostgreSQLDatabase(plan, migrations: slow)
        try await database.write { _ = try $0.execute(Self.insert, [1]) }
        #expect(try await ids(database) == [1])
        // What is not known to take long is given up.
        await #expect { try await database.read { _ = try $0.query("SELECT pg_sleep(2)") } } throws: {
            ($0 as? Refusal)?.code == .unavailable
        }
        try database.close()
    }

    @Test func `is not made of an answer that cannot be read, and the next answer is its own`() async throws {
        let (database, other, _) = try await open()
        for number in 1...3 {
            await #expect(throws: Refusal.self) {
                try await database.read { _ = try $0.query("SELECT CAST(1e30 AS NUMERIC) AS n, pg_sleep(0)") }
            }
            #expect(try await database.read { try $0.count("SELECT \(number) AS n") } == number)
        }
        try database.close()
        try other.close()
    }

    @Test func `or a second node leaves the cleaning of the files to the first`() async throws {
        let setting = try await BenchEngine.makeSchema()
        let (database, other) = (try BenchEngine.open(setting), try BenchEngine.open(setting))
        // The lock of whoever cleans, as `SessionSettings.cleaning` takes it.
        func holder(_ call: String) async throws {
            try await other.write { rows in
                _ = try rows.query("SELECT \(call)(\(0x6c69_6666), hashtext(current_schema())) AS held")
            }
        }
        try await holder("pg_try_advisory_lock")
        await #expect { try await database.forgetDeleted() } throws: { ($0 as? Refusal)?.code == .conflict }
        try await holder("pg_advisory_unlock")
        try await database.forgetDeleted()
        for each in [database, other] { try each.close() }
    }

    @Test func `between two uses is not noticed`() async throws {
        let (database, other, _) = try await open()
        for number in 1...3 {
            try await database.write { _ = try $0.execute(Self.insert, [Value(number)]) }
            #expect(try await ids(database).count == number)
            try await cut(database, with: other)
        }
        #expect(try await ids(database) == [1, 2, 3])
        try database.close()
        try other.close()
    }

    @Test func `in the middle of a change fails it, keeps nothing of it, and the next one goes on`() async throws {
        let (database, other, setting) = try await open()
        let helper = try BenchEngine.open(setting, migrations: Self.migrations)
        await #expect {
            try await database.write { rows in
                try rows.execute(Self.insert, [1])
                // The same thread waits here for somebody else to cut the line.
                let done = DispatchSemaphore(value: 0)
                Task.detached {
                    _ = try await helper.read { rows in
                        try rows.query(
                            """
                            SELECT pg_terminate_backend(pid) AS gone FROM pg_stat_activity WHERE application_name = $1
                            """, [.text(Self.name)])
                    }
                    done.signal()
                }
                done.wait()
                try rows.execute(Self.insert, [2])
            }
        } throws: { ($0 as? Refusal)?.code == .unavailable && ($0 as? Refusal)?.retryAfterSeconds != nil }
        #expect(try await ids(database).isEmpty)
        try await database.write { _ = try $0.execute(Self.insert, [3]) }
        #expect(try await ids(database) == [3])
        for each in [database, other, helper] { try each.close() }
    }

    @Test func `whose commit was never answered is told as not known`() async throws {
        let (database, other, _) = try await open()
        try await other.write { rows in
            // The server ends the session where the commit runs: after the change, before the answer.
            try rows.execute(
                """
                CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$
                """, [])
            try rows.execute(
                """
                CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON thing DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION cut()
                """, [])
        }
        await #expect { try await database.write { _ = try $0.execute(Self.insert, [1]) } } throws: { error in
            let refusal = error as? Refusal
            return refusal?.code == .unavailable && refusal?.detail.contains("unknown") == true
                && refusal?.hint.contains("before you try again") == true
        }
        try await other.write { _ = try $0.execute("DROP TRIGGER cut ON thing", []) }
        try await database.write { _ = try $0.execute(Self.insert, [2]) }
        #expect(try await ids(database).last == 2)
        try database.close()
        try other.close()
    }

    @Test func `is told with what to do, and never with a password`() async throws {
        let server = try #require(BenchEngine.server)
        for (setting, words) in [
            ("\(server) password=hunter2", "holds a password"),
            ("postgresql://u:hunter2@127.0.0.1/x", "holds a password"),
            ("postgresql:hunter2", "not a PostgreSQL connection string"),
            ("\(server) dbname=nowhere", "does not exist"), ("\(server) user=nobody", "(28000)"),
            ("postgresql:host=/nowhere dbname=x user=x", "cannot be reached"),
            ("\(server) options='-c search_path=nowhere'", "does not exist"),
        ] {
            #expect {
                _ = try PostgreSQLDatabase(ConnectionPlan(setting), migrations: Self.migrations)
            } throws: { error in
                let refusal = error as? Refusal
                return refusal?.detail.contains(words) == true && refusal?.hint.isEmpty == false
                    && "\(error)".contains("hunter2") == false
            }
        }
    }

    @Test func `leaves no gap and no doubled entry in the ledger, and nobody is told yes for nothing`() async throws {
        let setting = try await BenchEngine.makeSchema()
        let database = try BenchEngine.open("\(setting) application_name=\(Self.name)")
        let other = try BenchEngine.open(setting)
        let counting = try await CountingHouse(on: database)
        let cutter = Task {
            while !Task.isCancelled {
                try await cut(database, with: other)
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        let answered = await withTaskGroup(of: [String].self) { group in
            for worker in 0..<20 {
                group.addTask {
                    var kept: [String] = []
                    for number in 0..<30 {
                        let name = "p\(worker)-\(number)"
                        do {
                            _ = try await counting.house.change(as: .system) {
                                try $0.record(.tokenRevoked(person: .init(trusted: name)))
                            }
                            kept.append(name)
                        } catch {
                            #expect((error as? Refusal)?.code == .unavailable, "\(error)")
                        }
                    }
                    return kept
                }
            }
            return await group.reduce([]) { $0 + $1 }
        }
        cutter.cancel()
        _ = await cutter.result
        let entries = try await other.read { rows in
            try rows.query("SELECT entry FROM ledger ORDER BY idx").map {
                String(decoding: try $0.bytes("entry"), as: UTF8.self)
            }
        }
        #expect(!answered.isEmpty)
        for name in answered {
            let found = entries.count { $0.contains("\"\(name)\"") }
            #expect(found == 1, "\(name) stands \(found) times in the ledger")
        }
        #expect(try await Audit.run(other).findings.isEmpty)
        try other.close()
    }
}
