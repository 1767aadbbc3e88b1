import Passport
import Store
import Wire

/// What is known of artifacts beside their bytes: when each was last uploaded, and which were removed.
///
/// A removal is written down first and done then; an upload says that it comes before its bytes come to their place. Both are
/// rows of one table, and so in one order on however many nodes. An artifact without a row was never uploaded through this
/// version, and never removed.
package enum ArtifactRecords {
    package enum State: String, Sendable {
        case here
        /// Written down, and perhaps not done yet.
        case removing
        case removed
    }

    package struct Record: Sendable {
        package let state: State
        package let uploadedAt: Timestamp
        /// Since it is in this state.
        package let since: Timestamp

        fileprivate init(_ row: Row) throws {
            guard let state = State(rawValue: try row.text("state")) else { throw Row.damaged("state") }
            self.state = state
            uploadedAt = try row.time("uploaded_at")
            since = try row.time("since")
        }

        /// Whoever removes it may still be at it.
        package func isUnderWay(at now: Timestamp) -> Bool {
            state == .removing && since.adding(seconds: ArtifactRecords.removalSeconds) > now
        }
    }

    /// Who was killed while it removed something is not waited for any longer; and nobody goes on removing for half as long.
    package static let removalSeconds: Int64 = 60

    package static func find(_ sha256: Digest, in rows: any Rows) throws -> Record? {
        try rows.first(
            "SELECT state, uploaded_at, since FROM artifact WHERE sha256 = $1", [Value(sha256)]
        ).map { try Record($0) }
    }

    package static func all(in rows: any Rows) throws -> [Digest: Record] {
        var records: [Digest: Record] = [:]
        for row in try rows.query("SELECT sha256, state, uploaded_at, since FROM artifact") {
            guard let sha256 = Digest(hex: try row.text("sha256")) else { throw Row.damaged("sha256") }
            records[sha256] = try Record(row)
        }
        return records
    }

    /// Nothing is published or offered whose artifact was removed; asked in the transaction that does so.
    package static func demandHere(_ sha256: Digest, in rows: any Rows) throws {
        guard let record = try find(sha256, in: rows), record.state != .here else { return }
        throw Refusal(
            .gone, "The artifact \(sha256) was pruned.", hint: "Upload it again: PUT /api/v1/artifacts/\(sha256)",
            rule: "artifact: pruned")
    }

    // MARK: - Uploads

    private static let pause = Duration.milliseconds(100)
    private static let mostPauses = 50

    /// Before the bytes come to their place: from here on nobody removes them for a while. Waits for a removal that is under way.
    /// - Returns: whether the artifact was removed before; then `arrive` says when it is back.
    package static func expect(_ sha256: Digest, in house: House, as principal: Principal) async throws -> Bool {
        for _ in 0..<mostPauses {
            let wasRemoved = try await house.change(as: principal) { try expect(sha256, in: $0) }
            if let wasRemoved { return wasRemoved }
            try await Task.sleep(for: pause)
        }
        throw Refusal(
            .unavailable, "The artifact \(sha256) is being removed just now.", hint: "Send it again.",
            rule: "artifact: pruned", retryAfterSeconds: 5)
    }

    /// Nil while it is being removed.
    private static func expect(_ sha256: Digest, in change: Change) throws -> Bool? {
        let record = try find(sha256, in: change.rows)
        if let record, record.isUnderWay(at: change.now) { return nil }
        // Whoever was killed while it removed it does not go on.
        let state: State = record?.state == .removing ? .removed : record?.state ?? .here
        try keep(sha256, state, uploadedAt: change.now, in: change)
        return state != .here
    }

    /// The bytes of an artifact that was removed are back in their place.
    package static func arrive(_ sha256: Digest, in house: House, as principal: Principal) async throws {
        try await house.change(as: principal) { change in
            guard let record = try find(sha256, in: change.rows), record.state != .here else { return }
            try keep(sha256, .here, uploadedAt: change.now, in: change)
            try change.record(.artifactReturned(artifact: sha256))
        }
    }

    private static func keep(
        _ sha256: Digest, _ state: State, uploadedAt: Timestamp, in change: Change
    ) throws {
        try change.rows.execute(
            """
            INSERT INTO artifact (sha256, state, uploaded_at, since) VALUES ($1, $2, $3, $4)
            ON CONFLICT (sha256) DO UPDATE SET state = excluded.state, uploaded_at = excluded.uploaded_at,
                since = excluded.since
            """, [Value(sha256), .text(state.rawValue), Value(uploadedAt), Value(change.now)])
    }

    // MARK: - Removal

    /// Bytes that nobody is known to have uploaded: their time begins now.
    package static func notice(_ artifacts: [Digest], in change: Change) throws {
        for sha256 in artifacts {
            try change.rows.execute(
                """
                INSERT INTO artifact (sha256, state, uploaded_at, since) VALUES ($1, 'here', $2, $3)
                ON CONFLICT (sha256) DO NOTHING
                """, [Value(sha256), Value(change.now), Value(change.now)])
        }
    }

    /// Whoever removed them was killed before it could say so.
    package static func settle(_ artifacts: [Digest], in change: Change) throws {
        for sha256 in artifacts {
            guard let record = try find(sha256, in: change.rows), record.state == .removing,
                !record.isUnderWay(at: change.now)
            else { continue }
            try keep(sha256, .removed, uploadedAt: record.uploadedAt, in: change)
        }
    }

    /// Writes down that an artifact is going to be removed.
    /// - Parameter uploadedBefore: what was uploaded since stays.
    /// - Returns: false if it stays, or somebody else is at it.
    package static func mark(
        _ sha256: Digest, of size: Int, uploadedBefore limit: Timestamp, in change: Change
    ) throws -> Bool {
        let record = try find(sha256, in: change.rows)
        if let record, record.uploadedAt > limit || record.isUnderWay(at: change.now) { return false }
        try keep(sha256, .removing, uploadedAt: record?.uploadedAt ?? Timestamp(milliseconds: 0), in: change)
        // What the ledger says already, and was not done.
        if record == nil || record?.state == .here {
            try change.record(.artifactPruned(artifact: sha256, size: size))
        }
        return true
    }

    /// Removes what was marked at that instant, and says so. What it does not come to is left to the next time.
    package static func remove(
        _ artifacts: [Digest], markedAt since: Timestamp, from store: ArtifactFolder, in house: House,
        as principal: Principal
    ) async throws -> [Digest] {
        let start = ContinuousClock.now
        var removed: [Digest] = []
        var failure: (any Error)?
        for sha256 in artifacts {
            guard start.duration(to: .now) < .seconds(removalSeconds / 2) else { break }
            do {
                try store.remove(sha256)
                removed.append(sha256)
            } catch {
                failure = error
                break
            }
        }
        let done = removed
        try await house.change(as: principal) { change in
            for sha256 in done {
                try change.rows.execute(
                    "UPDATE artifact SET state = 'removed' WHERE sha256 = $1 AND state = 'removing' AND since = $2",
                    [Value(sha256), Value(since)])
            }
        }
        if let failure { throw failure }
        return removed
    }
}

/// What the ledger says of artifacts that were removed, against their table.
struct ArtifactAudit {
    private var pruned: Set<Digest> = []

    mutating func take(_ event: Event) {
        switch event {
        case .artifactPruned(let artifact, _): pruned.insert(artifact)
        case .artifactReturned(let artifact): pruned.remove(artifact)
        default: break
        }
    }

    func compare(_ rows: any Rows, _ notes: Notes) throws {
        var left = pruned
        for row in try rows.query("SELECT sha256 FROM artifact WHERE state <> 'here'") {
            let name = try row.text("sha256")
            if Digest(hex: name).flatMap({ left.remove($0) }) == nil {
                notes.find("artifact \(name)", "It is marked as pruned, and the ledger never heard of that.")
            }
        }
        for artifact in left {
            notes.find("artifact \(artifact)", "The ledger says that it was pruned, and the registry does not.")
        }
    }
}
