import Agent
import Foundation
import Ledger
import Passport
import Registry
import Wire

/// The first life, told on real processes: one server, a factory line, agents as processes of their own and a simulated
/// fleet. Every step asserts its effect; the first that did not happen as told ends the story with a sentence.
actor Story {
    struct Settings: Sendable {
        var home = "run-home"
        /// Agents as processes.
        var devices = 25
        /// Devices of the simulator.
        var fleet = 1000
        var artifactBytes = 6 << 20
        /// Life of an operational certificate after its backdating, short enough to see renewals.
        var operationalSeconds = 240
        /// Where server and stations keep their keys.
        var keys = KeysConfiguration()
        /// Folder of the built programs.
        var programs: String
    }

    let settings: Settings
    nonisolated let home: DemoHome
    nonisolated let narrator: Narrator
    private let children = Children()

    // What the chapters hand on. Each is written by one chapter and read by later ones; chapters follow one another.
    var peopleURL = ""
    var publicURL = ""
    /// Nobody, until the server has given out tokens.
    var admin: RestClient
    var auditor: RestClient
    var owners: [String: RestClient] = [:]
    var unitBatch = BatchID(trusted: "none")
    var fleetBatch = BatchID(trusted: "none")
    var units: [Unit] = []
    var stationFolders: [String] = []

    /// One agent of the story.
    struct Unit {
        var number: Int
        var serial: String
        var folder: String
        var owner = ""
        var grade = Grade.declared
        var process: Child?
    }

    static let product = ProductID(trusted: "thermostat-2")
    static let hardware = "thermostat-2-rev-b"
    static let fleetProduct = ProductID(trusted: "sensor-1")
    static let fleetHardware = "sensor-1-rev-a"
    static let gatewayProduct = ProductID(trusted: "gateway-3")
    static let gatewayHardware = "gateway-3-rev-a"
    static let organisation = "Harbour Hotels"
    static let ada = "Ada Lovelace"
    static let grace = "Grace Hopper"

    init(_ settings: Settings, narrator: Narrator) throws {
        guard settings.devices >= 6, settings.fleet >= 1 else {
            throw Refusal(
                .malformed, "The story needs 6 agents and 1 simulated device at least.", hint: "Use larger numbers.")
        }
        self.settings = settings
        self.narrator = narrator
        admin = try RestClient(server: "http://127.0.0.1", token: "", anchor: nil)
        auditor = admin
        home = try DemoHome(settings.home)
    }

    /// The whole story, from an empty folder to a verified ledger.
    func tell() async throws {
        try await open()
        try await makeUnits()
        try await catchDivertedUnit()
        try await sell()
        try await enrol()
        try await configure()
        try await update()
        try await updateStockClients()
        try await stopBadRelease()
        try await quarantine()
        try await resell()
        try await retire()
        try await prove()
    }

    /// Ends every process. Blocks for some seconds at most.
    nonisolated func end() {
        children.endAll()
        home.close()
    }

    // MARK: - Programs

    var lifelong: String { settings.programs + "/lifelong" }
    var agent: String { settings.programs + "/lifelong-agent" }

    /// Runs a command of the program to its end and returns what it printed.
    @discardableResult
    func run(_ name: String, _ arguments: [String], showsErrors: Bool = false) async throws -> String {
        let child = try start(name, arguments, showsErrors: showsErrors)
        return try await finish(child)
    }

    func start(_ name: String, _ arguments: [String], showsErrors: Bool = false) throws -> Child {
        try start(name, program: lifelong, arguments, showsErrors: showsErrors)
    }

    func start(_ name: String, program: String, _ arguments: [String], showsErrors: Bool = false) throws -> Child {
        let log = home.log(name)
        try? FileManager.default.removeItem(atPath: log)
        return try children.start(name, program, arguments, log: log, showsErrors: showsErrors)
    }

    /// Runs a script in a folder with somebody else's programs, to its end.
    func shell(_ name: String, _ script: String, in folder: String) async throws {
        _ = try await finish(startShell(name, script, in: folder))
    }

    /// The script's last command takes its place, so that the process to be ended is that one.
    func startShell(_ name: String, _ script: String, in folder: String) throws -> Child {
        try start(name, program: "/bin/bash", ["-c", "set -eu; cd \"$0\"\n" + script, folder])
    }

    func finish(_ child: Child) async throws -> String {
        let code = try await child.wait()
        guard code == 0 else {
            throw failed("\"\(child.name)\" ended with \(code). It said: \(child.output.suffix(600))")
        }
        return child.output
    }

    /// Starts, or starts again, the agent of a unit.
    func startAgent(_ index: Int, once: Bool = false) throws {
        units[index].process = try children.start(
            "agent \(units[index].number)", agent,
            ["run", "--home", units[index].folder] + (once ? ["--once"] : ["--interval", "1"]),
            log: home.log("agent-\(units[index].number)"))
    }

    /// What the unit knows of itself, from its own disk.
    func status(_ index: Int) throws -> HomeStatus {
        try HomeStatus(of: AgentHome(units[index].folder), on: PosixDisk())
    }

    func view(_ serial: String) async throws -> DeviceView { try await admin.read("devices/\(serial)") }

    /// Everything but the unit that was diverted, which is the last.
    var sold: Range<Int> { 0..<(units.count - 1) }

    // MARK: - Asserting

    func failed(_ sentence: String) -> Refusal {
        Refusal(
            .internal, "The story did not go as told: \(sentence)",
            hint: "Read what the programs said in \(home.path)/logs.")
    }

    func expect(_ holds: Bool, _ sentence: @autoclosure () -> String) throws {
        guard holds else { throw failed(sentence()) }
    }

    /// Waits until it holds; what it throws meanwhile counts as "not yet".
    func eventually(_ sentence: String, within limit: Duration = .seconds(60), _ holds: () async throws -> Bool)
        async throws
    {
        let clock = ContinuousClock()
        let end = clock.now + limit
        var last = ""
        while clock.now < end {
            do {
                if try await holds() { return }
            } catch let cancelled as CancellationError {
                throw cancelled
            } catch {
                last = " (\((error as? Refusal)?.detail ?? "\(error)"))"
            }
            try await Task.sleep(for: .milliseconds(150))
        }
        throw failed("within \(limit.components.seconds) s it was not so that \(sentence)\(last).")
    }

    /// Waits until so many of them are done, with a bar.
    func eventually(
        _ what: String, all indices: [Int], within limit: Duration = .seconds(120), _ isDone: (Int) async throws -> Bool
    ) async throws {
        var waiting = indices
        try await eventually("all \(indices.count) are \(what)", within: limit) {
            var still: [Int] = []
            for index in waiting where try await !(isDone(index)) { still.append(index) }
            waiting = still
            narrator.bar(indices.count - waiting.count, of: indices.count, what)
            return waiting.isEmpty
        }
    }

    /// The refusal that an attempt must meet.
    func refusal(_ attempt: () async throws -> Void) async throws -> Refusal {
        do {
            try await attempt()
        } catch let refusal as Refusal {
            return refusal
        }
        throw failed("something was allowed that must be refused.")
    }
}

extension RestClient {
    /// An action over the people's API, as any program would perform it.
    func act<A: Action>(_ action: A) async throws -> A.Answer { try await perform(A.name, action) }
    func act<C: Ceremony>(_ ceremony: C) async throws -> C.Answer { try await perform(C.name, ceremony) }
}
