import Agent
import Crypto
import Design
import Foundation
import Keys
import KeysFile
import Manufacture
import NIOSSL
import Registry
import Station
import Store
import StorePostgreSQL
import StoreSQLite
import Trust
import Wire
import Workbench

/// One home with everybody who uses it: the maker, a station, owners, units and the server's doors of the moment.
final class World: Sendable {
    static let product = ProductID(trusted: "crash-lamp")
    static let hardware = "crash-board"

    /// One unit in the hands of at most one client at a time.
    struct Unit: Sendable {
        var serial: String
        var key: EphemeralKey
        var certificate: [UInt8]
        var operational: Operational?
        /// Hash of its log's last entry, and how many there are.
        var logHead = Digest([UInt8](repeating: 0, count: 32))
        var logCount = 0
        /// Written and not known to have arrived: sent again as it was.
        var logWaiting: DeviceLogEntry?
        var failuresInARow = 0
        var device: DeviceID?
    }

    struct Owner: Sendable {
        var id: OwnerID
        var token: String
    }

    struct Doors: Sendable {
        var device: String
        var people: String
        var open: String
    }

    let folder: String
    var home: String { folder + "/home" }
    /// As the setting of that name.
    let database: String
    let notebook: Notebook
    private struct State {
        var units: [Unit] = []
        var owners: [Owner] = []
        var pending: [PendingBatch] = []
        var doors: Doors?
        var anchors: [[UInt8]] = []
        var admin = ""
        var number = 0
        var sequence = 0
        var codes: [String: String] = [:]
    }
    private let state = Locked(State())

    /// A batch whose births the registry may or may not have.
    struct PendingBatch: Sendable {
        var batch: BatchID
        var manifest: Seal
        var units: [Unit]
        var isAdmitted = false
    }

    init(folder: String, database: String, notebook: Notebook) throws {
        self.folder = folder
        self.database = database
        self.notebook = notebook
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    /// A connection of one's own to the database.
    func openDatabase() throws -> any Database {
        database == "sqlite"
            ? try SQLiteDatabase(path: home + "/lifelong.db", migrations: Schema.migrations)
            : try PostgreSQLDatabase(ConnectionPlan(database), migrations: Schema.migrations)
    }

    // MARK: - The server of the moment

    func open(_ ports: ServerProcess.Ports) throws {
        let token = try String(contentsOfFile: home + "/cli-token", encoding: .utf8)
        state.withLock { state in
            state.admin = token
            state.doors = Doors(
                device: "https://127.0.0.1:\(ports.device)", people: "http://127.0.0.1:\(ports.people)",
                open: "http://127.0.0.1:\(ports.open)")
        }
    }

    var doors: Doors { state.withLock { $0.doors ?? Doors(device: "", people: "", open: "") } }
    var admin: String { state.withLock { $0.admin } }
    var anchors: [[UInt8]] { state.withLock { $0.anchors } }
    func set(anchors: [[UInt8]]) { state.withLock { $0.anchors = anchors } }

    // MARK: - Who and what there is

    var owners: [Owner] { state.withLock { $0.owners } }
    func add(_ owner: Owner) { state.withLock { $0.owners.append(owner) } }
    var unitCount: Int { state.withLock { $0.units.count + $0.pending.reduce(0) { $0 + $1.units.count } } }
    func add(_ units: [Unit]) { state.withLock { $0.units += units } }
    func number() -> Int {
        state.withLock { state in
            state.number += 1
            return state.number
        }
    }
    func sequence() -> Int {
        state.withLock { state in
            state.sequence += 1
            return state.sequence
        }
    }

    func takeUnit(_ dice: inout Dice) -> Unit? {
        let choice = dice.next()
        return state.withLock { state in
            state.units.isEmpty ? nil : state.units.remove(at: Int(choice % UInt64(state.units.count)))
        }
    }
    func putBack(_ unit: Unit) { state.withLock { $0.units.append(unit) } }

    func takePending() -> PendingBatch? { state.withLock { $0.pending.popLast() } }
    func putBack(_ batch: PendingBatch) { state.withLock { $0.pending.append(batch) } }

    /// The code of an offer, as long as somebody knows it.
    func code(of serial: String) -> String? { state.withLock { $0.codes[serial] } }
    func remember(code: String?, of serial: String) { state.withLock { $0.codes[serial] = code } }

    // MARK: - The station

    private var stationHome: StationHome { StationHome(folder + "/station") }
    private func stationKeys() throws -> FileKeyStore { try FileKeyStore(folder: folder + "/station-keys") }

    func stationRequest() throws -> StationRequest {
        try alone { try InitializeStation(home: stationHome, name: "line-1").perform(keys: stationKeys()) }
    }

    /// A program that is being started from here holds the station's lock, too, until it is another program.
    private func alone<T>(_ body: () throws -> T) throws -> T {
        for _ in 0..<200 {
            do { return try body() } catch let refusal as Refusal where refusal.code == .conflict {
                Thread.sleep(forTimeInterval: 0.005)
            }
        }
        return try body()
    }

    /// Makes the units that a permit allows.
    func bear(_ permit: Seal, _ batch: BatchID, count: Int, makerKey: [UInt8]) throws -> PendingBatch {
        let keys = try stationKeys()
        let units = try alone { try bearUnits(permit, count, makerKey, keys) }
        // Only now: whoever makes units holds the station.
        let manifest = try alone {
            try CloseBatch(home: stationHome, batch: batch).perform(keys: keys, at: Self.clock())
        }
        return PendingBatch(batch: batch, manifest: manifest, units: units)
    }

    private func bearUnits(_ permit: Seal, _ count: Int, _ makerKey: [UInt8], _ keys: FileKeyStore) throws -> [Unit] {
        let line = try Batch.open(
            stationHome, permit: permit, makerKey: makerKey, keys: keys, options: .init(labelSecrets: false),
            clock: Self.clock)
        return try (0..<count).map { _ in
            let serial = try line.claimSerial(hardware: Self.hardware, carried: nil)
            let key = EphemeralKey()
            let born = try line.bear(serial, request: CertificationRequest.birth(serial: serial, key: key))
            return Unit(serial: serial, key: key, certificate: born.certificate)
        }
    }

    static let clock: @Sendable () -> Timestamp = {
        Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
    }
}
