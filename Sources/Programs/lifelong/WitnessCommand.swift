import ArgumentParser
import Foundation
import KeysFile
import Ledger
import Logging
import Server
import Wire
import Witness

/// `lifelong witness …`: for whoever vouches for somebody else's ledger.
struct WitnessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "witness", abstract: "Be a witness of other people's ledgers (C2SP tlog-witness).",
        discussion: """
            A witness remembers one checkpoint a log and cosigns the next only if it adds to it. Run one on a machine that
            the log's operator does not control; docs/witness.md says more.

            Examples:
              lifelong witness init --home w1 --name witness.example/w1
              lifelong witness trust "lifelong.example/ledger+f1d4a5b2+AVp3…" --home w1
              lifelong witness serve --home w1 --listen 127.0.0.1:8090
            """,
        subcommands: [Init.self, Trust.self, Serve.self])

    struct Folder: ParsableArguments {
        @Option(help: "Folder of this witness: its key and its memory.") var home = "witness-home"

        func keys() throws -> FileKeyStore { try FileKeyStore(folder: home + "/keys") }

        func open() throws -> WitnessHome { try WitnessHome(at: home, keys: keys(), write: Self.write) }

        static let write: WitnessHome.Write = { try DurableFile.write($0, to: $1) }

        /// One process a home: two would each remember something else.
        func lock() throws -> HomeLock {
            try ServerHome(home).lock(usedBy: "lifelong witness serve")
        }
    }

    struct Init: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "init", abstract: "Make a new witness and print its key.",
            discussion: "Example:\n  lifelong witness init --home w1 --name witness.example/w1 > w1.vkey")
        @OptionGroup var folder: Folder
        @Option(help: "Its name: by convention a URL without scheme, the same for ever.") var name: String

        func run() throws {
            try DurableFile.makeFolder(folder.home)
            try WitnessHome.make(at: folder.home, name: name, keys: folder.keys(), write: Folder.write)
            print(try folder.open().cosigner.key)
        }
    }

    struct Trust: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "trust", abstract: "Add a log that it will cosign; takes effect at the next start.",
            discussion: "Example:\n  lifelong witness trust \"$(cat ledger.vkey)\" --home w1")
        @Argument(help: "The log's verifier key.") var vkey: String
        @Option(help: "The log's origin line, where it is not the key's name.") var origin: String?
        @OptionGroup var folder: Folder

        func run() throws {
            let key = try VerifierKey(vkey.trimmingCharacters(in: .whitespacesAndNewlines))
            try folder.open().trust(key, origin: origin)
            print("trusted: \(origin ?? key.name)")
        }
    }

    struct Serve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "serve", abstract: "Answer add-checkpoint until told to stop.",
            discussion: """
                Plain HTTP: whatever it says or is told is signed. Put a TLS proxy in front where the network demands it.

                Example:
                  lifelong witness serve --home w1 --listen 0.0.0.0:8090
                """)
        @OptionGroup var folder: Folder
        @Option(help: "Address to listen on.") var listen = "127.0.0.1:8090"

        func run() async throws {
            LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
            var log = Logger(label: "lifelong-witness")
            log.logLevel = .notice
            try Machine.demandUsableClock()
            let address = try ServerConfiguration.listen(listen)
            let home = try folder.open()
            let lock = try folder.lock()
            defer { withExtendedLifetime(lock) {} }
            let server = try WitnessServer(home, clock: Machine.clock, log: log)
            try await server.run(.init(host: address.host, port: address.port)) { port, logs in
                print("Witness \(home.cosigner.key) is running on port \(port); it knows \(logs) logs.")
                fflush(nil)
            }
        }
    }
}
