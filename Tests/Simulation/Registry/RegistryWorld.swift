import Foundation
import Keys
import Logging
import Passport
import Registry
import Store
import StoreSQLite
import Trust
import Wire

/// The registry level: the real rooms, journal, issuer, tenures and audit on the real SQLite, several nodes on one database,
/// under a driver that decides everything from one seed.
///
/// `@unchecked Sendable`: everything runs on the driver's one thread.
package final class RegistryWorld: @unchecked Sendable {
    package struct Options: Sendable {
        package var nodes = 3
        package var clients = 8
        /// A rule to break on purpose.
        package var broken: BrokenRule?
        /// All invariants are looked at whenever so many requests were made.
        package var checkEvery = 2000
        package init() {}
    }

    /// A node that runs; gone with its memory when it crashes.
    struct Node {
        var house: House
        var database: SimulatedDatabase
    }

    /// A device as it knows itself, and who has it in hand.
    struct Unit {
        var id: DeviceID
        var serial: String
        var key: SimulatedKey
        var birth: [UInt8]
        var operational: (der: [UInt8], key: SimulatedKey)?
        var transferCode: String?
        var oldReceipt: Seal?
        var log: [DeviceLogEntry] = []
    }

    package let seed: UInt64
    let options: Options
    let steps: Int
    let driver: Driver
    let store: any Database
    let folder: String
    let keys: SimulatedKeys
    let fanout = CommitFanout()
    var random: SeededRandom
    var report = RunReport()
    var now: Int64 = 1_767_225_600_000
    var skews: [Int64]
    var nodes: [Node?]
    var units: [Unit] = []
    var owners: [Principal] = []
    var ledger = LedgerFold()
    var books = Books()
    var violation: Violation?
    var strange: [String] = []
    /// Faults begin when the house stands.
    var hasFaults = false
    var sequence = 0
    var batches = 0
    var keysMade = 0
    var recent: [String] = []
    var hasTampered = false
    static let product = ProductID(trusted: "thermostat-2")

    /// - Parameter folder: for the database and the artifacts; on a memory file system, if there is one.
    package init(seed: UInt64, steps: Int, folder: String, options: Options = Options()) throws {
        self.seed = seed
        self.steps = steps
        self.options = options
        self.folder = folder
        driver = Driver(seed: seed ^ 0x5eed)
        keys = SimulatedKeys(seed: seed)
        random = SeededRandom(seed: seed)
        skews = Array(repeating: 0, count: options.nodes)
        nodes = Array(repeating: nil, count: options.nodes)
        try FileManager.default.createDirectory(atPath: folder + "/artifacts", withIntermediateDirectories: true)
        store = try SQLiteDatabase(path: folder + "/simulation.db", migrations: Schema.migrations)
    }

    /// Runs to the end of the steps or the first violation.
    package func run() throws -> RunReport {
        let ended = driver.run { [self] in
            do {
                try await settle()
                hasFaults = true
                await withTaskGroup(of: Void.self) { group in
                    for number in 0..<options.clients { group.addTask { await self.client(number) } }
                }
                if violation == nil { try await check() }
            } catch let found as Violation {
                violation = violation ?? found
            } catch {
                strange.append("\(error)")
            }
        }
        try? store.close()
        if let violation { throw violation }
        if let first = strange.first { throw found(.replay, "something strange was thrown: \(first)") }
        guard ended else { throw found(.replay, "the simulation came to a standstill") }
        return report
    }

    func tell(_ text: String) {
        recent.append("step \(report.steps): \(text)")
        if recent.count > 60 { recent.removeFirst(recent.count - 30) }
    }

    func found(_ invariant: Invariant, _ detail: String) -> Violation {
        Violation(
            invariant: invariant, detail: detail, seed: seed, step: report.steps, recent: Array(recent.suffix(30)))
    }

    // MARK: - Nodes

    var settings: HouseSettings {
        var settings = HouseSettings()
        settings.artifactFolder = folder + "/artifacts"
        settings.operationalSeconds = 3600
        return settings
    }

    /// A start of a node, again and again until it stands: what an earlier start left half done is finished by the next.
    func open(_ number: Int) async throws {
        while nodes[number] == nil {
            let database = SimulatedDatabase(
                store, driver: driver, fanout: fanout, fault: { self.fault($0) }, die: { self.crash(number) })
            starting[number] = database
            do {
                let house = try await House(
                    database: database, keys: keys, settings: settings,
                    log: Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() },
                    clock: { Timestamp(milliseconds: self.now + self.skews[number]) },
                    random: { self.random.bytes($0) })
                if !database.isDead { nodes[number] = Node(house: house, database: database) }
            } catch let refusal as Refusal where refusal.code == .unavailable {
                // A clock that is not believed is set right, as its operator would.
                skews[number] = 0
                continue
            }
        }
    }
    private var starting: [Int: SimulatedDatabase] = [:]

    func crash(_ number: Int) {
        tell("node \(number) dies")
        report.crashes += 1
        starting[number]?.isDead = true
        guard let node = nodes[number] else { return }
        node.database.isDead = true
        nodes[number] = nil
        Task.detached {
            do { try await self.open(number) } catch { self.strange.append("node \(number): \(error)") }
        }
    }

    private func fault(_ isWrite: Bool) -> SimulatedDatabase.Fault {
        now += Int64(random.below(500))
        guard hasFaults else { return .none }
        guard isWrite else { return random.oneIn(2000) ? .fails : .none }
        if options.broken == .answersEarly, random.oneIn(50) { return .lies }
        if options.broken == .answersTwice, random.oneIn(20) { return .doubles }
        switch random.below(600) {
        case 0...4: return .fails
        case 5...9: return .failsButPersists
        case 10: return .diesBefore
        case 11: return .diesAfter
        default: return .none
        }
    }

    /// Past all nodes: what stands in the database.
    func look<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T {
        try await driver.away { try await store.read(body) }
    }
}
