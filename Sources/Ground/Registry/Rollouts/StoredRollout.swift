import Passport
import Rollout
import Store
import Wire

/// A rollout as the store keeps it: its plan, how far it is, and how far the one who advances it has read.
package struct StoredRollout: Sendable {
    package let id: RolloutID
    package let release: Digest
    package let plan: RolloutPlan
    package let plannedBy: PersonID?
    package let plannedAt: Timestamp
    package var approvedBy: PersonID?
    package var state: RolloutState
    /// There may be something to do about it.
    package var isActive: Bool
    /// Changed with each change: the compare-and-set of whoever advances it.
    package let version: Int
    /// Ledger entries before this one are counted.
    package var heard: Int64
    /// The device at which the walk over the fleet stands; nil at its beginning.
    package var gatheredTo: String?
    package var gatherAt: Timestamp

    private static let columns =
        "id, release, plan, planned_by, planned_at, approved_by, state, active, version, heard, gathered_to, gather_at"

    /// A new one, which nobody has approved.
    package init(_ id: RolloutID, plan: RolloutPlan, release: Digest, by planner: PersonID?, at now: Timestamp) {
        self.id = id
        self.release = release
        self.plan = plan
        (plannedBy, plannedAt) = (planner, now)
        state = RolloutState(plan)
        (isActive, version, heard, gatherAt) = (false, 0, 0, now)
    }

    init(_ row: Row) throws {
        guard let release = Digest(hex: try row.text("release")) else { throw Row.damaged("release") }
        self.release = release
        id = try row.id("id")
        plan = try CanonicalJSON.decode(RolloutPlan.self, from: Array(row.text("plan").utf8))
        plannedBy = try row.optionalID("planned_by")
        plannedAt = try row.time("planned_at")
        approvedBy = try row.optionalID("approved_by")
        state = try CanonicalJSON.decode(RolloutState.self, from: Array(row.text("state").utf8))
        isActive = try row.int("active") == 1
        version = try row.int("version")
        heard = Int64(try row.int("heard"))
        gatheredTo = row.optionalText("gathered_to")
        gatherAt = try row.time("gather_at")
    }

    package static func find(_ id: RolloutID, in rows: any Rows) throws -> StoredRollout? {
        try rows.first("SELECT \(columns) FROM rollout WHERE id = $1", [Value(id)]).map { try StoredRollout($0) }
    }

    package static func require(_ id: RolloutID, in rows: any Rows) throws -> StoredRollout {
        guard let found = try find(id, in: rows) else {
            throw Refusal(.notFound, "There is no rollout \"\(id)\".", hint: "List them: lifelong rollout list")
        }
        return found
    }

    /// Those about which there may be something to do, of one product or of all.
    package static func active(of product: ProductID? = nil, in rows: any Rows) throws -> [StoredRollout] {
        let condition = product == nil ? "" : " AND product = $1"
        return try rows.query(
            "SELECT \(columns) FROM rollout WHERE active = 1\(condition) ORDER BY product, id",
            product.map { [Value($0)] } ?? []
        ).map { try StoredRollout($0) }
    }

    /// Newest first.
    /// - Parameter place: only those that were planned before that one.
    static func newest(
        _ limit: Int, before place: (at: Timestamp, id: RolloutID)? = nil, in rows: any Rows
    ) throws -> [StoredRollout] {
        let condition = place == nil ? "" : "WHERE (planned_at, id) < ($2, $3) "
        return try rows.query(
            "SELECT \(columns) FROM rollout \(condition)ORDER BY planned_at DESC, id DESC LIMIT $1",
            [Value(limit)] + (place.map { [Value($0.at), Value($0.id)] } ?? [])
        ).map { try StoredRollout($0) }
    }

    /// Those of one release, newest first.
    package static func all(of release: Digest, in rows: any Rows) throws -> [StoredRollout] {
        try rows.query(
            "SELECT \(columns) FROM rollout WHERE release = $1 ORDER BY planned_at DESC, id DESC", [Value(release)]
        ).map { try StoredRollout($0) }
    }

    /// The release that devices may go back to from this rollout's: what its signed manifest says.
    package func returns(in rows: any Rows) throws -> Int? {
        guard plan.returnsFrom == nil,
            let before = try StoredRelease.find(plan.sequence, of: plan.product, in: rows)?.manifest.mayReturnTo
        else { return nil }
        return try rows.first("SELECT sequence FROM release WHERE digest = $1", [Value(before)])?.int("sequence")
    }

    /// How many stand still until a person does something about them.
    static func waiting(in rows: any Rows) throws -> (paused: Int, planned: Int) {
        func count(_ status: RolloutState.Status) throws -> Int {
            try rows.count("SELECT COUNT(*) AS n FROM rollout WHERE status = $1", [.text(status.rawValue)])
        }
        return (try count(.paused), try count(.planned))
    }

    package func insert(in rows: any Rows) throws {
        try rows.execute(
            """
            INSERT INTO rollout (id, product, sequence, release, plan, planned_by, planned_at, status, state, active, version,
                heard, gather_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, 0, $10)
            """,
            [
                Value(id), Value(plan.product), Value(plan.sequence), Value(release), .text(try Self.json(plan)),
                Value(plannedBy), Value(plannedAt), .text(state.status.rawValue), .text(try Self.json(state)),
                Value(gatherAt),
            ])
    }

    /// Refuses, with everything around it, if somebody else has changed it since it was read.
    package func save(in rows: any Rows) throws {
        try rows.later(
            """
            UPDATE rollout SET status = $1, state = $2, approved_by = $3, active = $4, version = $5, heard = $6,
                gathered_to = $7, gather_at = $8 WHERE id = $9 AND version = $10
            """,
            [
                .text(state.status.rawValue), .text(try Self.json(state)), Value(approvedBy), Value(isActive ? 1 : 0),
                Value(version + 1), .int(heard), Value(gatheredTo), Value(gatherAt), Value(id), Value(version),
            ], changing: 1)
    }

    private static func json(_ value: some Encodable) throws -> String {
        String(decoding: try CanonicalJSON.encode(value), as: UTF8.self)
    }
}
