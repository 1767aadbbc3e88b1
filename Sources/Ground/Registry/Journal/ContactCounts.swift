import Passport
import Store
import Wire

/// How many devices made contact lately, of the fleet and of each owner of many. A million contacts cannot be counted while
/// a person waits, and each of them changes the number; so they are counted every minute, and pages say of when it is.
package actor ContactCounts {
    private let house: House
    private var next = Timestamp(milliseconds: 0)

    /// Whoever owns fewer devices than this is counted at the moment of asking (index `stage_count_large`, which says the same number).
    static let countedAtOnce = 5000
    /// Seconds between two counts, at least; and counting takes a hundredth of the time at most.
    private static let pauseSeconds: Int64 = 60

    package init(_ house: House) { self.house = house }

    /// Counts again if it is time.
    package func refresh() async throws {
        let began = house.clock()
        guard began >= next else { return }
        let since = began.adding(seconds: Int64(-60 * Reading.contactMinutes))
        let counts = try await house.read { rows -> [(owner: String, n: Int)] in
            let fleet = try rows.count("SELECT COUNT(*) AS n FROM contact WHERE at >= $1", [Value(since)])
            let large = try rows.query(
                "SELECT DISTINCT owner FROM stage_count WHERE n >= \(Self.countedAtOnce) AND owner <> ''")
            return try [("", fleet)]
                + large.map { row in
                    let owner = try row.text("owner")
                    return (
                        owner,
                        try rows.count(
                            """
                            SELECT COUNT(*) AS n FROM device d JOIN contact c ON c.device = d.id
                            WHERE d.owner = $1 AND c.at >= $2
                            """, [.text(owner), Value(since)])
                    )
                }
        }
        try await house.database.write { rows in
            for count in counts {
                try rows.execute(
                    """
                    INSERT INTO tally (name, n, at) VALUES ($1, $2, $3)
                    ON CONFLICT (name) DO UPDATE SET n = excluded.n, at = excluded.at
                    """, [.text(Tally.contacts(of: count.owner)), Value(count.n), Value(began)])
            }
        }
        let took = house.clock().seconds(since: began)
        next = began.adding(seconds: max(Self.pauseSeconds, took * 100))
    }
}
