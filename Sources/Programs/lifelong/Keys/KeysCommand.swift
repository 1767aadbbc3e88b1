import ArgumentParser
import Foundation
import Keys
import KeysFile
import Logging
import Registry
import Store
import StorePostgreSQL
import Trust
import Wire

/// `lifelong keys …`
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "The private keys of a server: where they are, and how they move.",
        discussion: "docs/operating.md, \"Keys in a token\".",
        subcommands: [KeysList.self, KeysCheck.self, KeysMove.self, KeysRetire.self])
}

struct KeysHome: ParsableArguments {
    @Option(help: "Home of the server.") var home = "lifelong-home"

    var folder: ServerHome { ServerHome(home) }

    /// The database and the keys, beside a server that may be running.
    func open() throws -> (database: any Store.Database, keys: any KeyStore) {
        try ProcessMemory.keepOutOfCoreDumps()
        let database = try folder.requireDatabase()
        return (database, try folder.configuration().keys.open(folder: folder.keyFolder, home: folder.path))
    }

    /// The lock of the home keeps servers of this home away; those of others share nothing but the database.
    private func demandAlone(_ setting: String) async throws {
        guard ConnectionPlan.isPostgreSQL(setting) else { return }
        let others = try await Neighbours.count(on: setting, migrations: Schema.migrations)
        guard others == 0 else {
            throw Refusal(
                .conflict, "\(others) connections of Lifelong are open on the database: a server runs on another home.",
                hint: "Stop every server and command on this database, then run it again.")
        }
    }

    /// The house, while no server runs on it.
    func withHouse(_ body: (House) async throws -> Void) async throws {
        let lock = try folder.lock()
        defer { withExtendedLifetime(lock) {} }
        let settings = try folder.configuration()
        try await demandAlone(settings.database)
        let (database, keys) = try open()
        var log = Logger(label: "lifelong")
        log.logLevel = .warning
        let house = try await House(
            database: database, keys: keys,
            settings: settings.house(artifacts: folder.artifactFolder(settings), home: folder.path),
            log: log,
            clock: Machine.clock, random: Machine.random)
        try await body(house)
        try DurableFile.write(
            Array(PEM.encode(house.permitKey().publicKeyDER, label: "PUBLIC KEY").utf8), to: folder.permitKeyFile)
        try database.close()
    }
}

struct KeysList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List every key: its role, where it lives, since when and until when.",
        discussion: "Works beside a running server.\n\nExample:\n  lifelong keys list --home lifelong-home")
    @OptionGroup var home: KeysHome
    @Flag(help: "As JSON.") var json = false

    func run() async throws {
        let (database, keys) = try home.open()
        let entries = try await database.read { try KeyListing.run($0, keys) }
        try database.close()
        if json { return print(try CanonicalJSON.pretty(entries)) }
        let table = Plain.table(
            ["ROLE", "LABEL", "", "ALGORITHM", "KEY", "SINCE", "UNTIL", "WHERE"],
            entries.map { entry in
                let until = entry.until.map { $0.civil.year == 9999 ? "no end" : Plain.time($0) } ?? "-"
                return [
                    entry.role, entry.label, entry.isCurrent ? "current" : "former", entry.algorithm ?? "-",
                    entry.key.map { String($0.description.prefix(16)) } ?? "-",
                    entry.since.map { Plain.time($0) } ?? "founding", until, entry.place ?? "MISSING",
                ]
            })
        print(table.joined(separator: "\n"))
    }
}

struct KeysCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Use every key once, and compare it with its certificate.",
        discussion: "Exit code 2: findings, each named.\n\nExample:\n  lifelong keys check --home lifelong-home")
    @OptionGroup var home: KeysHome

    func run() async throws {
        let (database, keys) = try home.open()
        let findings = try await database.read { try KeyListing.check($0, keys) }
        try database.close()
        guard findings.isEmpty else {
            print(findings.map { "  ✗ \($0)" }.joined(separator: "\n"))
            throw ExitCode(2)
        }
        print("Every key is where it should be, and works.")
    }
}

struct KeysMove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "move", abstract: "Move to the token, from key files or from another token, by re-issuing.",
        discussion: """
            Set `keys:` of lifelong.yaml to the token, and `keys.former` to the one that the keys are in, if they are in one;
            stop the server, run this, start the server. New keys are made in the token and succeed the old ones; no key is
            exported. Cut off in the middle: run it again.

            Example:
              lifelong keys move --to token --home lifelong-home
            """)
    enum Target: String, ExpressibleByArgument { case token }
    @Option(help: "Where to: token.") var to = Target.token
    @OptionGroup var home: KeysHome

    func run() async throws {
        try await home.withHouse { house in
            guard house.keys is JoinedKeyStore else {
                throw Refusal(
                    .conflict, "There is nothing to move: all keys are in \(house.keys.kind).",
                    hint:
                        "Set keys.kind to pkcs11 in lifelong.yaml to move from files to a token, or keys.former to the token that the keys are to leave."
                )
            }
            let stays = try await KeyMove.run(house) { print("  ✓ \($0)") }
            for sentence in stays { print("  · \(sentence)") }
            print("Start the server. What the old keys are still needed for: lifelong keys list, lifelong keys retire.")
        }
    }
}

struct KeysRetire: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retire", abstract: "Destroy a key that was succeeded, once nothing needs it.",
        discussion: "Stop the server first.\n\nExample:\n  lifelong keys retire tenure-wrapping --home lifelong-home")
    @Argument(help: "Its label.") var label: String
    @Flag(help: "Stations or auditors who pinned it have its successor.") var informed = false
    @OptionGroup var home: KeysHome

    func run() async throws {
        let label = try KeyLabel(label)
        try await home.withHouse { try await KeyRetirement.run(label, informed: informed, in: $0) }
        print("\(label) is destroyed.")
    }
}
