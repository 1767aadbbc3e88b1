import Ledger
import Store
import Wire

/// The ledger in its own order: no entry is missing, each has the hash that is stored beside it, and the hashes give the
/// root of every checkpoint that was signed.
enum TreeAudit {
    /// Entries of one step.
    private static let step: Int64 = 2000

    /// Returns the root of the newest checkpoint.
    static func run(_ database: any Database, size: Int64, _ notes: Notes) async throws -> Digest {
        var tree = Frontier()
        var root = MerkleTree.emptyRoot
        var next: Int64 = 0
        var isWhole = true
        var tiles = TileWalk(published: try await published(database))
        while next < size {
            let (from, to) = (next, min(next + step, size))
            let (page, checkpoints) = try await database.read { rows in
                (
                    try rows.query(
                        "SELECT idx, entry, hash FROM ledger WHERE idx >= $1 AND idx < $2 ORDER BY idx",
                        [.int(from), .int(to)]),
                    try rows.query(
                        "SELECT size, root FROM checkpoint WHERE size > $1 AND size <= $2 ORDER BY size",
                        [.int(from), .int(to)])
                )
            }
            var waiting = checkpoints[...]
            var expected = from
            for row in page {
                let index = Int64(try row.int("idx"))
                missing(from: expected, before: index, notes)
                isWhole = isWhole && expected == index
                expected = index + 1
                let hash = MerkleTree.leafHash(try row.bytes("entry"))
                if try row.bytes("hash") != hash.bytes {
                    notes.find("ledger entry \(index)", "Its bytes do not have the hash that is stored beside them.")
                }
                tree.append(hash)
                tiles.append(hash)
                while let checkpoint = waiting.first, try Int64(checkpoint.int("size")) <= index + 1 {
                    waiting.removeFirst()
                    root = try compare(checkpoint, tree, notes)
                }
            }
            missing(from: expected, before: to, notes)
            isWhole = isWhole && expected == to
            // Entries are missing before these.
            for checkpoint in waiting { root = try compare(checkpoint, tree, notes) }
            // Behind a gap every tile differs: the gap is told, and they are not.
            if isWhole { tiles = try await compared(tiles, database, notes, isLast: to == size) }
            notes.pass(entries: page.count)
            next = to
        }
        let beyond = try await published(database)
        // The server beside may have published meanwhile what it has committed since.
        let now = try await database.read { rows in
            Int64(try rows.first("SELECT size FROM ledger_size WHERE one = 1")?.int("size") ?? 0)
        }
        if beyond > now { notes.find("checkpoint \(beyond)", "It covers more entries than the ledger has.") }
        return root
    }

    private static func published(_ database: any Database) async throws -> Int64 {
        try await database.read { rows in
            try rows.first("SELECT MAX(size) AS size FROM checkpoint")?.optionalInt("size") ?? 0
        }
    }

    private static func compared(
        _ tiles: TileWalk, _ database: any Database, _ notes: Notes, isLast: Bool
    ) async throws -> TileWalk {
        try await database.read { rows in
            var tiles = tiles
            if isLast { try tiles.end(rows, notes) } else { try tiles.compare(rows, notes) }
            return tiles
        }
    }

    private static func missing(from: Int64, before: Int64, _ notes: Notes) {
        if before == from + 1 { notes.find("ledger entry \(from)", "It is missing from the table.") }
        if before > from + 1 {
            notes.find("ledger entries \(from) to \(before - 1)", "They are missing from the table.")
        }
    }

    private static func compare(_ checkpoint: Row, _ tree: Frontier, _ notes: Notes) throws -> Digest {
        let head = tree.head
        let size = try checkpoint.int("size")
        let root = try checkpoint.text("root")
        if head.size != Int64(size) || head.root.description != root {
            notes.find(
                "checkpoint \(size)", "Its root is not the root of the entries: history was rewritten.")
        }
        return head.root
    }
}
