import ArgumentParser
import Foundation
import KeysFile
import Logging
import Registry
import Server
import Store
import StoreSQLite
import Wire

/// `lifelong-scale serve HOME`: the real server in a process of its own, so that its processor time is its own. Says its
/// ports on standard output.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serve a home; used by `day`.")
    @Argument(help: "Its folder.") var home: String
    @Flag(help: "End with the standard input: when whoever started it is gone.") var untilInputEnds = false

    func run() async throws {
        if untilInputEnds {
            // No signal of a parent that was killed comes by itself, and PR_SET_PDEATHSIG is of its thread, which may end before.
            Thread.detachNewThread {
                while true { if FileHandle.standardInput.availableData.isEmpty { _exit(0) } }
            }
        }
        let house = try await Self.house(home)
        var settings = Server.Settings()
        settings.device = .init(host: "127.0.0.1", port: 0)
        settings.people = .init(host: "127.0.0.1", port: 0)
        settings.open = .init(host: "127.0.0.1", port: 0)
        // A worker calls as one device, or as a few, as fast as it goes: the work is measured, not one device's share.
        settings.door.admission.perDeviceSecond = 0
        try await Server(house, settings).run { ports in
            print("\(ports.device)")
            fflush(nil)
        }
    }

    static func house(_ home: String) async throws -> House {
        var settings = HouseSettings()
        settings.artifactFolder = home + "/artifacts"
        return try await House(
            database: SQLiteDatabase(path: home + "/lifelong.db", migrations: Schema.migrations),
            keys: FileKeyStore(folder: home + "/keys"), settings: settings,
            log: Logger(label: "scale") { _ in SwiftLogNoOpLogHandler() },
            clock: { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }, random: Bar.random)
    }
}
