import ArgumentParser
import Foundation
import KeysFile
import Ledger
import Logging
import Passport
import Registry
import Server
import Store
import StoreSQLite
import Synchronization
import Trust
import Wire

/// `lifelong-scale measure HOME`: starts the real server on a home, and measures each page, look-up and list from inside.
struct Measure: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Measure a home.")
    @Argument(help: "Its folder.") var home: String
    @Option(help: "Add the figures to this file.") var json: String?
    @Option(help: "How often each page is asked for.") var runs = 7
    @Flag(help: "Pages only.") var pages = false

    func run() async throws {
        let (house, seconds) = try await open()
        let devices = try await house.read { try $0.count("SELECT SUM(n) AS n FROM stage_count WHERE owner = ''") }
        var figures = try Figures(json, devices: devices)
        print("\(devices) devices")
        let server = try Server(house, Self.settings)
        let ports = AsyncStream<Server.Ports>.makeStream()
        let began = ContinuousClock.now
        let task = Task { try await server.run { ports.continuation.yield($0) } }
        for await port in ports.stream {
            figures.add("start", seconds + Bar.seconds(since: began), "s")
            try? await Task.sleep(for: .seconds(2))
            figures.add("memory at rest", Double(Bar.resident), "bytes")
            try await Bar.quiet { Bar.processor.seconds }
            try await Pages(house: house, ports: port, runs: runs).measure(&figures)
            figures.add("memory after all pages", Double(Bar.resident), "bytes")
            break
        }
        task.cancel()
        _ = try? await task.value
        if !pages {
            try await LedgerMeasures(house: house).measure(&figures)
            try await RevocationMeasures(house: house).measure(&figures)
            try await DiskMeasures(house: house, folder: home).measure(devices, &figures)
        }
        try figures.save()
        try house.database.close()
    }

    private static var settings: Server.Settings {
        var settings = Server.Settings()
        settings.device = .init(host: "127.0.0.1", port: 0)
        settings.people = .init(host: "127.0.0.1", port: 0)
        settings.open = .init(host: "127.0.0.1", port: 0)
        return settings
    }

    /// The house, in the time of its ledger's end: the contacts of the fleet are as fresh as when it was made.
    private func open() async throws -> (House, Double) {
        let began = ContinuousClock.now
        let database = try SQLiteDatabase(path: home + "/lifelong.db", migrations: Schema.migrations)
        let last = try await database.read { rows in
            try rows.first("SELECT last_at FROM ledger_size WHERE one = 1")?.time("last_at") ?? Timestamp(seconds: 0)
        }
        var settings = HouseSettings()
        settings.artifactFolder = home + "/artifacts"
        let house = try await House(
            database: database, keys: FileKeyStore(folder: home + "/keys"), settings: settings,
            log: Logger(label: "scale") { _ in SwiftLogNoOpLogHandler() },
            clock: { last.adding(seconds: Int64(Bar.seconds(since: began))) }, random: Bar.random)
        return (house, Bar.seconds(since: began))
    }
}

/// Least and middle of some durations, in seconds.
struct Durations {
    private var all: [Double] = []
    mutating func add(_ seconds: Double) { all.append(seconds) }
    var least: Double { all.min() ?? 0 }
    var middle: Double { all.sorted()[all.count / 2] }

    static func of(_ runs: Int, _ body: () throws -> Void) rethrows -> Durations {
        var durations = Durations()
        for _ in 0..<runs {
            let began = ContinuousClock.now
            try body()
            durations.add(Bar.seconds(since: began))
        }
        return durations
    }
}
