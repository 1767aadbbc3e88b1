import ArgumentParser
import Foundation
import KeysFile
import Logging
import Passport
import Registry
import Rollout
import Server
import Store
import StoreSQLite
import Use
import Wire

/// `lifelong-scale rollout HOME`: a release goes to every device in use, one rollout a product and all at the same time, with real
/// keepers in a real registry. The devices are played: they answer at once, one in two hundred fails, and time passes at a leap.
struct RolloutTime: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollout", abstract: "Roll a release out to a home's whole fleet, and tell what it took.")
    @Argument(help: "Its folder.") var home: String
    @Option(help: "Add the figures to this file.") var json: String?
    @Option(help: "Milliseconds that a page of a rollout may take; more is a failure.") var limit = 50.0

    func run() async throws {
        let leaps = Locked(Int64(0))
        let house = try await open(leaps)
        let devices = try await house.read { try $0.count("SELECT SUM(n) AS n FROM stage_count WHERE owner = ''") }
        var figures = try Figures(json, devices: devices)
        let rollouts = try await plan(house)
        let field = PlayedField(house: house, rollouts: rollouts, leaps: leaps)
        let inUse = try await house.read {
            try $0.count("SELECT n FROM stage_count WHERE owner = '' AND stage = 'inUse'")
        }
        let began = ContinuousClock.now
        let before = Bar.processor.seconds
        let memory = try await field.run(inUse)
        let seconds = Bar.seconds(since: began)
        figures.add("rollout, devices", Double(try await field.members()), "")
        figures.add(
            "rollout, devices offered, answered and judged", Double(try await field.members()) / seconds, "a second")
        figures.add("rollout, processor a device", (Bar.processor.seconds - before) / Double(max(1, inUse)) * 1e6, "us")
        figures.add("rollout, memory at the canary's end", Double(memory.first), "bytes")
        figures.add("rollout, memory at most", Double(memory.most), "bytes")
        let slowest = try await pages(house, rollouts, &figures)
        try figures.save()
        try await field.demandWhole()
        try house.database.close()
        guard slowest < limit else {
            print("a page of a rollout took \(slowest) ms; \(limit) are allowed")
            throw ExitCode(2)
        }
    }

    private func open(_ leaps: Locked<Int64>) async throws -> House {
        let began = ContinuousClock.now
        let database = try SQLiteDatabase(path: home + "/lifelong.db", migrations: Schema.migrations)
        let last = try await database.read { rows in
            try rows.first("SELECT last_at FROM ledger_size WHERE one = 1")?.time("last_at") ?? Timestamp(seconds: 0)
        }
        var settings = HouseSettings()
        settings.artifactFolder = home + "/artifacts"
        return try await House(
            database: database, keys: FileKeyStore(folder: home + "/keys"), settings: settings,
            log: Logger(label: "scale") { _ in SwiftLogNoOpLogHandler() },
            clock: { last.adding(seconds: leaps.withLock { $0 } + Int64(Bar.seconds(since: began))) },
            random: Bar.random)
    }

    /// A release more of each product, and its rollout: planned by one person, approved and started by another.
    private func plan(_ house: House) async throws -> [RolloutID] {
        let (planner, approver) = (try await person("planner", house), try await person("approver", house))
        var rollouts: [RolloutID] = []
        for release in try await Reading(house, verifierKey: Publisher(house).verifierKey).releases(as: .system)
        where release.sequence == 1 {
            _ = try await house.perform(
                PublishRelease(
                    product: release.product, sequence: 2, version: "2.0.0", hardware: release.hardware,
                    sha256: release.sha256, size: release.size), as: .system)
            let plan = RolloutPlan(
                product: release.product, sequence: 2,
                stages: [.init(share: 100), .init(share: 1000), .init(share: RolloutPlan.whole)],
                soakSeconds: PlayedField.soakSeconds, deadlineSeconds: 7 * 86_400, aliveSeconds: 366 * 86_400,
                failureLine: 500)
            let rollout = try await house.perform(PlanRollout(plan: plan), as: planner).rollout
            _ = try await house.perform(ApproveRollout(rollout: rollout), as: approver)
            _ = try await house.perform(StartRollout(rollout: rollout), as: approver)
            rollouts.append(rollout)
        }
        return rollouts
    }

    private func person(_ name: String, _ house: House) async throws -> Principal {
        let added = try await house.perform(
            AddPerson(person: "\(name) \(house.clock().milliseconds)", role: .makerAdmin), as: .system)
        return Principal(role: .makerAdmin, person: added.person.id)
    }

    /// The slowest page of the console, in milliseconds.
    private func pages(_ house: House, _ rollouts: [RolloutID], _ figures: inout Figures) async throws -> Double {
        var settings = Server.Settings()
        settings.device = .init(host: "127.0.0.1", port: 0)
        settings.people = .init(host: "127.0.0.1", port: 0)
        settings.open = .init(host: "127.0.0.1", port: 0)
        let server = try Server(house, settings)
        let ports = AsyncStream<Server.Ports>.makeStream()
        let task = Task { try await server.run { ports.continuation.yield($0) } }
        var slowest = 0.0
        for await port in ports.stream {
            try await Bar.quiet { Bar.processor.seconds }
            let asked = Pages(house: house, ports: port, runs: 7)
            let last = rollouts.last?.text ?? ""
            let release = try await house.read { rows in
                try rows.first("SELECT release FROM rollout WHERE id = $1", [.text(last)])?.text("release") ?? ""
            }
            slowest = try await asked.measure(
                console: ["/", "/updates", "/updates/\(last)", "/releases", "/releases/\(release)"],
                rest: [
                    "rollouts", "rollouts/\(last)", "rollouts/\(last)/devices?state=done&limit=200", "releases",
                    "releases/\(release)",
                ], &figures)
            break
        }
        task.cancel()
        _ = try? await task.value
        return slowest
    }
}
