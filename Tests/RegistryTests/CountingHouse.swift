import Foundation
import KeysFile
import Logging
import Registry
import Store
import StoreSQLite
import Wire
import Workbench

/// A database that counts its commits.
final class CountingDatabase: Database {
    private let database: any Database
    private let count = Locked(0)
    var kind: String { database.kind }
    var writes: Int { count.withLock { $0 } }

    init(_ database: any Database) { self.database = database }

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

    /// - Parameters:
    ///   - store: folder of the database alone; its own by default.
    ///   - isFile: it has to be SQLite.
    convenience init(store: String? = nil, isFile: Bool = false) async throws {
        let folder = try Self.makeFolder()
        try await self.init(
            on: isFile || store != nil
                ? try SQLiteDatabase(path: (store ?? folder) + "/lifelong.db", migrations: Schema.migrations)
                : try await BenchEngine.open(in: folder), folder: folder)
    }

    init(on database: any Database, folder: String? = nil) async throws {
        self.folder = try folder ?? Self.makeFolder()
        self.database = CountingDatabase(database)
        let clock = clock
        house = try await House(
            database: self.database, keys: FileKeyStore(folder: self.folder + "/keys"), settings: HouseSettings(),
            log: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }, clock: { clock.now },
            random: BenchClock.random)
    }

    private static func makeFolder() throws -> String {
        let folder = NSTemporaryDirectory() + "/lifelong-registry-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    deinit {
        try? database.close()
        try? FileManager.default.removeItem(atPath: folder)
    }
}
