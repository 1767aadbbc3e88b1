import Foundation
import KeysFile
import Logging
import Registry
import Store
import StoreSQLite
import Synchronization
import Wire
import Workbench

/// A database that counts its commits.
final class CountingDatabase: Database {
    private let database: SQLiteDatabase
    private let count = Mutex(0)
    var kind: String { database.kind }
    var writes: Int { count.withLock { $0 } }

    init(_ database: SQLiteDatabase) { self.database = database }

    func read<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T { try await database.read(body) }
    func write<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T {
        count.withLock { $0 += 1 }
        return try await database.write(body)
    }
    func changes() -> AsyncStream<Void> { database.changes() }
    func forgetDeleted() async throws { try await database.forgetDeleted() }
    func backup(to path: String) async throws { try await database.backup(to: path) }
    func close() throws { try database.close() }
}

/// A house over a counting database, or with its database in a folder of the test's choice.
final class CountingHouse: Sendable {
    let folder: String
    let house: House
    let database: CountingDatabase
    let clock = BenchClock()

    /// - Parameter store: folder of the database alone; its own by default.
    init(store: String? = nil) async throws {
        folder = NSTemporaryDirectory() + "/lifelong-registry-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        database = CountingDatabase(
            try SQLiteDatabase(path: (store ?? folder) + "/lifelong.db", migrations: Schema.migrations))
        let clock = clock
        house = try await House(
            database: database, keys: FileKeyStore(folder: folder + "/keys"), settings: HouseSettings(),
            log: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }, clock: { clock.now },
            random: BenchClock.random)
    }

    deinit {
        try? database.close()
        try? FileManager.default.removeItem(atPath: folder)
    }
}
