import Ledger
import Passport
import Store
import Wire

/// What anybody may read of the ledger: checkpoint, tiles, bundles, proofs. All from published state.
package enum LedgerReader {
    /// The newest checkpoint, with the cosignatures that it has so far.
    package static func checkpoint(in rows: any Rows) throws -> (note: String, size: Int64) {
        guard let row = try rows.first("SELECT note, size FROM checkpoint ORDER BY size DESC LIMIT 1") else {
            throw Refusal(
                .unavailable, "No checkpoint is published yet.", hint: "Try again in a second.", retryAfterSeconds: 1)
        }
        return try cosigned(row, in: rows)
    }

    /// The newest checkpoint of more than `size` entries that at least `quorum` witnesses cosigned, however long ago; nil if
    /// there is none.
    /// - Parameter witnesses: whose cosignatures count; those of all whom there ever were, if it is nil.
    package static func witnessed(
        quorum: Int, by witnesses: [WitnessAddress]? = nil, above size: Int64 = -1, in rows: any Rows
    ) throws -> (note: String, size: Int64)? {
        guard quorum > 0 else { return nil }
        var conditions = Conditions()
        conditions.add("size > ?", .int(size))
        if let witnesses {
            let places = witnesses.map { conditions.argument(.text($0.key.description)) }
            conditions.add("witness IN (\(places.joined(separator: ", ")))")
        }
        let needed = conditions.argument(Value(quorum))
        let best = try rows.first(
            """
            SELECT size FROM cosignature \(conditions.sql) GROUP BY size HAVING COUNT(*) >= \(needed)
            ORDER BY size DESC LIMIT 1
            """, conditions.arguments)
        guard let best,
            let row = try rows.first("SELECT note, size FROM checkpoint WHERE size = $1", [Value(try best.int("size"))])
        else { return nil }
        return try cosigned(row, in: rows)
    }

    private static func cosigned(_ row: Row, in rows: any Rows) throws -> (note: String, size: Int64) {
        let size = Int64(try row.int("size"))
        let lines = try rows.query(
            "SELECT line FROM cosignature WHERE size = $1 ORDER BY at, witness LIMIT $2",
            [.int(size), Value(WitnessQuorum.maximumWitnesses)]
        ).map { try $0.text("line") }
        return (try row.text("note") + lines.joined(), size)
    }

    /// Our own note, as it stands in the store, without its signature checked again.
    static func head(of note: String) throws -> Checkpoint {
        guard let end = note.firstRange(of: "\n\n— ") else {
            throw Refusal(.internal, "A stored checkpoint is damaged.", hint: "Run `lifelong audit`.")
        }
        return try Checkpoint(text: String(note[..<end.lowerBound]) + "\n")
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

    /// Entries of one device that are proven in one answer. Years of changes every hour; its memory is some tens of megabytes.
    package static let evidenceLimit = 20_000

    /// All entries of a device, each with its proof against the newest checkpoint; refused if they are more than
    /// `evidenceLimit`.
    ///
    /// - Parameter quorum: a checkpoint with so many cosignatures is taken instead, if one covers all of them.
    package static func evidence(
        of device: DeviceID, subject: String, key: VerifierKey, quorum: Int = 0, limit: Int = evidenceLimit,
        in rows: any Rows
    ) throws -> Evidence {
        let newest = try checkpoint(in: rows)
        let entries = try rows.query(
            "SELECT idx, entry FROM ledger WHERE device = $1 AND idx < $2 ORDER BY idx LIMIT $3",
            [Value(device), .int(newest.size), Value(limit + 1)])
        guard entries.count <= limit else {
            throw Refusal(
                .tooLarge, "The passport of \(device) has more than \(limit) entries.",
                hint: "Verify the whole ledger, which has them too: lifelong verify log")
        }
        let last = Int64(try entries.last?.int("idx") ?? 0)
        let (note, size) = try witnessed(quorum: quorum, above: last, in: rows) ?? newest
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
    package static func proof(
        of index: Int64, key: VerifierKey, quorum: Int = 0, in rows: any Rows
    ) throws -> (evidence: Evidence, size: Int64) {
        let (note, size) = try witnessed(quorum: quorum, above: index, in: rows) ?? checkpoint(in: rows)
        guard index >= 0, index < size,
            let row = try rows.first("SELECT entry FROM ledger WHERE idx = $1", [.int(index)])
        else {
            throw Refusal(
                .notFound, "The ledger has no published entry \(index); it holds \(size).",
                hint: "Ask for an entry below \(size), or wait a second for the next checkpoint.")
        }
        let proof = try Tiles.inclusion(index: index, size: size, reading: StoredTiles(rows))
        let evidence = Evidence(
            subject: "entry \(index)", vkey: key, checkpoint: Array(note.utf8),
            entries: [(proof, leaf: try row.bytes("entry"))])
        return (evidence, size)
    }

    private static func missing() -> Refusal {
        Refusal(
            .notFound, "The ledger has no such tile yet.", hint: "Ask for what the checkpoint's size covers.",
            rule: "C2SP tlog-tiles")
    }
}
