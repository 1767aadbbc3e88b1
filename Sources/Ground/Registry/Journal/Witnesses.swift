import Ledger
import Passport
import Store
import Wire

/// Somebody outside who cosigns our checkpoints, as the configuration names it.
package struct WitnessAddress: Sendable, Equatable {
    /// The submission prefix: what stands before /add-checkpoint.
    package var url: String
    package var key: WitnessKey

    package init(url: String, key: WitnessKey) {
        self.url = url
        self.key = key
    }
}

/// What the store knows of the witnesses: what each cosigned last, and when to ask it again.
///
/// Invariants: nodes take turns by a lease in the store, and if two of them ask at once all the same, nothing goes
/// backwards, because a witness's size is only ever raised; a cosignature is stored before anybody is shown it; nothing
/// here is waited for by a change or by the publisher.
package enum Witnesses {
    /// How a witness stands to our ledger.
    package enum Standing: String, Codable, Sendable, CaseIterable {
        /// It cosigned the last checkpoint that it was asked for.
        case agrees
        /// It was not asked yet.
        case new
        /// It did not answer, or not usably.
        case away
        /// It has cosigned a larger tree than ours.
        case rollback
        /// It has cosigned a tree that is not the beginning of ours.
        case fork
    }

    /// One checkpoint for all witnesses that are due, so that their cosignatures meet under the same one.
    package struct Round: Sendable {
        package let checkpoint: Checkpoint
        package let note: String
        package let asks: [Ask]
        let holder: String
    }

    package struct Ask: Sendable {
        package let address: WitnessAddress
        /// What it cosigned last, as far as we know.
        package let size: Int64
        package let failures: Int
    }

    /// A node that died in a round holds up the next one for so many seconds.
    private static let leaseSeconds: Int64 = 60
    /// A cosignature says "this is the newest that I know" as of its time: asked for anew after so many seconds,
    /// although nothing was added.
    package static let refreshSeconds: Int64 = 3600

    /// Puts the configured witnesses in the table, due at once: a restart asks each of them, so that a restored old
    /// backup is noticed before anything is added to it.
    package static func enlist(_ house: House) async throws {
        let now = house.clock()
        try await house.database.write { rows in
            for address in house.settings.witnesses {
                try rows.execute(
                    """
                    INSERT INTO witness (vkey, name, url, size, failures, due, standing)
                    VALUES ($1, $2, $3, 0, 0, $4, 'new')
                    ON CONFLICT (vkey) DO UPDATE SET url = excluded.url, due = excluded.due
                    """,
                    [
                        .text(address.key.description), .text(address.key.name), .text(address.url), Value(now),
                    ])
            }
        }
    }

    /// Takes the lease and says whom to ask for what; nil if nobody is due, nothing is published, or another node asks.
    package static func begin(_ house: House, holder: String) async throws -> Round? {
        let now = house.clock()
        guard try await house.read({ try due(house, now, in: $0) }) != nil else { return nil }
        return try await house.database.write { rows in
            let taken = try rows.execute(
                "UPDATE witness_round SET holder = $1, expires = $2 WHERE one = 1 AND expires <= $3",
                [.text(holder), Value(now.adding(seconds: leaseSeconds)), Value(now)])
            guard taken == 1, let found = try due(house, now, in: rows) else { return nil }
            return Round(checkpoint: found.checkpoint, note: found.note, asks: found.asks, holder: holder)
        }
    }

    package static func end(_ round: Round, _ house: House) async throws {
        _ = try await house.database.write { rows in
            try rows.execute(
                "UPDATE witness_round SET expires = 0 WHERE one = 1 AND holder = $1", [.text(round.holder)])
        }
    }

    private static func due(
        _ house: House, _ now: Timestamp, in rows: any Rows
    ) throws -> (checkpoint: Checkpoint, note: String, asks: [Ask])? {
        guard let newest = try rows.first("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1") else { return nil }
        let note = try newest.text("note")
        let checkpoint = try LedgerReader.head(of: note)
        var asks: [Ask] = []
        for address in house.settings.witnesses {
            let row = try rows.first(
                "SELECT size, failures, due, cosigned_at, standing FROM witness WHERE vkey = $1",
                [.text(address.key.description)])
            guard let row, try row.time("due") <= now else { continue }
            let size = Int64(try row.int("size"))
            let isFresh =
                row.optionalText("standing") == Standing.agrees.rawValue && size == checkpoint.size
                && row.optionalTime("cosigned_at").map { now.seconds(since: $0) < refreshSeconds } ?? false
            // 0 is "as soon as there is something new"; a restart and a failure set an instant, and then it is asked anew.
            if isFresh, row.optionalInt("due") == 0 { continue }
            asks.append(Ask(address: address, size: size, failures: try row.int("failures")))
        }
        return asks.isEmpty ? nil : (checkpoint, note, asks)
    }

    /// The way from what a witness cosigned to the checkpoint, out of our own tiles, and proven to ourselves first: who
    /// refuses it has another tree.
    package static func proof(from size: Int64, to checkpoint: Checkpoint, _ house: House) async throws -> [Digest] {
        guard size > 0, size < checkpoint.size else { return [] }
        return try await house.read { rows in
            let tiles = StoredTiles(rows)
            let proof = try Tiles.consistency(from: size, to: checkpoint.size, reading: tiles)
            try proof.verify(oldRoot: Tiles.root(size: size, reading: tiles), newRoot: checkpoint.root)
            return proof.hashes
        }
    }

    /// Stores a cosignature.
    package static func record(
        _ cosignature: Cosignature, line: String, of checkpoint: Checkpoint, _ house: House
    ) async throws {
        let vkey = Value.text(cosignature.witness.description)
        try await house.database.write { rows in
            try rows.execute(
                """
                INSERT INTO cosignature (size, witness, line, at) VALUES ($1, $2, $3, $4)
                ON CONFLICT (size, witness) DO UPDATE SET line = excluded.line, at = excluded.at
                """, [.int(checkpoint.size), vkey, .text(line), Value(cosignature.at)])
            // Never backwards: another node may have been further.
            try rows.execute(
                """
                UPDATE witness SET size = $1, cosigned_at = $2, failures = 0, due = 0, standing = 'agrees', trouble = NULL
                WHERE vkey = $3 AND size <= $4
                """, [.int(checkpoint.size), Value(cosignature.at), vkey, .int(checkpoint.size)])
        }
    }

    /// Notes that it was no use, why, and when to try again.
    package static func record(
        _ standing: Standing, of witness: WitnessKey, trouble: String, retryAfterSeconds: Int64, _ house: House
    ) async throws {
        let due = house.clock().adding(seconds: retryAfterSeconds)
        _ = try await house.database.write { rows in
            try rows.execute(
                """
                UPDATE witness SET failures = failures + 1, due = $1, standing = $2, trouble = $3 WHERE vkey = $4
                """,
                [Value(due), .text(standing.rawValue), .text(String(trouble.prefix(500))), .text(witness.description)])
        }
    }

    /// A witness accuses the ledger: an alarm of the house that names it, in the ledger and on the first page, once for
    /// as long as nobody acknowledges it.
    package static func accuse(
        _ standing: Standing, by witness: WitnessKey, detail: String, _ house: House
    ) async throws {
        let alarm: Alarm = standing == .fork ? .ledgerForked : .ledgerRolledBack
        let isOpen = try await house.read { try Alarms.isOpen(alarm, ofHouse: witness.name, in: $0) }
        guard !isOpen else { return }
        try await house.change(as: .system) { change in
            try Alarms.raise(alarm, about: witness.name, detail: detail, in: change)
        }
    }

    /// The newest published size, from the store and not from what this node last saw.
    package static func publishedSize(_ house: House) async throws -> Int64 {
        try await house.read { try Reading.publishedSize($0) }
    }

    /// Our own root at a size that we hold.
    package static func root(at size: Int64, _ house: House) async throws -> Digest {
        try await house.read { try Tiles.root(size: size, reading: StoredTiles($0)) }
    }
}
