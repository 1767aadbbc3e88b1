import Ledger
import Testing
import Wire

/// A store of tiles that counts what is read.
private final class Shelf: TileReader {
    var tiles: [TileID: [UInt8]] = [:]
    var reads = 0
    func tile(_ id: TileID) throws -> [UInt8]? {
        reads += 1
        return tiles[id]
    }

    /// Appends as the registry does, and says how many tiles changed.
    func append(_ leaves: some Collection<Digest>, to size: Int64) throws -> (head: TreeHead, changed: Int) {
        let (changed, head) = try Tiles.append(leaves: Array(leaves), to: size, reading: self)
        tiles.merge(changed) { $1 }
        return (head, changed.count)
    }
}

/// One large tree for the whole file: 70,000 leaves, as in the example of tlog-tiles.
private let count = 70_000
private let large = NaiveTree(counting: count)
private let leafHashes = large.leaves.map { MerkleTree.leafHash($0) }
private let boundaries = [1, 255, 256, 257, 511, 512, 513, 4096, 65_279, 65_280, 65_535, 65_536, 65_537, count]

private func filled(to sizes: [Int]) throws -> (Shelf, [Int: TreeHead]) {
    let shelf = Shelf()
    var heads: [Int: TreeHead] = [:]
    var size = 0
    for next in sizes {
        heads[next] = try shelf.append(leafHashes[size..<next], to: Int64(size)).head
        size = next
    }
    return (shelf, heads)
}

@Suite struct `The tree in tiles` {
    @Test func `has the roots of the definition around full tiles`() throws {
        let (shelf, heads) = try filled(to: boundaries)
        for size in boundaries {
            let root = large.root(size)
            #expect(heads[size] == TreeHead(size: Int64(size), root: root))
            // Of every earlier size too, out of the tiles of the last one.
            #expect(try Tiles.root(size: Int64(size), reading: shelf) == root)
        }
    }

    @Test func `is the same however the leaves arrive`() throws {
        let leaves = Array(leafHashes.prefix(1500))
        let (whole, head) = try Tiles.append(leaves: leaves, to: 0, reading: [:])
        for step in [1, 7, 100, 255, 256, 257, 700] {
            let shelf = Shelf()
            var last: TreeHead?
            for start in stride(from: 0, to: leaves.count, by: step) {
                last = try shelf.append(leaves[start..<min(start + step, leaves.count)], to: Int64(start)).head
            }
            #expect(shelf.tiles == whole)
            #expect(last == head)
        }
    }

    @Test func `is laid out as in the example of tlog-tiles`() throws {
        let (shelf, _) = try filled(to: [count])
        var widths: [Int: [Int: Int]] = [:]
        for (id, bytes) in shelf.tiles {
            #expect(bytes.count == id.width(inTreeOf: Int64(count)) * 32)
            widths[id.level, default: [:]][bytes.count / 32, default: 0] += 1
        }
        #expect(widths == [0: [256: 273, 112: 1], 1: [256: 1, 17: 1], 2: [1: 1]])
        let small = try Tiles.append(leaves: Array(leafHashes.prefix(256)), to: 0, reading: [:]).changed
        #expect(small.mapValues(\.count) == [TileID(level: 0, index: 0): 8192, TileID(level: 1, index: 0): 32])
    }

    @Test func `proves inclusion around full tiles`() throws {
        let (shelf, heads) = try filled(to: boundaries)
        for size in boundaries {
            for index in [0, 1, 254, 255, 256, 257, 65_535, 65_536, size / 2, size - 2, size - 1]
            where (0..<size).contains(index) {
                let proof = try Tiles.inclusion(index: Int64(index), size: Int64(size), reading: shelf)
                try proof.verify(leafHash: leafHashes[index], root: heads[size]!.root)
            }
        }
    }

    @Test func `proves consistency around full tiles`() throws {
        let (shelf, heads) = try filled(to: boundaries)
        for old in boundaries {
            for new in boundaries where old <= new {
                try Tiles.consistency(from: Int64(old), to: Int64(new), reading: shelf)
                    .verify(oldRoot: heads[old]!.root, newRoot: heads[new]!.root)
            }
        }
    }

    @Test func `reads and writes few tiles`() throws {
        let (shelf, _) = try filled(to: [count - 600])
        shelf.reads = 0
        let (_, changed) = try shelf.append(leafHashes[(count - 600)...], to: Int64(count - 600))
        #expect(changed <= 600 / 256 + 1 + 2)
        #expect(shelf.reads <= 2 * 3)
        shelf.reads = 0
        _ = try Tiles.inclusion(index: 12_345, size: Int64(count), reading: shelf)
        #expect(shelf.reads <= 5)
        shelf.reads = 0
        _ = try Tiles.consistency(from: 12_345, to: Int64(count), reading: shelf)
        #expect(shelf.reads <= 6)
    }

    @Test func `names beforehand every tile that it will read`() throws {
        let (shelf, heads) = try filled(to: [count])
        for index in [0, 300, 65_536, count - 1] {
            let needed = try Tiles.neededForInclusion(index: Int64(index), size: Int64(count))
            let some = shelf.tiles.filter { needed.contains($0.key) }
            try Tiles.inclusion(index: Int64(index), size: Int64(count), reading: some)
                .verify(leafHash: leafHashes[index], root: heads[count]!.root)
        }
        let needed = try Tiles.neededForConsistency(from: 300, to: Int64(count))
        _ = try Tiles.consistency(from: 300, to: Int64(count), reading: shelf.tiles.filter { needed.contains($0.key) })
        let forRoot = Tiles.neededForRoot(size: Int64(count))
        #expect(
            try Tiles.root(size: Int64(count), reading: shelf.tiles.filter { forRoot.contains($0.key) })
                == heads[count]!.root)
    }

    @Test func `refuses to grow on tiles that are missing, short or of a larger tree`() throws {
        let (shelf, _) = try filled(to: [300])
        let id = TileID(level: 0, index: 1)
        let right = shelf.tiles[id]!
        for wrong in [nil, Array(right.dropLast(32)), Array(right.dropLast()), right + right.suffix(32)] as [[UInt8]?] {
            shelf.tiles[id] = wrong
            #expect(throws: Refusal.self) { try Tiles.append(leaves: [leafHashes[0]], to: 300, reading: shelf) }
        }
        shelf.tiles[id] = nil
        #expect(throws: Refusal.self) { try Tiles.inclusion(index: 299, size: 300, reading: shelf) }
        #expect(throws: Refusal.self) { try Tiles.append(leaves: [Digest([1, 2])], to: 0, reading: [:]) }
    }

    @Test func `is empty before the first leaf`() throws {
        let (changed, head) = try Tiles.append(leaves: [], to: 0, reading: [:])
        #expect(changed.isEmpty)
        #expect(head == TreeHead(size: 0, root: MerkleTree.emptyRoot))
    }
}

@Suite struct `Paths of tiles` {
    @Test(
        arguments: [
            ("tile/0/000", 0, 0, 256), ("tile/0/999", 0, 999, 256), ("tile/0/x001/000", 0, 1000, 256),
            ("tile/3/x001/x234/067", 3, 1_234_067, 256), ("tile/0/x001/x234/067.p/8", 0, 1_234_067, 8),
            ("tile/63/005.p/255", 63, 5, 255), ("tile/1/x036/x028/x797/x018/x963/966", 1, 36_028_797_018_963_966, 256),
        ] as [(String, Int, Int64, Int)])
    func `are written as tlog-tiles says`(text: String, level: Int, index: Int64, width: Int) {
        let id = TileID(level: level, index: index)
        #expect(id.path(width: width) == text)
        #expect(TilePath(text) == TilePath(kind: .hashes(level: level), index: index, width: width))
        #expect(TilePath(text)?.tile == id)
    }

    @Test func `of entries stand beside those of hashes`() {
        #expect(TilePath.entries(1_234_067).text == "tile/entries/x001/x234/067")
        #expect(TilePath("tile/entries/000.p/1") == .entries(0, width: 1))
        #expect(TilePath("tile/entries/000.p/1")?.tile == nil)
    }

    @Test(arguments: [
        "", "tile", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/0/x000",
        "tile/0/x000/001",
        "tile/0/001/001", "tile/0/x001/x001", "tile/00/001", "tile/64/001", "tile/-1/001", "tile/+1/001", "tile/0/-01",
        "tile/0/001.p", "tile/0/001.p/", "tile/0/001.p/0", "tile/0/001.p/00", "tile/0/001.p/01", "tile/0/001.p/256",
        "tile/0/001.p/1/2", "tile/0/x001.p/1/002", "tile/0/xx01/002", "tile/0/001/", "/tile/0/001", "tile//001",
        "tile/0/../001", "tile/entries/x001", "tile/entry/001", "tile/0/x001/x001/x001/x001/x001/x001/001",
        "tile/entries/x999/x999/x999/x999/x999/999", "tile/0/x036/x028/x797/x018/x963/967",
        "tile/0/٠٠١", "tile/0/001 ", "tile/0/x0001/001", "tile/0/001.p/٣",
    ])
    func `have one spelling`(text: String) { #expect(TilePath(text) == nil) }

    @Test func `know their width in a tree of any size`() {
        #expect(TileID(level: 0, index: 273).width(inTreeOf: 70_000) == 112)
        #expect(TileID(level: 0, index: 274).width(inTreeOf: 70_000) == 0)
        #expect(TileID(level: 2, index: 0).width(inTreeOf: 70_000) == 1)
        #expect(TileID(level: 63, index: .max).width(inTreeOf: .max) == 0)
        #expect(TileID(level: 0, index: 0).width(inTreeOf: .max) == 256)
    }
}

@Suite struct `Entry bundles` {
    @Test func `hold what was put into them`() throws {
        let entries: [[UInt8]] = [[], [1], Array(repeating: 7, count: 65_535)]
        let bytes = try EntryBundle.encode(entries)
        #expect(bytes.prefix(5) == [0, 0, 0, 1, 1])
        #expect(try EntryBundle.decode(bytes, count: 3) == entries)
        let first = try EntryBundle.decode(prefix: 2, of: bytes)
        #expect(first.entries == [[], [1]])
        #expect(first.end == 5)
    }

    @Test func `that are cut or too long are refused`() throws {
        let bytes = try EntryBundle.encode([[1, 2, 3], [4]])
        for length in 0..<bytes.count {
            #expect(throws: Refusal.self) { try EntryBundle.decode(Array(bytes.prefix(length)), count: 2) }
        }
        #expect(throws: Refusal.self) { try EntryBundle.decode(bytes + [0], count: 2) }
        #expect(throws: Refusal.self) { try EntryBundle.decode(bytes, count: 1) }
        #expect(throws: Refusal.self) { try EntryBundle.decode(bytes, count: 3) }
        #expect(throws: Refusal.self) { try EntryBundle.encode([Array(repeating: 0, count: 65_536)]) }
        #expect(throws: Refusal.self) { try EntryBundle.encode(Array(repeating: [], count: 257)) }
    }
}
