import GRDB

/// SQLite's own check of a whole file, cut into one for each table with its indexes, so that one can say how far it is.
///
/// SQLite leaves out of a table's check what concerns no table alone: whether each page of the file is used exactly once. That is
/// counted here, from the map of pages that also tells how large each table is. Where the map cannot be read or does not
/// add up, SQLite's check of the whole is run after all, and names what is wrong.
enum FileCheck {
    private static let maximumFindings = 100

    /// - Parameter progress: called with (pages done, all pages).
    static func run(_ database: GRDB.Database, progress: (Int64, Int64) -> Void) throws -> [String] {
        guard let map = try? PageMap(database), map.addsUp else {
            return try check("\(maximumFindings)", database)
        }
        var findings: [String] = []
        var done: Int64 = 0
        // The schema first: the list of free pages is checked together with it.
        let names = [PageMap.schema] + map.tables.keys.filter { $0 != PageMap.schema }.sorted()
        for table in names {
            progress(done, map.used)
            if findings.count < maximumFindings { findings += try check(table.quotedDatabaseIdentifier, database) }
            done += map.tables[table] ?? 0
        }
        progress(done, map.used)
        return Array(findings.prefix(maximumFindings))
    }

    private static func check(_ what: String, _ database: GRDB.Database) throws -> [String] {
        try String.fetchAll(database, sql: "PRAGMA integrity_check(\(what))").filter { $0 != "ok" }
    }
}

/// Which table uses which page of the file.
private struct PageMap {
    static let schema = "sqlite_schema"
    /// Pages of each table, those of its indexes among them.
    private(set) var tables: [String: Int64] = [:]
    private(set) var used: Int64 = 0
    /// Every page is used once, or free, or the one that holds the locks.
    let addsUp: Bool

    init(_ database: GRDB.Database) throws {
        let owners = Dictionary(
            try Row.fetchAll(database, sql: "SELECT name, tbl_name FROM sqlite_schema").map {
                ($0[0] as String, $0[1] as String)
            },
            uniquingKeysWith: { first, _ in first })
        let count = try Int64.fetchOne(database, sql: "PRAGMA page_count") ?? 0
        let free = try Int64.fetchOne(database, sql: "PRAGMA freelist_count") ?? 0
        let size = try Int64.fetchOne(database, sql: "PRAGMA page_size") ?? 4096
        var seen = [Bool](repeating: false, count: Int(count) + 1)
        var isTwice = false
        var sizes: [String: Int64] = [:]
        let pages = try Row.fetchCursor(database, sql: "SELECT name, pageno FROM dbstat")
        while let page = try pages.next() {
            let (name, number): (String, Int) = (page[0], page[1])
            guard seen.indices.contains(number), !seen[number] else {
                isTwice = true
                break
            }
            seen[number] = true
            used += 1
            sizes[name, default: 0] += 1
        }
        for (name, pages) in sizes { tables[owners[name] ?? name, default: 0] += pages }
        // The page at 1 GiB is never used: locks are taken on its bytes (SQLite file format §1.4).
        let lock: Int64 = count > 0x4000_0000 / size ? 1 : 0
        addsUp = !isTwice && used + free + lock == count
    }
}
