import Keys
import Ledger
import Logging
import Store
import Wire

/// Integrates committed leaves into the Merkle tree and publishes signed checkpoints, within a second of each commit; and
/// keeps revocation lists and update metadata fresh and destroyed keys out of the files.
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

    /// Runs until its task is cancelled. Each kind of work in a loop of its own, with its own keys and its own troubles: what
    /// fails or takes long in one is logged and tried again there, and holds up no other.
    package func run() async {
        let signals = (0..<4).map { _ in CommitSignal() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    await house.commits.wait(atMost: .seconds(60))
                    for signal in signals { signal.signal() }
                }
            }
            // Collects what the next commits bring, so that a busy ledger signs a few checkpoints a second, not thousands.
            group.addTask {
                await loop("checkpoints cannot be published", signals[0], pause: .milliseconds(200)) {
                    try await publishCheckpoints()
                }
            }
            // A long list takes long to make: never more than a tenth of the time goes into lists.
            group.addTask {
                await loop("revocation lists cannot be published", signals[1], pause: .seconds(1), restingTimes: 10) {
                    try await Revocation.publish(house)
                }
            }
            group.addTask {
                await loop("destroyed keys cannot be taken out of the database's files", signals[2], pause: .seconds(1))
                {
                    try await erasure.clean()
                }
            }
            group.addTask {
                await loop("what was begun or counted cannot be tidied up", signals[3], pause: .seconds(1)) {
                    try await Issuer.sweep(house)
                    try await contactCounts.refresh()
                }
            }
            group.addTask {
                await loop("update metadata cannot be renewed", CommitSignal(), pause: .seconds(60)) {
                    try await UpdateRenewal.run(house)
                }
            }
            group.addTask {
                await loop("old checkpoints cannot be taken away", CommitSignal(), pause: .seconds(60)) {
                    try await OldCheckpoints.prune(house)
                }
            }
        }
    }

    /// Does its work again after each signal, and now and then without one.
    /// - Parameters:
    ///   - pause: between two beginnings, at least.
    ///   - restingTimes: rests so many times as long as the work took.
    private func loop(
        _ trouble: String, _ signal: CommitSignal, pause: Duration, restingTimes: Int = 0,
        _ work: @Sendable () async throws -> Void
    ) async {
        var outage = Outage(trouble, log: house.log)
        while !Task.isCancelled {
            let began = ContinuousClock.now
            do {
                try await work()
                outage.works()
            } catch {
                outage.failed(error)
                try? await Task.sleep(for: .seconds(1))
                continue
            }
            let rest = max(pause, began.duration(to: .now) * restingTimes)
            await signal.wait(atMost: .seconds(60))
            try? await Task.sleep(until: max(began + rest, .now + min(pause, .milliseconds(200))), clock: .continuous)
        }
    }

    /// One round: everything that is committed now is integrated and published when this returns. A ledger that cannot be
    /// signed keeps no revocation from the world, and update metadata that cannot be renewed, such as under a root that expired,
    /// keeps nothing else from it.
    package func publish() async throws {
        var failure: (any Error)?
        do { try await publishCheckpoints() } catch { failure = error }
        try await Revocation.publish(house)
        do { try await UpdateRenewal.run(house) } catch {
            house.log.warning("update metadata cannot be renewed", metadata: ["error": "\(error)"])
        }
        if let failure { throw failure }
    }

    private func publishCheckpoints() async throws {
        // Nothing is signed under a time that is not believed; another node does it.
        _ = try house.time()
        while try await integrate() {}
    }

    private func integrate() async throws -> Bool {
        let limit = Self.stepLimit
        let next = try await house.read {
            rows -> (from: Int64, count: Int, changed: [TileID: [UInt8]], head: TreeHead)? in
            let from = Int64(try rows.first("SELECT MAX(size) AS size FROM checkpoint")?.optionalInt("size") ?? 0)
            let page = try rows.query(
                "SELECT idx, hash FROM ledger WHERE idx >= $1 ORDER BY idx LIMIT $2", [.int(from), Value(limit)])
            let leaves = try page.enumerated().map { place, row in
                // A tree over a gap would be signed for ever.
                guard Int64(try row.int("idx")) == from + Int64(place) else {
                    throw Refusal(
                        .internal, "The ledger's entry \(from + Int64(place)) is missing; nothing is signed.",
                        hint: "Run `lifelong audit`; restore the database from its backup.")
                }
                return Digest(try row.bytes("hash"))
            }
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
