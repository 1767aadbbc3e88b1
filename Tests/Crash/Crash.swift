import ArgumentParser
import Foundation
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// `lifelong-crash`: kills a real server at random instants under load, and looks whether it kept its word.
@main
struct Crash: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lifelong-crash",
        abstract: "Kill a server at random instants under load; everything that it answered must be there.",
        discussion: """
            On SQLite, two of three kills come from outside at a random instant (SIGKILL); every third comes from the disk
            itself, in front of, behind or in the middle of a write, a sync or a rename (libFaultyDisk.so), also during the
            start. On PostgreSQL, which is started in the folder, the kill also comes in front of, behind or in the middle
            of what is sent to it; and PostgreSQL, or one of its processes, is killed or stopped first: the server must
            refuse clearly meanwhile and go on by itself. After each, the server is started on the same home, `lifelong audit` must end with 0, and every answer that a
            client ever got must be there. Ends with 1 and keeps the home if anything is wrong.

            Example:
              lifelong-crash --kills 1000 --seed 7
              lifelong-crash --engine postgresql --kills 1000
            """)

    @Option(help: "How many kills.") var kills = 10
    @Option(help: "sqlite or postgresql.") var engine = Engine.sqlite
    @Option(help: "The script that starts a PostgreSQL; that of the repository this was built in, unless told.")
    var postgresql: String?
    @Option(help: "The same seed makes the same choices; the machine's timing stays its own.") var seed: UInt64?
    @Option(help: "Folder for homes and logs; a new one unless told.") var home: String?
    @Option(help: "The `lifelong` to be killed; the one beside this program unless told.") var program: String?
    @Option(help: "Kills after which a new home is begun, so that audits stay quick.") var renew = 25
    @Option(help: "Clients at the same time.") var clients = 8
    @Flag(help: "Note one answer that no server gave: the drill must then fail.") var invent = false

    func validate() throws {
        guard kills > 0, renew > 0, (1...64).contains(clients) else {
            throw ValidationError("--kills and --renew are above 0, --clients 1 to 64.")
        }
    }

    func run() async throws {
        signal(SIGPIPE, SIG_IGN)
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let built = (own as NSString).deletingLastPathComponent
        let seed = seed ?? UInt64(Date().timeIntervalSince1970)
        let folder = URL(filePath: home ?? NSTemporaryDirectory() + "/lifelong-crash-\(seed)").standardizedFileURL.path
        // PostgreSQL runs as a user of its own and has to get through.
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
        var database: DatabaseServer?
        if engine == .postgresql {
            database = try await .start(
                script: postgresql ?? Self.script(above: built), folder: folder + "/postgresql")
        }
        let drill = Drill(
            program: program ?? built + "/lifelong", disk: built + "/libFaultyDisk.so", folder: folder, seed: seed,
            clients: clients, database: database, invents: invent)
        print("engine \(engine.rawValue), seed \(seed), homes in \(folder)")
        do {
            try await drill.run(kills: kills, renew: renew)
        } catch let failure as Drill.Failure {
            print("\nFAILED: \(failure.what)")
            print("The home is kept: \(failure.home), with the server's log beside it.")
            if let database { print("Start its database: scripts/postgresql.sh again \(database.folder)") }
            print("Look: lifelong audit --home \(failure.home)")
            print(
                "Again: lifelong-crash --engine \(engine.rawValue) --kills \(kills) --renew \(renew) --clients \(clients) --seed \(seed)"
            )
            throw ExitCode.failure
        }
        try await database?.stop(mode: "immediate")
        if home == nil { try? FileManager.default.removeItem(atPath: folder) }
    }

    private static func script(above folder: String) throws -> String {
        var place = URL(filePath: folder)
        while place.path != "/" {
            let script = place.appending(path: "scripts/postgresql.sh").path
            if FileManager.default.isExecutableFile(atPath: script) { return script }
            place.deleteLastPathComponent()
        }
        throw Refusal(
            .notFound, "There is no scripts/postgresql.sh above \(folder).", hint: "Name it with --postgresql.")
    }
}

extension Engine: ExpressibleByArgument {}
