import Foundation
import Store
import Testing
import Wire
import Workbench

/// What `Database` promises, asked of the engine that the suite runs on; scripts/test.sh asks both.
@Suite struct `A database` {
    private static let migrations = [
        Migration(
            "1 things",
            [
                """
                CREATE TABLE thing (id BIGINT PRIMARY KEY, name TEXT UNIQUE, bytes BYTES, number INTEGER, note TEXT)
                """,
                "INSERT INTO thing (id, name) VALUES (0, 'first')",
            ]),
        Migration("2 more", ["CREATE INDEX thing_number ON thing (number, id)"]),
    ]
    private static let insert = "INSERT INTO thing (id, name, bytes, number) VALUES ($1, $2, $3, $4)"

    private let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "/lifelong-store-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func open() async throws -> any Database {
        try await BenchEngine.open(in: folder, migrations: Self.migrations)
    }

    private func names(_ rows: any Rows) throws -> [String] {
        try rows.query("SELECT name FROM thing ORDER BY id").map { try $0.text("name") }
    }

    /// Whatever is thrown inside of a transaction, whose rows a macro must not carry about.
    private func refused(_ body: () throws -> Void) -> Bool {
        do { try body() } catch { return true }
        return false
    }

    private func code(_ body: () async throws -> Void) async -> Refusal.Code? {
        do { try await body() } catch { return (error as? Refusal)?.code }
        return nil
    }

    @Test func `gives every kind of value back as it was, also the empty, the large and the least`() async throws {
        let database = try await open()
        let large = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let values: [[Value]] = [
            [1, "Zoë ’s 鍵 🔑", .bytes([0, 1, 255]), .int(.max)], [2, "", .bytes([]), .int(.min)], [3, nil, nil, nil],
            [4, "large", .bytes(large), 0],
        ]
        let note = String(repeating: "ü", count: 200_000)
        try await database.write { rows in
            for row in values { try rows.execute(Self.insert, row) }
            try rows.execute("UPDATE thing SET note = $1 WHERE id = $2", [.text(note), 4])
        }
        let found = try await database.read { rows in
            try rows.query("SELECT id, name, bytes, number FROM thing WHERE id > $1 ORDER BY id", [0]).map { row in
                ["id", "name", "bytes", "number"].map { row[$0] }
            }
        }
        #expect(found == values)
        #expect(try await database.read { try $0.first("SELECT note FROM thing WHERE id = 4") }?.text("note") == note)
        let sums = try await database.read { rows in
            try rows.first("SELECT COUNT(*) AS n, MAX(id) AS most, SUM(id) AS sum, MIN(name) AS least FROM thing")
        }
        #expect(sums?.optionalInt("n") == 5 && sums?.optionalInt("most") == 4 && sums?.optionalInt("sum") == 10)
        #expect(sums?.optionalText("least") == "" && sums?["missing"] == .null)
        try database.close()
    }

    @Test func `orders texts byte by byte`() async throws {
        let database = try await open()
        let names = ["a", "B", "_", "-b", "é", "Z", "a b", "ab"]
        try await database.write { rows in
            for (number, name) in names.enumerated() {
                try rows.execute(Self.insert, [Value(number + 1), .text(name), nil, nil])
            }
        }
        let found = try await database.read { rows in
            try rows.query("SELECT name FROM thing WHERE id > 0 ORDER BY name").map { try $0.text("name") }
        }
        #expect(found == names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) })
        try database.close()
    }

    @Test func `counts what a statement changed`() async throws {
        let database = try await open()
        let counts = try await database.write { rows in
            let sql = "INSERT INTO thing (id, name) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING"
            return [
                try rows.execute(sql, [1, "one"]), try rows.execute(sql, [1, "one"]),
                try rows.execute("UPDATE thing SET number = $1", [7]),
                try rows.execute("UPDATE thing SET number = $1 WHERE number = $2", [7, 8]),
                try rows.execute("DELETE FROM thing WHERE id = $1", [1]),
            ]
        }
        #expect(counts == [1, 0, 2, 0, 1])
        try database.close()
    }

    @Test func `keeps nothing of a write that throws`() async throws {
        let database = try await open()
        let refusal = Refusal(.forbidden, "no", hint: "Ask.")
        await #expect(throws: refusal) {
            try await database.write { rows in
                try rows.execute(Self.insert, [1, "one", nil, nil])
                try rows.later(Self.insert, [2, "two", nil, nil], changing: 1)
                throw refusal
            }
        }
        #expect(try await database.read { try names($0) } == ["first"])
        // And it goes on.
        try await database.write { _ = try $0.execute(Self.insert, [1, "one", nil, nil]) }
        #expect(try await database.read { try names($0) } == ["first", "one"])
        try database.close()
    }

    @Test func `undoes a savepoint's share and no more, nested, refused by us or by the engine`() async throws {
        let database = try await open()
        let refusal = Refusal(.forbidden, "no", hint: "Ask.")
        let (isRefused, seen) = try await database.write { rows in
            try rows.execute(Self.insert, [1, "one", nil, nil])
            try rows.savepoint { _ = try rows.query("SELECT id FROM thing") }
            let ours = refused {
                try rows.savepoint {
                    try rows.later(Self.insert, [2, "two", nil, nil], changing: 1)
                    try rows.savepoint { _ = try rows.execute(Self.insert, [3, "three", nil, nil]) }
                    throw refusal
                }
            }
            let engines = refused {
                try rows.savepoint {
                    try rows.execute(Self.insert, [4, "four", nil, nil])
                    try rows.execute(Self.insert, [5, "one", nil, nil])
                }
            }
            var inner = false
            try rows.savepoint {
                try rows.execute(Self.insert, [6, "six", nil, nil])
                inner = refused {
                    try rows.savepoint {
                        try rows.later(Self.insert, [7, "seven", nil, nil], changing: 1)
                        throw refusal
                    }
                }
            }
            return (ours && engines && inner, try names(rows))
        }
        #expect(isRefused && seen == ["first", "one", "six"])
        #expect(try await database.read { try names($0) } == ["first", "one", "six"])
        try database.close()
    }

    @Test func `does nothing more in a savepoint in which it refused something`() async throws {
        let database = try await open()
        let isRefused = try await database.write { rows in
            let isRefused = refused {
                try rows.savepoint {
                    _ = try? rows.execute(Self.insert, [0, "again", nil, nil])
                    try rows.execute(Self.insert, [1, "one", nil, nil])
                }
            }
            try rows.execute(Self.insert, [2, "two", nil, nil])
            return isRefused
        }
        #expect(isRefused)
        #expect(try await database.read { try names($0) } == ["first", "two"])
        try database.close()
    }

    @Test func `keeps nothing if what was sent along changed something else than it had to`() async throws {
        let database = try await open()
        let sql = "UPDATE thing SET name = $1 WHERE id = $2"
        #expect(
            await code {
                try await database.write { rows in
                    try rows.execute(Self.insert, [1, "one", nil, nil])
                    try rows.later(sql, ["changed", 99], changing: 1)
                }
            } == .unavailable)
        #expect(try await database.read { try names($0) } == ["first"])
        let seen = try await database.write { rows in
            try rows.later(sql, ["changed", 0], changing: 1)
            try rows.later(sql, ["changed", 99], changing: nil)
            return try names(rows)
        }
        // Whoever reads sees what was sent before.
        #expect(seen == ["changed"])
        try database.close()
    }

    @Test func `says conflict where the same is there already, and malformed of a text that cannot be one`()
        async throws
    {
        let database = try await open()
        for row in [[0, "other", nil, nil], [9, "first", nil, nil]] as [[Value]] {
            #expect(await code { try await database.write { _ = try $0.execute(Self.insert, row) } } == .conflict)
        }
        let wrong = await code { try await database.write { _ = try $0.execute("INSERT INTO nothing VALUES (1)", []) } }
        #expect(wrong == .internal)
        #expect(await code { _ = try await database.read { try $0.query("SELECT 1 FROM nothing") } } == .internal)
        #expect(try await database.read { try names($0) } == ["first"])
        try database.close()
    }

    @Test func `serialises writers and lets readers see one state`() async throws {
        let database = try await open()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...60 {
                group.addTask {
                    try await database.write { rows in
                        let next = try rows.count("SELECT COUNT(*) AS n FROM thing")
                        try rows.execute(Self.insert, [Value(next), .text("n\(number)"), nil, nil])
                        try rows.execute("UPDATE thing SET number = $1", [Value(next)])
                    }
                }
                group.addTask {
                    let (first, second, numbers) = try await database.read { rows in
                        let first = try rows.count("SELECT COUNT(*) AS n FROM thing")
                        let numbers = Set(try rows.query("SELECT number FROM thing").map { $0["number"] })
                        return (first, try rows.count("SELECT COUNT(*) AS n FROM thing"), numbers)
                    }
                    // Every write gives all rows the same number: a mixture was never committed.
                    #expect(first == second && numbers.count == 1)
                }
            }
            try await group.waitForAll()
        }
        #expect(try await database.read { try $0.first("SELECT MAX(id) AS id FROM thing") }?.optionalInt("id") == 60)
        try database.close()
    }

    @Test func `tells whoever listens that something was committed`() async throws {
        let database = try await open()
        let heard = Locked(0)
        let listener = Task {
            for await _ in database.changes() { heard.withLock { $0 += 1 } }
        }
        // A listener that begins late hears the next commit.
        for number in 1...1000 where heard.withLock({ $0 }) < 2 {
            try await database.write { _ = try $0.execute(Self.insert, [Value(number), nil, nil, nil]) }
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(heard.withLock { $0 } >= 2)
        try database.close()
        await listener.value
    }

    @Test func `is brought up to date once, keeps what it has, and is not opened by an older program`() async throws {
        if BenchEngine.isPostgreSQL {
            let setting = try await BenchEngine.makeSchema()
            // Several nodes that start at once.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask { try BenchEngine.open(setting, migrations: Self.migrations).close() }
                }
                try await group.waitForAll()
            }
            let database = try BenchEngine.open(setting, migrations: Self.migrations)
            #expect(try await database.read { try names($0) } == ["first"])
            try database.close()
            #expect(await code { _ = try BenchEngine.open(setting, migrations: [Self.migrations[0]]) } == .unavailable)
        } else {
            for _ in 0..<2 {
                let database = try await open()
                #expect(try await database.read { try names($0) } == ["first"])
                try database.close()
            }
            #expect(
                await code { _ = try await BenchEngine.open(in: folder, migrations: [Self.migrations[0]]) }
                    == .unavailable)
        }
    }
}
