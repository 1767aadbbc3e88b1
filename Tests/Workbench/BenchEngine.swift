import Foundation
import Registry
import Store
import StorePostgreSQL
import StoreSQLite
import Wire

/// The engine that the suite runs on: SQLite, or PostgreSQL where LIFELONG_TEST_DATABASE names a server (scripts/test.sh runs
/// the suite once on each).
package enum BenchEngine {
    /// "postgresql:host=… dbname=…"; nil on SQLite.
    package static let server = ProcessInfo.processInfo.environment["LIFELONG_TEST_DATABASE"].flatMap {
        $0.isEmpty ? nil : $0
    }
    package static var isPostgreSQL: Bool { server != nil }

    /// A new, empty database: a file in the folder, or a schema of the server.
    package static func open(
        in folder: String, migrations: [Migration] = Schema.migrations
    ) async throws -> any Database {
        try open(await place(in: folder), migrations: migrations)
    }

    /// Where a new, empty database is to be: what `open` takes, and several nodes can take the same.
    package static func place(in folder: String) async throws -> String {
        isPostgreSQL ? try await makeSchema() : folder
    }

    /// A database that is there.
    package static func open(_ place: String, migrations: [Migration] = Schema.migrations) throws -> any Database {
        isPostgreSQL
            ? try PostgreSQLDatabase(ConnectionPlan(place), migrations: migrations)
            : try SQLiteDatabase(path: place + "/lifelong.db", migrations: migrations)
    }

    /// What to connect to a new, empty schema with.
    package static func makeSchema() async throws -> String {
        guard let server else {
            throw Refusal(.unavailable, "There is no server.", hint: "Set LIFELONG_TEST_DATABASE.")
        }
        let name = "bench_\(UUID().uuidString.replacing("-", with: "").lowercased())"
        _ = try await keeper.write { try $0.execute("CREATE SCHEMA \(name)", []) }
        return "\(server) options='-c search_path=\(name)'"
    }

    /// Makes the schemas; one for the whole run.
    private static let keeper: any Database = {
        do {
            return try PostgreSQLDatabase(ConnectionPlan(server ?? ""), migrations: [])
        } catch {
            preconditionFailure("\(error)")
        }
    }()
}
