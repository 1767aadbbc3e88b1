import ArgumentParser
import Foundation

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
            Two of three kills come from outside at a random instant (SIGKILL); every third comes from the disk itself, in
            front of, behind or in the middle of a write, a sync or a rename (libFaultyDisk.so), also during the start.
            After each, the server is started on the same home, `lifelong audit` must end with 0, and every answer that a
            client ever got must be there. Ends with 1 and keeps the home if anything is wrong.

            Example:
              lifelong-crash --kills 1000 --seed 7
            """)

    @Option(help: "How many kills.") var kills = 10
    @Option(help: "sqlite.") var engine = "sqlite"
    @Option(help: "The same seed makes the same choices; the machine's timing stays its own.") var seed: UInt64?
    @Option(help: "Folder for homes and logs; a new one unless told.") var home: String?
    @Option(help: "The `lifelong` to be killed; the one beside this program unless told.") var program: String?
    @Option(help: "Kills after which a new home is begun, so that audits stay quick.") var renew = 25
    @Option(help: "Clients at the same time.") var clients = 8

    func validate() throws {
        guard kills > 0, renew > 0, (1...64).contains(clients), engine == "sqlite" else {
            throw ValidationError("--kills and --renew are above 0, --clients 1 to 64, --engine sqlite.")
        }
    }

    func run() async throws {
        signal(SIGPIPE, SIG_IGN)
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let built = (own as NSString).deletingLastPathComponent
        let seed = seed ?? UInt64(Date().timeIntervalSince1970)
        let folder = home ?? NSTemporaryDirectory() + "/lifelong-crash-\(seed)"
        let drill = Drill(
            program: program ?? built + "/lifelong", disk: built + "/libFaultyDisk.so", folder: folder, seed: seed,
            clients: clients)
        print("seed \(seed), homes in \(folder)")
        do {
            try await drill.run(kills: kills, renew: renew)
        } catch let failure as Drill.Failure {
            print("\nFAILED: \(failure.what)")
            print("The home is kept: \(failure.home), with the server's log beside it.")
            print("Look: lifelong audit --home \(failure.home)")
            print("Again: lifelong-crash --kills \(kills) --renew \(renew) --clients \(clients) --seed \(seed)")
            throw ExitCode.failure
        }
        if home == nil { try? FileManager.default.removeItem(atPath: folder) }
    }
}
