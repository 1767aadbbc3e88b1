import ArgumentParser
import Foundation
import Keys
import KeysFile
import Logging
import Outbound
import Registry
import Server
import Store
import Trust
import Use
import Wire

/// `lifelong serve`: the platform, on its embedded defaults.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Start the platform.",
        discussion: """
            The first start makes everything that is missing in the home: keys, CAs, database, lifelong.yaml; and prints a
            one-time sign-in link. There is no default password.

            Example:
              lifelong serve --home /var/lib/lifelong
            """)

    @Option(help: "Folder of this server; made at the first start.")
    var home = "lifelong-home"
    @Option(help: "Address of the device plane, such as 0.0.0.0:8443. Overrides lifelong.yaml.")
    var device: String?
    @Option(help: "Address of the console and the REST API, such as 127.0.0.1:8444.")
    var people: String?
    @Option(name: .customLong("public"), help: "Address of the public plane, such as 0.0.0.0:8080.")
    var open: String?
    @Option(help: "\"sqlite\" or a PostgreSQL connection string without a password; at the first start only.")
    var database: String?
    @Option(help: "trace, debug, info, notice, warning or error.")
    var logLevel = "notice"

    func run() async throws {
        guard let level = Logger.Level(rawValue: logLevel) else {
            throw Refusal(
                .malformed, "There is no log level \"\(logLevel)\".", hint: "Use debug, info, notice, warning or error."
            )
        }
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        var log = Logger(label: "lifelong")
        log.logLevel = level
        try ProcessMemory.keepOutOfCoreDumps()
        EventLoops.fit()
        try Machine.demandUsableClock()
        let home = ServerHome(home)
        try home.prepare()
        let lock = try home.lock()
        defer { withExtendedLifetime(lock) {} }
        let configuration = try configure(home, log)
        let keys = try configuration.keys.open(folder: home.keyFolder, home: home.path)
        let house = try await House(
            database: home.openDatabase(configuration.database), keys: keys,
            settings: configuration.house(artifacts: home.artifactFolder(configuration)), log: log,
            clock: Machine.clock,
            random: Machine.random)
        try await house.demandSameWorld()
        let link = try await FirstPerson.welcome(house, home)
        try DurableFile.write(
            Array(PEM.encode(house.permitKey().publicKeyDER, label: "PUBLIC KEY").utf8), to: home.permitKeyFile)
        // Asks nobody if there are no witnesses.
        let witnesses = house.settings.witnesses.isEmpty ? [] : [WitnessCourier(house).run]
        let server = try Server(
            house, configuration.server(),
            beside: witnesses + [RolloutKeeper(house).run, { await FirstPerson.keepToken(house, home) }])
        let keyPlace = Self.sentence(keys, home)
        try await server.run { ports in announce(home, configuration, ports, link, keyPlace) }
        try house.database.close()
        FileHandle.standardError.write(Data("lifelong: stopped; everything answered is on disk\n".utf8))
    }

    private func configure(_ home: ServerHome, _ log: Logger) throws -> ServerConfiguration {
        var configuration = ServerConfiguration()
        if FileManager.default.fileExists(atPath: home.configurationFile) {
            configuration = try ServerConfiguration.read(home.configurationFile)
            guard database == nil || database == configuration.database else {
                throw Refusal(
                    .conflict, "The home has another database than --database says.",
                    hint: "Leave --database out; edit lifelong.yaml if the home has to move.")
            }
        } else {
            configuration.database = database ?? configuration.database
            configuration.listen.device = device ?? configuration.listen.device
            configuration.listen.people = people ?? configuration.listen.people
            configuration.listen.public = open ?? configuration.listen.public
            configuration.serviceURL = "https://127.0.0.1:\(Self.port(configuration.listen.device))"
            configuration.publicURL = "http://127.0.0.1:\(Self.port(configuration.listen.public))"
            try DurableFile.write(Array(ConfigurationTemplate.text(configuration).utf8), to: home.configurationFile)
        }
        configuration.listen.device = device ?? configuration.listen.device
        configuration.listen.people = people ?? configuration.listen.people
        configuration.listen.public = open ?? configuration.listen.public
        configuration.maximumConnections = Self.connections(configuration.maximumConnections, log)
        return configuration
    }

    /// As many connections of each plane as this process may have files open; without a file, nothing is served at all.
    private static func connections(_ wanted: Int, _ log: Logger) -> Int {
        // Devices and anybody; then people, the database, artifacts and what the program itself has open.
        let (planes, others) = (2, 1256)
        let files = OpenFiles.raise(to: min(max(wanted, 1), 1_000_000) * planes + others)
        let possible = max(64, (files - others) / planes)
        guard possible < wanted else { return wanted }
        log.warning(
            "fewer connections than maximumConnections says: this process may not open more files",
            metadata: [
                "maximumConnections": "\(wanted)", "now": "\(possible)",
                "hint": "raise the hard limit of open files: LimitNOFILE in the unit, or ulimit -Hn",
            ])
        return possible
    }

    private static func sentence(_ keys: any KeyStore, _ home: ServerHome) -> String {
        keys is FileKeyStore
            ? "files in \(home.keyFolder): the development default, use a token in production" : keys.kind
    }

    private static func port(_ listen: String) -> Substring { listen.split(separator: ":").last ?? "" }

    /// As it is typed in a shell.
    private static func word(_ name: String) -> String {
        let isPlain = name.utf8.allSatisfy {
            $0 >= 0x80 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0
                || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0
                || "@._-".utf8.contains($0)
        }
        return Plain.text(isPlain ? name : "'\(name.replacing("'", with: "'\\''"))'")
    }

    private func announce(
        _ home: ServerHome, _ configuration: ServerConfiguration, _ ports: Server.Ports, _ link: FirstPerson.Link,
        _ keys: String
    ) {
        let settings = try? configuration.server()
        let isLoopback = settings?.people.isLoopback ?? true
        let host = isLoopback ? "127.0.0.1" : configuration.serviceNames.first ?? "localhost"
        let url = "\(isLoopback ? "http" : "https")://\(host):\(ports.people)"
        let shown = settings?.peopleOrigin ?? url
        var console = ["url": url, "tokenFile": home.tokenFile]
        if shown != url { console["shown"] = shown }
        if let bytes = try? CanonicalJSON.encode(console) { try? DurableFile.write(bytes, to: home.consoleFile) }
        var lines = [
            "Lifelong \(ProgramVersion.text) is running. Home: \(home.path)",
            "  console   \(shown)\(shown == url ? "" : " (listening on \(url))")",
            "  devices   \(configuration.serviceURL) (listening on port \(ports.device))",
            "  public    \(configuration.publicURL) (listening on port \(ports.open))",
            "  keys      \(keys)",
        ]
        switch link {
        case .path(let path): lines.append("Sign in with this link, once, within 15 minutes:\n  \(shown)\(path)")
        case .madeBy(let admin):
            lines.append("New sign-in link: lifelong person link \(Self.word(admin)) --home \(home.path)")
        }
        print(lines.joined(separator: "\n"))
        fflush(nil)
    }
}

/// The first person of a house, so that somebody can sign in without any default password; and the token of this machine,
/// so that whoever has the home can always make another link.
enum FirstPerson {
    enum Link {
        case path(String)
        /// The house has people: this one, who administers longest, can make a link.
        case madeBy(String)
    }

    static let name = "admin"

    /// The token of this machine is replaced as soon as less than this is left of it: at a start, or while the server runs.
    private static let leastTokenDays: Int64 = 30

    /// Makes the first maker admin with a one-time link, once; and sees to it that the home's token is alive.
    static func welcome(_ house: House, _ home: ServerHome) async throws -> Link {
        let people = try await house.read { try $0.count("SELECT COUNT(*) AS n FROM person") }
        var path: String?
        if people == 0 {
            do {
                path = try await house.perform(AddPerson(person: name, role: .makerAdmin), as: .system).signInPath
            } catch let refusal as Refusal where refusal.code == .conflict {
                // Another node of the same database that started at the same moment has made it, and has the link.
            }
        }
        let admin = try await administrator(house)
        try await renewToken(house, home, of: admin)
        return path.map { .path($0) } ?? .madeBy(admin)
    }

    /// A server that is never started anew would outlive its home's token. Ends when its task is cancelled.
    static func keepToken(_ house: House, _ home: ServerHome) async {
        while (try? await Task.sleep(for: .seconds(12 * 3600))) != nil {
            do {
                try await renewToken(house, home, of: administrator(house))
            } catch {
                house.log.warning(
                    "the home's token cannot be renewed; it is tried again in half a day",
                    metadata: ["file": "\(home.tokenFile)", "error": "\((error as? Refusal)?.detail ?? "internal")"])
            }
        }
    }

    /// Whoever administers longest; the first person may have left.
    private static func administrator(_ house: House) async throws -> String {
        try await house.read {
            try $0.first(
                "SELECT name FROM person WHERE role = $1 AND left_at IS NULL ORDER BY at, name LIMIT 1",
                [.text(Role.makerAdmin.rawValue)])?.text("name")
        } ?? name
    }

    private static func renewToken(_ house: House, _ home: ServerHome, of admin: String) async throws {
        guard try await !hasToken(house, home) else { return }
        let token = try await house.perform(
            IssueToken(person: admin, label: "command line on the server"), as: .system)
        try DurableFile.write(Array(token.token.utf8), to: home.tokenFile)
    }

    /// The home's token is somebody's who has not left, and will be for a while.
    private static func hasToken(_ house: House, _ home: ServerHome) async throws -> Bool {
        guard let bytes = try? InputFile.read(home.tokenFile, limit: 4096) else { return false }
        let token = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        let soon = house.clock().adding(days: leastTokenDays)
        return try await house.read { try People.find(token, kind: .token, now: soon, in: $0) } != nil
    }
}
