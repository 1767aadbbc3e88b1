import Ledger
import Passport
import Store
import Wire

/// What anybody may read of the ledger: checkpoint, tiles, bundles, proofs. All from published state.
package enum LedgerReader {
    package static func checkpoint(in rows: any Rows) throws -> (note: String, size: Int64) {
        guard let row = try rows.first("SELECT note, size FROM checkpoint ORDER BY size DESC LIMIT 1") else {
            throw Refusal(
                .unavailable, "No checkpoint is published yet.", hint: "Try again in a second.", retryAfterSeconds: 1)
        }
        return (try row.text("note"), Int64(try row.int("size")))
    }

    /// A hash tile or an entry bundle by its path below the prefix, exactly as wide as was asked for (tlog-tiles).
    package static func resource(_ path: TilePath, in rows: any Rows) throws -> [UInt8] {
        let size = try checkpoint(in: rows).size
        switch path.kind {
        case .entries:
            let first = path.index * Int64(TileID.fullWidth)
            guard first + Int64(path.width) <= size else { throw missing() }
            let entries = try rows.query(
                "SELECT entry FROM ledger WHERE idx >= $1 AND idx < $2 ORDER BY idx",
                [.int(first), .int(first + Int64(path.width))])
            return try EntryBundle.encode(entries.map { try $0.bytes("entry") })
        default:
            guard let id = path.tile, path.width <= id.width(inTreeOf: size), let tile = try StoredTiles(rows).tile(id)
            else { throw missing() }
            return Array(tile.prefix(path.width * MerkleTree.hashBytes))
        }
    }

    /// All entries of a device, each with its proof against the newest checkpoint.
    package static func evidence(
        of device: DeviceID, subject: String, key: VerifierKey, in rows: any Rows
    ) throws -> Evidence {
        let (note, size) = try checkpoint(in: rows)
        let entries = try rows.query(
            "SELECT idx, entry FROM ledger WHERE device = $1 AND idx < $2 ORDER BY idx", [Value(device), .int(size)])
        let tiles = StoredTiles(rows)
        let proven = try entries.map { row in
            (
                try Tiles.inclusion(index: Int64(row.int("idx")), size: size, reading: tiles),
                leaf: try row.bytes("entry")
            )
        }
        return Evidence(subject: subject, vkey: key, checkpoint: Array(note.utf8), entries: proven)
    }

    /// The proof of one entry.
    package static func proof(of index: Int64, key: VerifierKey, in rows: any Rows) throws -> Evidence {
        let (note, size) = try checkpoint(in: rows)
        guard index >= 0, index < size,
            let row = try rows.first("SELECT entry FROM ledger WHERE idx = $1", [.int(index)])
        else {
            throw Refusal(
                .notFound, "The ledger has no published entry \(index); it holds \(size).",
                hint: "Ask for an entry below \(size), or wait a second for the next checkpoint.")
        }
        let proof = try Tiles.inclusion(index: index, size: size, reading: StoredTiles(rows))
        return Evidence(
            subject: "entry \(index)", vkey: key, checkpoint: Array(note.utf8),
            entries: [(proof, leaf: try row.bytes("entry"))])
    }

    private static func missing() -> Refusal {
        Refusal(
            .notFound, "The ledger has no such tile yet.", hint: "Ask for what the checkpoint's size covers.",
            rule: "C2SP tlog-tiles")
    }
}
