import Foundation
import GRDB
import Store
import StoreSQLite
import Testing
import Wire
import Workbench

/// The check of an SQLite file table by table, against SQLite's own of the whole.
@Suite struct `A damaged SQLite file` {

    private final class Place: Sendable {
        static let pageSize = 4096
        let folder = NSTemporaryDirectory() + "/lifelong-check-\(UUID().uuidString)"
        var path: String { folder + "/lifelong.db" }
        init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }
        deinit { try? FileManager.default.removeItem(atPath: folder) }

        /// Opening writes, too: whoever looks gets a copy, and what was edited stays as it is.
        private func copy() throws -> Place {
            let copy = try Place()
            try FileManager.default.copyItem(atPath: path, toPath: copy.path)
            return copy
        }

        func open() throws -> SQLiteDatabase {
            let columns = "(id TEXT PRIMARY KEY, owner TEXT NOT NULL, body TEXT NOT NULL)"
            return try SQLiteDatabase(
                path: path,
                migrations: [
                    Migration(
                        "1",
                        ["thing", "other"].flatMap {
                            ["CREATE TABLE \($0) \(columns)", "CREATE INDEX \($0)_owner ON \($0) (owner)"]
                        } + ["CREATE TABLE gone \(columns)"])
                ])
        }

        /// Both tables with some hundred pages and an overflowing row, and pages that are free.
        func fill() async throws {
            let database = try open()
            try await database.write { rows in
                for table in ["thing", "other", "gone"] {
                    for number in 0..<(table == "gone" ? 200 : 1500) {
                        try rows.execute(
                            "INSERT INTO \(table) (id, owner, body) VALUES ($1, $2, $3)",
                            [
                                .text("\(table)-\(number)"), .text("owner-\(number % 37)"),
                                .text(String(repeating: "x", count: number == 7 ? 20_000 : 120)),
                            ])
                    }
                }
                try rows.execute("DELETE FROM gone WHERE id > $1", ["gone-1"])
            }
            try await database.forgetDeleted()
            try database.close()
        }

        /// What SQLite says by itself, line by line.
        func whole() throws -> Set<String> {
            do {
                let copy = try copy()
                let queue = try DatabaseQueue(path: copy.path)
                defer { try? queue.close() }
                return try queue.read { lines(try String.fetchAll($0, sql: "PRAGMA integrity_check(100)")) }
            } catch { return ["unreadable"] }
        }

        func ours() async throws -> Set<String> {
            do {
                let copy = try copy()
                let database = try copy.open()
                defer { try? database.close() }
                return lines(try await database.damage(quick: false))
            } catch { return ["unreadable"] }
        }

        private func lines(_ findings: [String]) -> Set<String> {
            let lines = findings.filter { $0 != "ok" }.flatMap { $0.split(separator: "\n").map(String.init) }
            return lines.contains { $0.contains("damaged") || $0.contains("malformed") } ? ["unreadable"] : Set(lines)
        }

        func sql(_ sql: String) throws {
            let queue = try DatabaseQueue(path: path)
            try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
            try queue.close()
        }

        /// Page numbers of a table or an index, of that type in SQLite's map.
        func pages(of name: String, _ type: String) throws -> [Int] {
            let queue = try DatabaseQueue(path: path)
            defer { try? queue.close() }
            return try queue.read {
                try Int.fetchAll(
                    $0, sql: "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ? ORDER BY pageno",
                    arguments: [name, type])
            }
        }

        func edit(_ page: Int, _ change: (inout [UInt8]) -> Void) throws {
            let file = try #require(FileHandle(forUpdatingAtPath: path))
            let offset = UInt64((page - 1) * Self.pageSize)
            try file.seek(toOffset: offset)
            var bytes = [UInt8](try file.read(upToCount: Self.pageSize) ?? Data())
            change(&bytes)
            try file.seek(toOffset: offset)
            try file.write(contentsOf: Data(bytes))
            try file.close()
        }
    }

    private func place() async throws -> Place {
        let origin = try Place()
        try await origin.fill()
        return origin
    }

    @Test func `that is whole has no findings, and says how far the check is`() async throws {
        let place = try await place()
        #expect(try place.whole() == [])
        let seen = Locked<[[Int64]]>([])
        let database = try place.open()
        #expect(
            try await database.damage(quick: false) { done, all in seen.withLock { $0.append([done, all]) } } == [])
        try database.close()
        let steps = seen.withLock { $0 }
        // The schema, three tables, the table of migrations, and the end.
        #expect(steps.count == 6 && steps.first?[0] == 0 && steps.last?[0] == steps.last?[1])
        #expect(steps.map { $0[0] } == steps.map { $0[0] }.sorted() && steps.allSatisfy { $0[1] > 100 })
    }

    @Test(arguments: ["thing_owner", "sqlite_autoindex_thing_1", "other", "thing"])
    func `is found out as by the whole check, whichever byte of its cells is wrong`(_ name: String) async throws {
        let place = try await place()
        let pages = try place.pages(of: name, "leaf")
        #expect(pages.count > 3)
        var found = 0
        for (round, page) in pages.prefix(6).enumerated() {
            // In the content, in the list of cells, in the page's own head.
            for at in [Place.pageSize - 20 - round * 7, 10 + round * 2, round] {
                var before: UInt8 = 0
                try place.edit(page) {
                    before = $0[at]
                    $0[at] ^= 0x15
                }
                let whole = try place.whole()
                #expect(try await place.ours() == whole, "byte \(at) of page \(page)")
                found += whole.isEmpty ? 0 : 1
                try place.edit(page) { $0[at] = before }
            }
        }
        #expect(found > 4)
        #expect(try await place.ours() == [])
    }

    @Test func `is found out if a page is used twice, lost, or both free and used`() async throws {
        let place = try await place()
        // Two tables that share a page: the right-most child of one root is the other's.
        let (thing, other) = (try place.pages(of: "thing", "internal")[0], try place.pages(of: "other", "internal")[0])
        var child: [UInt8] = []
        try place.edit(thing) { child = Array($0[8..<12]) }
        var before: [UInt8] = []
        try place.edit(other) {
            before = Array($0[8..<12])
            $0.replaceSubrange(8..<12, with: child)
        }
        var whole = try place.whole()
        #expect(!whole.isEmpty)
        #expect(try await place.ours() == whole)
        try place.edit(other) { $0.replaceSubrange(8..<12, with: before) }
        // The list of free pages forgets them all; then it begins with a page of a table.
        var head: [UInt8] = []
        try place.edit(1) {
            head = Array($0[32..<40])
            $0.replaceSubrange(32..<40, with: [UInt8](repeating: 0, count: 8))
        }
        whole = try place.whole()
        #expect(!whole.isEmpty)
        #expect(try await place.ours() == whole)
        let leaf = UInt8(try place.pages(of: "other", "leaf")[0] & 0xff)
        try place.edit(1) { $0.replaceSubrange(32..<40, with: [0, 0, 0, leaf, 0, 0, 0, 1]) }
        #expect(try !place.whole().isEmpty)
        #expect(try await !place.ours().isEmpty)
        try place.edit(1) { $0.replaceSubrange(32..<40, with: head) }
        #expect(try await place.ours() == [])
    }

    @Test func `is found out if an index says what its table does not`() async throws {
        let place = try await place()
        // An index that is another one's pages: rows are missing, and none of its pages is broken.
        try place.sql(
            """
            PRAGMA writable_schema = ON;
            UPDATE sqlite_schema SET sql = 'CREATE INDEX thing_owner ON thing (body)' WHERE name = 'thing_owner';
            """)
        let whole = try place.whole()
        #expect(whole.contains { $0.contains("missing from index thing_owner") }, "\(whole.prefix(3))")
        #expect(try await place.ours() == whole)
    }
}
