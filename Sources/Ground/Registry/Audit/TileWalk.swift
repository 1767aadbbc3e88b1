import Ledger
import Store
import Wire

/// Every stored tile against the entries below it: tiles grow beside the walk, each is compared when it is full, and the last
/// ones of each level at the end.
struct TileWalk {
    /// Leaves that the tiles cover, when the walk began.
    private let published: Int64
    private var taken: Int64 = 0
    /// The tile under way of each level, from the lowest; and how many are full before it.
    private var levels: [(index: Int64, hashes: [UInt8])] = []
    private var full: [(id: TileID, hashes: [UInt8])] = []

    init(published: Int64) { self.published = published }

    mutating func append(_ leaf: Digest) {
        guard taken < published else { return }
        taken += 1
        push(leaf.bytes, to: 0)
    }

    private mutating func push(_ hash: [UInt8], to level: Int) {
        if level == levels.count { levels.append((0, [])) }
        levels[level].hashes += hash
        guard let parent = Tiles.hash(ofFull: levels[level].hashes) else { return }
        full.append((TileID(level: level, index: levels[level].index), levels[level].hashes))
        levels[level] = (levels[level].index + 1, [])
        push(parent.bytes, to: level + 1)
    }

    /// Compares the tiles that became full since.
    mutating func compare(_ rows: any Rows, _ notes: Notes) throws {
        let stored = StoredTiles(rows)
        for tile in full { Self.judge(tile.id, try stored.tile(tile.id), tile.hashes, isWhole: true, notes) }
        full = []
    }

    mutating func end(_ rows: any Rows, _ notes: Notes) throws {
        try compare(rows, notes)
        let stored = StoredTiles(rows)
        // A server beside may have published meanwhile: its tiles go on where these end.
        let now = try rows.first("SELECT MAX(size) AS size FROM checkpoint")?.optionalInt("size") ?? 0
        for (level, tile) in levels.enumerated() where !tile.hashes.isEmpty {
            let id = TileID(level: level, index: tile.index)
            Self.judge(id, try stored.tile(id), tile.hashes, isWhole: now == taken, notes)
        }
    }

    private static func judge(_ id: TileID, _ stored: [UInt8]?, _ hashes: [UInt8], isWhole: Bool, _ notes: Notes) {
        guard let stored else {
            notes.find("tile \(id.level)/\(id.index)", "It is missing.")
            return
        }
        if isWhole ? stored == hashes : stored.starts(with: hashes) { return }
        notes.find("tile \(id.level)/\(id.index)", "It is not what the entries below it give.")
    }
}
