import Wire

/// What the tree needs to grow and to prove: hash tiles by id.
///
/// A tile is its 32-byte hashes one behind the other; a partial one holds as many as it has. Nil means that the tile
/// does not exist. Reads of one call must see one state of the log.
package protocol TileReader {
    func tile(_ id: TileID) throws -> [UInt8]?
}

/// Tiles in memory: what an append changed, or what an auditor fetched.
extension Dictionary: TileReader where Key == TileID, Value == [UInt8] {
    package func tile(_ id: TileID) throws -> [UInt8]? { self[id] }
}

/// The Merkle tree as tiles (C2SP tlog-tiles). Growth by k leaves touches about k/256 tiles and one a level; a root
/// or a proof reads a few tiles a level.
package enum Tiles {
    /// Adds leaf hashes to a tree of `size` leaves. Returns each tile that changed, in full, and the new head; the
    /// caller stores them in one transaction with the leaves.
    package static func append(
        leaves: [Digest], to size: Int64, reading tiles: some TileReader
    ) throws -> (changed: [TileID: [UInt8]], head: TreeHead) {
        guard size >= 0, size <= Int64.max - Int64(leaves.count) else { throw unusable("size \(size)") }
        var changed: [TileID: [UInt8]] = [:]
        var incoming = leaves.flatMap(\.bytes)
        guard incoming.count == leaves.count * MerkleTree.hashBytes else {
            throw unusable("a hash that is not 32 bytes")
        }
        var level = 0
        while !incoming.isEmpty {
            incoming = try fill(level: level, of: size, with: incoming, reading: tiles, changed: &changed)
            level += 1
        }
        let newSize = size + Int64(leaves.count)
        let newRoot = try root(size: newSize, reading: Overlay(changed: changed, stored: tiles))
        return (changed, TreeHead(size: newSize, root: newRoot))
    }

    /// Puts hashes behind those of one level; returns the hashes of the tiles that became full, for the level above.
    private static func fill(
        level: Int, of size: Int64, with incoming: [UInt8], reading tiles: some TileReader,
        changed: inout [TileID: [UInt8]]
    ) throws -> [UInt8] {
        let present = size >> Int64(8 * level)
        var index = present / Int64(TileID.fullWidth)
        let width = Int(present % Int64(TileID.fullWidth))
        var tile: [UInt8] = []
        if width > 0 {
            let id = TileID(level: level, index: index)
            tile = try tiles.tile(id) ?? []
            // More than the tree has would mean that two appends ran side by side: a fork in the making.
            guard tile.count == width * MerkleTree.hashBytes else { throw wrong(id, tile.count, expected: width) }
        }
        var (parents, at) = ([UInt8](), 0)
        while at < incoming.count {
            let take = min(TileID.fullWidth * MerkleTree.hashBytes - tile.count, incoming.count - at)
            tile += incoming[at..<(at + take)]
            at += take
            changed[TileID(level: level, index: index)] = tile
            if tile.count == TileID.fullWidth * MerkleTree.hashBytes {
                parents += MerkleTree.perfectRoot(ofFlat: tile).bytes
                tile = []
                index += 1
            }
        }
        return parents
    }

    /// The root of the tree of `size` leaves; any size up to the one that the tiles hold.
    package static func root(size: Int64, reading tiles: some TileReader) throws -> Digest {
        guard size >= 0 else { throw unusable("size \(size)") }
        let source = SubtreeSource(tiles)
        return try MerkleTree.fold(Subtree.covering(0, size).map(source.hash))
    }

    /// The hash that a full tile has in the level above.
    package static func hash(ofFull tile: [UInt8]) -> Digest? {
        tile.count == TileID.fullWidth * MerkleTree.hashBytes ? MerkleTree.perfectRoot(ofFlat: tile) : nil
    }

    package static func inclusion(
        index: Int64, size: Int64, reading tiles: some TileReader
    ) throws -> InclusionProof {
        try InclusionProof.make(index: index, size: size, hash: SubtreeSource(tiles).hash)
    }

    package static func consistency(
        from oldSize: Int64, to newSize: Int64, reading tiles: some TileReader
    ) throws -> ConsistencyProof {
        try ConsistencyProof.make(from: oldSize, to: newSize, hash: SubtreeSource(tiles).hash)
    }

    private struct Overlay<Stored: TileReader>: TileReader {
        let changed: [TileID: [UInt8]]
        let stored: Stored
        func tile(_ id: TileID) throws -> [UInt8]? { try changed[id] ?? stored.tile(id) }
    }

    static func wrong(_ id: TileID, _ bytes: Int, expected width: Int) -> Refusal {
        Refusal(
            .internal, "The tile \(id.path()) has \(bytes) bytes where the tree needs \(width) hashes.",
            hint: "Verify the log with `lifelong verify log`, and restore the store from a backup.",
            rule: "C2SP tlog-tiles, Merkle Tree")
    }

    private static func unusable(_ what: String) -> Refusal {
        Refusal(.internal, "The tree was asked for \(what).", hint: "Report this as a defect, with the server's log.")
    }
}

/// What an auditor must fetch before it can compute: readers answer at once, networks do not.
extension Tiles {
    package static func neededForRoot(size: Int64) -> Set<TileID> {
        Set(Subtree.covering(0, size).map(\.tile))
    }

    package static func neededForInclusion(index: Int64, size: Int64) throws(Refusal) -> Set<TileID> {
        Set(try InclusionProof.parts(index: index, size: size).joined().map(\.tile))
    }

    package static func neededForConsistency(from oldSize: Int64, to newSize: Int64) throws(Refusal) -> Set<TileID> {
        Set(try ConsistencyProof.parts(from: oldSize, to: newSize).joined().map(\.tile))
    }
}

extension Subtree {
    /// The tile whose hashes lie at most seven levels below the subtree's own.
    var tile: TileID { TileID(level: height / 8, index: first / Int64(TileID.fullWidth)) }
    /// The first hash, counted along the level of that tile.
    var first: Int64 { index << Int64(height % 8) }
}

/// Hashes of complete subtrees out of tiles, each tile read once.
private final class SubtreeSource<Reader: TileReader> {
    private let reader: Reader
    private var read: [TileID: [UInt8]] = [:]

    init(_ reader: Reader) { self.reader = reader }

    func hash(_ subtree: Subtree) throws -> Digest {
        let id = subtree.tile
        let bytes = try read[id] ?? reader.tile(id) ?? []
        read[id] = bytes
        let start = Int(subtree.first % Int64(TileID.fullWidth)) * MerkleTree.hashBytes
        let end = start + (1 << (subtree.height % 8)) * MerkleTree.hashBytes
        guard end <= bytes.count else { throw Tiles.wrong(id, bytes.count, expected: end / MerkleTree.hashBytes) }
        return MerkleTree.perfectRoot(ofFlat: bytes[start..<end])
    }
}
