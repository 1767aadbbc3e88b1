import Store
import Wire

/// Who else is on a database: for what must run while nobody does.
package enum Neighbours {
    private static let own = "lifelong-look"

    /// Open connections of our programs on that database, by the name that they give themselves ("lifelong", unless the setting
    /// has an `application_name`). One that was killed counts until the server has noticed.
    package static func count(on setting: String, migrations: [Migration]) async throws -> Int {
        let plan = try ConnectionPlan(setting)
        let name = plan.options.first { $0.keyword == "application_name" }?.value ?? ""
        let database = try PostgreSQLDatabase(plan.named(own), migrations: migrations)
        let count = try await database.read { rows in
            try rows.count(
                """
                SELECT COUNT(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1
                """, [.text(name)])
        }
        try database.close()
        return count
    }
}

extension ConnectionPlan {
    /// The same, under another `application_name`.
    func named(_ name: String) -> ConnectionPlan {
        ConnectionPlan(options: options.filter { $0.keyword != "application_name" } + [("application_name", name)])
    }
}
