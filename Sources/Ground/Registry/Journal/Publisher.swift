import Keys
import Ledger
import Logging
import Store
import Wire

/// Integrates committed leaves into the Merkle tree and publishes signed checkpoints, within a second of each commit; and
/// keeps revocation lists fresh and destroyed keys out of the files.
///
/// Invariants: a checkpoint is stored, together with the tiles that it needs, before anybody can read it; its size never
/// decreases (the table's key and a compare refuse it); only what was committed is ever integrated.
package struct Publisher: Sendable {
    private let house: House
    private let signer: NoteSigner
    /// Keys that the signer's succeeded: they sign too, for auditors who pinned them.
    private let former: [NoteSigner]
    private let erasure: Erasure
    private let contactCounts: ContactCounts

    /// At most so many leaves in one step, to bound memory.
    private static let stepLimit = 65_536

    package init(_ house: House) throws {
        self.house = house
        erasure = Erasure(house.database)
        contactCounts = ContactCounts(house)
        let signers = try house.signingKeys(.ledger).map { try NoteSigner(name: house.settings.ledgerOrigin, key: $0) }
        signer = signers[0]
        former = Array(signers.dropFirst())
    }

    /// What verifies this ledger's checkpoints: "name+hash+key".
    package var verifierKey: VerifierKey { signer.verifierKey }

    /// Runs until its task is cancelled; a failure is logged and tried again.
    package func run() async {
        var outage = Outage("checkpoints and revocation lists cannot be published", log: house.log)
        var pruned: ContinuousClock.Instant?
        while !Task.isCancelled {
            do {
                try await publish()
                try await Issuer.sweep(house)
                try await erasure.clean()
                try await contactCounts.refresh()
                if pruned.map({ $0.duration(to: .now) > .seconds(60) }) ?? true {
                    try await OldCheckpoints.prune(house)
                    pruned = .now
                }
                outage.works()
            } catch {
                outage.failed(error)
                try? await Task.sleep(for: .seconds(1))
                continue
            }
            await house.commits.wait(atMost: .seconds(60))
            // Collects what the next commits bring, so that a busy ledger signs a few checkpoints a second, not thousands.
            try? await Task.sleep(for: .milliseconds(200))
        }
    }

    /// One round: everything that is committed now is integrated and published when this returns.
    package func publish() async throws {
        // Nothing is signed under a time that is not believed; another node does it.
        _ = try house.time()
        while try await integrate() {}
        try await Revocation.publish(house)
    }

    private func integrate() async throws -> Bool {
        let limit = Self.stepLimit
        let next = try await house.read {
            rows -> (from: Int64, count: Int, changed: [TileID: [UInt8]], head: TreeHead)? in
            let from = Int64(try rows.first("SELECT MAX(size) AS size FROM checkpoint")?.optionalInt("size") ?? 0)
            let leaves = try rows.query(
                "SELECT hash FROM ledger WHERE idx >= $1 ORDER BY idx LIMIT $2", [.int(from), Value(limit)]
            ).map { Digest(try $0.bytes("hash")) }
            guard !leaves.isEmpty else { return nil }
            let grown = try Tiles.append(leaves: leaves, to: from, reading: StoredTiles(rows))
            return (from, leaves.count, grown.changed, grown.head)
        }
        guard let next else { return false }
        // Signed before the writing transaction: a token that takes its time must not hold up everybody's changes.
        let (signer, former) = (signer, former)
        let note = try await house.keys.apart {
            String(decoding: try signer.checkpoint(next.head, with: former), as: UTF8.self)
        }
        let now = house.clock()
        try await house.database.write { rows in
            let published = try rows.first("SELECT MAX(size) AS size FROM checkpoint")?.optionalInt("size") ?? 0
            // Another node was faster: its checkpoint holds these leaves already.
            guard published == next.from else { return }
            for (id, hashes) in next.changed {
                try rows.later(
                    """
                    INSERT INTO tile (level, idx, hashes) VALUES ($1, $2, $3)
                    ON CONFLICT (level, idx) DO UPDATE SET hashes = excluded.hashes
                    """, [Value(id.level), .int(id.index), .bytes(hashes)], changing: 1)
            }
            try rows.execute(
                "INSERT INTO checkpoint (size, note, root, at) VALUES ($1, $2, $3, $4)",
                [.int(next.head.size), .text(note), Value(next.head.root), Value(now)])
        }
        house.checkpoints.signal()
        return next.count == limit
    }
}

/// The tree's tiles as the store holds them.
package struct StoredTiles: TileReader {
    private let rows: any Rows
    package init(_ rows: any Rows) { self.rows = rows }

    package func tile(_ id: TileID) throws -> [UInt8]? {
        try rows.first(
            "SELECT hashes FROM tile WHERE level = $1 AND idx = $2", [Value(id.level), .int(id.index)])?.bytes("hashes")
    }
}
