import Foundation
import Keys
import KeysFile
import Logging
import Registry
import Store
import StorePostgreSQL
import StoreSQLite
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// The server's folder: everything that it keeps, readable by its owner only.
///
/// `lifelong.yaml` (settings, each explained), `lifelong.db` (the database, unless it is PostgreSQL), `keys/` (the development default),
/// `artifacts/` (by SHA-256), `cli-token` (for commands on this machine; renewed by the start),
/// `maker-permit.pem` (what stations pin), `console.json` (where the server listens).
struct ServerHome {
    let path: String

    var configurationFile: String { path + "/lifelong.yaml" }
    var databaseFile: String { path + "/lifelong.db" }
    /// In a backup of a home whose database is PostgreSQL: what pg_dump wrote.
    var dumpFile: String { path + "/lifelong.pgdump" }
    /// Or the folder that it is a link to, which several servers share.
    var keyFolder: String { URL(fileURLWithPath: path + "/keys").resolvingSymlinksInPath().path }
    /// A folder of the home, unless the setting names one that several servers share.
    func artifactFolder(_ configuration: ServerConfiguration) -> String {
        configuration.artifacts.isEmpty ? path + "/artifacts" : configuration.artifacts
    }
    var tokenFile: String { path + "/cli-token" }
    /// Public half of the key that signs permits; stations pin it (`station init --maker-key`).
    var permitKeyFile: String { path + "/maker-permit.pem" }
    var consoleFile: String { path + "/console.json" }

    init(_ path: String) {
        self.path = URL(fileURLWithPath: path).standardizedFileURL.path
    }

    /// Makes what is missing; refuses a folder that others can read or that cannot be written.
    func prepare() throws {
        try DurableFile.makeFolder(path)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        if let mode = attributes[.posixPermissions] as? Int, mode & 0o077 != 0 {
            throw Refusal(
                .unavailable, "The home \(path) can be read by others (mode \(String(mode, radix: 8))).",
                hint: "Run: chmod 700 \(path)")
        }
        guard access(path, W_OK | X_OK) == 0 else {
            throw Refusal(
                .unavailable, "The home \(path) cannot be written.", hint: "Check its owner, or choose another --home.")
        }
        try DurableFile.makeFolder(path + "/artifacts")
    }

    /// One server a home: the lock is the process's and goes with it, however it ends.
    func lock(usedBy program: String = "lifelong serve") throws -> HomeLock {
        let file = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0, flock(file, LOCK_EX | LOCK_NB) == 0 else {
            throw Refusal(
                .unavailable, "Another `\(program)` uses the home \(path).",
                hint: "Stop it first, or choose another --home.")
        }
        return HomeLock(file: file)
    }

    /// The engine that the setting `database` names.
    func openDatabase(_ setting: String) throws -> any Store.Database {
        if setting == "sqlite" {
            try demandNoLoss()
            return try SQLiteDatabase(path: databaseFile, migrations: Schema.migrations)
        }
        guard ConnectionPlan.isPostgreSQL(setting) else {
            throw Refusal(
                .malformed, "The setting \"database\" names no engine.",
                hint: "Write \"sqlite\" or \"postgresql://user@host/name\".")
        }
        return try PostgreSQLDatabase(ConnectionPlan(setting), migrations: Schema.migrations)
    }

    /// A home with keys and without its database has lost it: a new, empty one beside the old keys would hide that.
    private func demandNoLoss() throws {
        let size = try? FileManager.default.attributesOfItem(atPath: databaseFile)[.size] as? Int
        guard size ?? 0 == 0 else { return }
        let keys = (try? FileManager.default.contentsOfDirectory(atPath: keyFolder)) ?? []
        guard keys.contains(where: { $0.hasSuffix(".key.pem") }) || FileManager.default.fileExists(atPath: tokenFile)
        else { return }
        throw Refusal(
            .unavailable,
            "The home \(path) has keys, but its database \(databaseFile) is \(size == nil ? "gone" : "empty").",
            hint: "Put it back, or run `lifelong restore` from a backup into a new home.")
    }

    /// For commands that look at a home while a server may be running on it.
    func requireDatabase() throws -> any Store.Database {
        let setting = try configuration().database
        guard setting != "sqlite" || FileManager.default.fileExists(atPath: databaseFile) else {
            throw Refusal(
                .notFound, "There is no Lifelong home at \(path).",
                hint: "Name it with --home, or make one: lifelong serve --home \(path)")
        }
        return try openDatabase(setting)
    }

    /// What stands in `lifelong.yaml`; the defaults if there is none.
    func configuration() throws -> ServerConfiguration {
        guard FileManager.default.fileExists(atPath: configurationFile) else { return ServerConfiguration() }
        return try ServerConfiguration.read(configurationFile)
    }
}

struct HomeLock: ~Copyable {
    let file: Int32
    deinit { close(file) }
}

/// Clock and randomness of the machine, handed to the house.
enum Machine {
    static let clock: @Sendable () -> Timestamp = {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Timestamp(milliseconds: Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000)
    }

    static let random: @Sendable (Int) -> [UInt8] = { count in
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    /// A clock before this program was written, or a century after, makes certificates that nobody can use.
    static func demandUsableClock() throws {
        let now = clock()
        guard now > Timestamp(year: 2026, month: 1, day: 1), now < Timestamp(year: 2126, month: 1, day: 1) else {
            throw Refusal(
                .unavailable, "This machine's clock says \(now).",
                hint: "Set the clock right, with NTP, and start again.")
        }
    }
}
