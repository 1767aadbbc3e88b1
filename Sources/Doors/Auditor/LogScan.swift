import Ledger
import Wire

/// The state of reading a log from its first entry to its last.
///
/// Invariants: `computed[l]` holds the hashes of the unfinished tile at level l + 1, made from what was *served* at
/// level l where that was usable, so that one bad hash gives one finding and not one a level; `entries` is made from
/// the entries alone, so that it says whether those are right whatever the tiles are.
struct LogScan {
    private let head: TreeHead
    private var computed: [[UInt8]] = []
    /// Index of each unfinished tile.
    private var indices: [Int64] = []
    private var entries = Frontier()
    private var entriesUnreadable = false
    private var tilesRead: Int64 = 0
    private var findings: [AuditFinding] = []

    init(head: TreeHead) { self.head = head }

    mutating func take(
        _ fetched: VerifyLog.Fetched, from source: any LogSource, entry: (Int64, [UInt8], Frontier) throws -> Void
    ) async throws {
        let id = TileID(level: 0, index: fetched.index)
        let width = id.width(inTreeOf: head.size)
        let first = fetched.index * Int64(TileID.fullWidth)
        var hashes: [UInt8]?
        if let bodies = decode(fetched, width: width, first: first) {
            hashes = try read(bodies, from: first, entry)
        }
        let accepted = compare(id, width: width, computed: hashes, served: fetched.tile)
        if width == TileID.fullWidth { try await rise(id, accepted, source) }
    }

    private mutating func decode(_ fetched: VerifyLog.Fetched, width: Int, first: Int64) -> [[UInt8]]? {
        do throws(Refusal) {
            return try EntryBundle.decode(fetched.bundle ?? [], count: width)
        } catch {
            entriesUnreadable = true
            let path = TilePath.entries(fetched.index, width: width).text
            let what = fetched.bundle == nil ? "are missing" : "cannot be read: \(error.detail)"
            find(first, path, "entries \(first) to \(first + Int64(width) - 1) \(what)")
            return nil
        }
    }

    private mutating func read(
        _ bodies: [[UInt8]], from first: Int64, _ entry: (Int64, [UInt8], Frontier) throws -> Void
    ) throws -> [UInt8] {
        var hashes: [UInt8] = []
        for (offset, body) in bodies.enumerated() {
            let hash = MerkleTree.leafHash(body)
            entries.append(hash)
            hashes += hash.bytes
            try entry(first + Int64(offset), body, entries)
        }
        return hashes
    }

    /// Compares a tile with what the level below makes of it. Returns what the level above is to be made from: what was
    /// served, or if that is not there, what was computed.
    private mutating func compare(_ id: TileID, width: Int, computed: [UInt8]?, served: [UInt8]?) -> [UInt8]? {
        let path = id.path(width: width)
        guard let served, served.count == width * MerkleTree.hashBytes else {
            find(nil, path, "\(path) \(served == nil ? "is missing" : "does not have \(width) hashes")")
            return computed
        }
        tilesRead += 1
        guard let computed, computed != served else { return served }
        let bytes = zip(computed, served).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0
        let position = id.index * Int64(TileID.fullWidth) + Int64(bytes / MerkleTree.hashBytes)
        if id.level == 0 {
            find(position, path, "entry \(position): leaf hash differs")
        } else {
            let first = position << Int64(8 * id.level)
            find(
                first, path,
                "entries \(first) to \(((position + 1) << Int64(8 * id.level)) - 1): their hash in \(path) differs")
        }
        return served
    }

    /// A full tile's hash goes to the level above, where it may fill the next tile.
    private mutating func rise(_ id: TileID, _ tile: [UInt8]?, _ source: any LogSource) async throws {
        var (level, accepted) = (id.level, tile)
        while true {
            if computed.count == level {
                computed.append([])
                indices.append(0)
            }
            // What is neither served nor computable leaves a gap that the level above shows as a difference.
            computed[level] += accepted.flatMap(Tiles.hash(ofFull:))?.bytes ?? Self.gap
            guard computed[level].count == TileID.fullWidth * MerkleTree.hashBytes else { return }
            let full = TileID(level: level + 1, index: indices[level])
            let made = computed[level]
            computed[level] = []
            indices[level] += 1
            let served = try await source.tile(full, size: head.size)
            accepted = compare(full, width: TileID.fullWidth, computed: made, served: served)
            level += 1
        }
    }

    private static let gap = [UInt8](repeating: 0, count: MerkleTree.hashBytes)

    /// The partial tiles above the entries, and the root.
    mutating func finish(from source: any LogSource) async throws {
        for (below, hashes) in computed.enumerated() where !hashes.isEmpty {
            let id = TileID(level: below + 1, index: indices[below])
            let served = try await source.tile(id, size: head.size)
            _ = compare(id, width: hashes.count / MerkleTree.hashBytes, computed: hashes, served: served)
        }
        // The tiles that a proof would be made from must make the root too.
        let needed = Tiles.neededForRoot(size: head.size)
        let tiles = try await source.tiles(needed, size: head.size)
        if (try? Tiles.root(size: head.size, reading: tiles)) != head.root {
            find(nil, "checkpoint", "the tiles do not make the root that the checkpoint signs for \(head.size) entries")
        }
        if !entriesUnreadable, entries.head != head {
            find(
                nil, "checkpoint", "the entries do not make the root that the checkpoint signs for \(head.size) entries"
            )
        }
    }

    func report(origin: String) -> LogReport {
        LogReport(
            verified: findings.isEmpty, origin: origin, head: head, entriesRead: entries.size, tilesRead: tilesRead,
            entriesMakeRoot: !entriesUnreadable && entries.head == head, findings: findings)
    }

    private mutating func find(_ entry: Int64?, _ resource: String, _ detail: String) {
        guard findings.count < LogReport.maximumFindings else { return }
        findings.append(
            AuditFinding(
                entry: entry, resource: resource, detail,
                hint: "Keep this copy, and compare it with another mirror and with the log itself."))
    }
}
