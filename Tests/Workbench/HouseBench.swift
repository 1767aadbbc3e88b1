import Foundation
import Keys
import KeysFile
import Ledger
import Logging
import Passport
import Registry
import Store
import Wire

/// A whole house for a test: the engine that is tested, keys in files and a simulated clock, in a folder that goes away with it.
///
/// Starts at 2026-01-01T00:00:00Z. Keep the bench alive as long as the house is used.
package final class HouseBench: Sendable {
    package let folder: String
    package let clock: BenchClock
    package let house: House
    package let publisher: Publisher
    private let place: String
    private let keys: String
    /// Whose folder and database this one goes on with.
    private let origin: HouseBench?
    package var reading: Reading { Reading(house, verifierKey: publisher.verifierKey) }

    /// - Parameters:
    ///   - keys: in place of files in the bench's folder.
    ///   - neighbour: another node, whose database, keys and clock it shares; on PostgreSQL only.
    ///   - log: where the house's log goes; nowhere if left out.
    ///   - faults: what makes a durable step of this house go wrong.
    ///   - wrap: puts something between the house and its database.
    ///   - settings: changes the defaults before the house opens.
    package init(
        keys store: (any KeyStore)? = nil, beside neighbour: HouseBench? = nil, log: Logger? = nil,
        faults: Faults? = nil, wrapping wrap: (any Database) -> any Database = { $0 },
        settings change: (inout HouseSettings) -> Void = { _ in }
    ) async throws {
        let folder = NSTemporaryDirectory() + "/lifelong-bench-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        var settings = HouseSettings()
        settings.artifactFolder = folder + "/artifacts"
        change(&settings)
        try FileManager.default.createDirectory(atPath: settings.artifactFolder, withIntermediateDirectories: true)
        let clock = neighbour?.clock ?? BenchClock()
        self.folder = folder
        if let neighbour { place = neighbour.place } else { place = try await BenchEngine.place(in: folder) }
        keys = neighbour?.keys ?? folder + "/keys"
        self.clock = clock
        house = try await Self.house(
            place, keys: keys, in: store, settings, clock, log: log, faults: faults, wrapping: wrap)
        publisher = try Publisher(house)
        origin = nil
    }

    /// The same house, opened again with other keys.
    package init(continuing origin: HouseBench, keys store: any KeyStore) async throws {
        self.origin = origin
        place = origin.place
        keys = origin.keys
        folder = origin.folder
        clock = origin.clock
        let before = origin.house
        house = try await House(
            database: before.database, keys: store, settings: before.settings, log: before.log, clock: before.clock,
            random: before.random)
        publisher = try Publisher(house)
    }

    /// A node's house over a database that is there, or is made now.
    package static func house(
        _ place: String, keys: String, in store: (any KeyStore)? = nil, _ settings: HouseSettings = HouseSettings(),
        _ clock: BenchClock = BenchClock(), log: Logger? = nil, faults: Faults? = nil,
        wrapping wrap: (any Database) -> any Database = { $0 }
    ) async throws -> House {
        var silent = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        silent.logLevel = .critical
        let keys: any KeyStore = try store ?? FileKeyStore(folder: keys)
        let database = wrap(try BenchEngine.open(place))
        return try await House(
            database: faults.map { FaultyDatabase(database, $0) as any Database } ?? database,
            keys: faults.map { FaultyKeys(keys, $0) as any KeyStore } ?? keys, settings: settings,
            log: log ?? silent, clock: { clock.now }, random: BenchClock.random)
    }

    deinit {
        guard origin == nil else { return }
        try? house.database.close()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Somebody with that role, and who it is to the house.
    package func person(_ name: String, _ role: Role, owner: OwnerID? = nil) async throws -> Principal {
        let added = try await house.perform(AddPerson(person: name, role: role, owner: owner), as: .system).person
        return Principal(role: role, person: added.id, owner: owner)
    }

    package func owner(_ name: String, _ kind: AddOwner.Kind = .person) async throws -> OwnerID {
        try await house.perform(AddOwner(owner: name, kind: kind), as: .system).owner
    }

    package func token(for person: String, label: String = "test") async throws -> String {
        try await house.perform(IssueToken(person: person, label: label), as: .system).token
    }
}

/// A clock that stands until it is moved.
package final class BenchClock: Sendable {
    private let instant = Locked(Timestamp(year: 2026, month: 1, day: 1))

    package init() {}

    package var now: Timestamp { instant.withLock { $0 } }
    package func advance(seconds: Int64) { instant.withLock { $0 = $0.adding(seconds: seconds) } }
    package func advance(days: Int64) { instant.withLock { $0 = $0.adding(days: days) } }

    package static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
}
