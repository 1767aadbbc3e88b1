import Passport
import Store
import Wire

/// What is counted beside the stages, by the name of its row in `tally`.
package enum Tally {
    /// Tenures that are over.
    package static let tenuresEnded = "tenures ended"
    /// Certificates of an authority that were revoked or abandoned, but for those that a newer one replaced.
    package static func revoked(by authority: String) -> String { "revoked \(authority)" }
    /// Certificates of an authority that a newer one replaced.
    package static func superseded(by authority: String) -> String { "superseded \(authority)" }
    /// Devices that run a release; retired ones run nothing.
    static func running(_ release: Digest) -> String { "runs \(release)" }
    /// For a registry that did not count them so far.
    package static let countRunning = "INSERT INTO tally (name, n, at) \(runningByPassport)"
    /// The same numbers from the passports, whose bytes are always written alike.
    static let runningByPassport = """
        SELECT 'runs ' || r.digest AS name, COUNT(*) AS n, 0 AS at FROM release r
        JOIN device d ON d.product = r.product WHERE d.stage <> 'retired'
        AND (d.passport LIKE '%,"installed":{"release":"' || r.digest || '"%'
            OR d.passport LIKE '%,"installed":{"observed":true,"release":"' || r.digest || '"%') GROUP BY r.digest
        """
    /// Devices of the fleet ("") or of an owner that made contact lately; counted now and then (`ContactCounts`).
    static func contacts(of owner: String) -> String { "contacts \(owner)" }

    /// The count, and when it was last written.
    static func read(_ name: String, in rows: any Rows) throws -> (n: Int, at: Timestamp)? {
        try rows.first("SELECT n, at FROM tally WHERE name = $1", [.text(name)]).map {
            (try $0.int("n"), try $0.time("at"))
        }
    }
}

extension Passport {
    /// The release that runs on it, as it is counted.
    var running: Digest? { stage == .retired ? nil : installed?.release }
}

/// Changes of counts that wait for the end of their transaction. Rows are counted where they change, because counting a
/// million of them takes longer than a person waits; a group of changes writes each count once.
struct Counted {
    private struct Place: Hashable, Comparable {
        var owner: String
        var stage: Stage
        static func < (a: Place, b: Place) -> Bool { (a.owner, a.stage.rawValue) < (b.owner, b.stage.rawValue) }
    }
    private var stages: [Place: Int] = [:]
    private var tallies: [String: Int] = [:]

    /// A device of that owner came into the stage (`by` 1) or left it (-1). Counts for the owner alone.
    mutating func add(_ by: Int, to stage: Stage, of owner: OwnerID) {
        stages[Place(owner: owner.text, stage: stage), default: 0] += by
    }

    /// The same for the fleet as a whole.
    mutating func addToFleet(_ by: Int, to stage: Stage) { stages[Place(owner: "", stage: stage), default: 0] += by }

    mutating func move(from old: Stage, to new: Stage, of owner: OwnerID?) {
        guard old != new else { return }
        addToFleet(-1, to: old)
        addToFleet(1, to: new)
        if let owner {
            add(-1, to: old, of: owner)
            add(1, to: new, of: owner)
        }
    }

    mutating func add(_ by: Int, to tally: String) { tallies[tally, default: 0] += by }

    mutating func run(_ old: Digest?, to new: Digest?) {
        guard old != new else { return }
        if let old { add(-1, to: Tally.running(old)) }
        if let new { add(1, to: Tally.running(new)) }
    }

    /// In one order always, so that two nodes never wait for each other.
    func write(at now: Timestamp, to rows: any Rows) throws {
        for (place, change) in stages.sorted(by: { $0.key < $1.key }) where change != 0 {
            try rows.later(
                """
                INSERT INTO stage_count (owner, stage, n) VALUES ($1, $2, $3)
                ON CONFLICT (owner, stage) DO UPDATE SET n = stage_count.n + excluded.n
                """, [.text(place.owner), .text(place.stage.rawValue), Value(change)], changing: 1)
        }
        for (name, change) in tallies.sorted(by: { $0.key < $1.key }) where change != 0 {
            try rows.later(
                """
                INSERT INTO tally (name, n, at) VALUES ($1, $2, $3)
                ON CONFLICT (name) DO UPDATE SET n = tally.n + excluded.n, at = excluded.at
                """, [.text(name), Value(change), Value(now)], changing: 1)
        }
    }
}
