import Foundation
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// The whole run: start, look, load, kill, and again.
struct Drill {
    struct Failure: Error {
        var what: String
        var home: String
    }

    let program: String
    let disk: String
    let folder: String
    let seed: UInt64
    let clients: Int
    /// nil: each home has its SQLite.
    let database: DatabaseServer?
    /// Notes an answer that was never given, which must then be missed: a check of the check.
    let invents: Bool
    private var engine: Engine { database == nil ? .sqlite : .postgresql }

    /// Longest time under load before a kill.
    private static let longestMilliseconds = 500

    func run(kills: Int, renew: Int) async throws {
        let notebook = Notebook()
        let progress = Progress(of: kills)
        var (done, homes) = (0, 0)
        while done < kills {
            homes += 1
            let name = "crash_\(homes)"
            let world = try World(
                folder: "\(folder)/\(homes)", database: try await database?.makeDatabase(name) ?? "sqlite",
                notebook: notebook)
            notebook.forget()
            let until = min(kills, done + renew)
            try await live(on: world, number: homes, from: done, until: until, progress)
            done = until
            try? FileManager.default.removeItem(atPath: world.folder)
            try await database?.drop(name)
        }
        progress.end(notebook.counts)
    }

    // MARK: - One home

    private func live(on world: World, number: Int, from: Int, until: Int, _ progress: Progress) async throws {
        var dice = Dice(seed &+ UInt64(number) &* 1_000_003)
        let check = Check(world, program: program)
        var hasInvented = false
        for kill in from..<until {
            let strike = Strike.plan(kill, of: engine)
            let server = try start(world, strike, &dice)
            // However this round ends: a drill that fails leaves no server behind.
            defer { server.kill() }
            // The kill may come while it starts.
            let isKilledEarly = strike == .outside && dice.percent(10)
            if isKilledEarly { try await self.kill(server, after: .milliseconds(dice.roll(0..<400))) }
            if let ports = try await server.ready() {
                try world.open(ports)
                try await look(world, check, server)
                let pause = dice.roll(20..<Self.longestMilliseconds)
                try await load(world, server, Dice(dice.next()), strike, pause: pause)
                if invents, !hasInvented { hasInvented = world.notebook.invent() }
            } else if !server.wasKilled {
                throw Failure(what: "the server did not start: \(server.said)", home: world.home)
            }
            try await demandKilled(server, strike, world)
            try demandNoTrouble(world)
            progress.show(kill + 1, world.notebook.counts)
        }
        try await finish(world, check, dice)
    }

    private func start(_ world: World, _ strike: Strike, _ dice: inout Dice) throws -> ServerProcess {
        try ServerProcess(
            program, home: world.home, database: world.database, log: world.folder + "/server.log",
            environment: strike.environment(home: world.home, disk: disk, engine: engine, &dice))
    }

    private func kill(_ server: ServerProcess, after pause: Duration) async throws {
        try await Task.sleep(for: pause)
        server.kill()
    }

    private func look(_ world: World, _ check: Check, _ server: ServerProcess) async throws {
        do {
            let troubles = try await check.run(over: world.doors.open)
            guard troubles.isEmpty else { throw Failure(what: troubles.joined(separator: "\n"), home: world.home) }
        } catch let failure as Failure {
            throw failure
        } catch {
            // A disk that kills may have done so meanwhile; then the next start is looked at. Its connections are reset a moment before
            // its end is heard of.
            await wait(milliseconds: 2000, for: server)
            guard server.hasEnded else { throw Failure(what: "\(error)", home: world.home) }
        }
    }

    // MARK: - Load

    private func load(
        _ world: World, _ server: ServerProcess, _ start: Dice, _ strike: Strike, pause: Int
    ) async throws {
        let client = Client(world)
        var dice = start
        do {
            try await Making(client: client, world: world, dice: Dice(dice.next())).found()
        } catch is NoAnswer {
            // Goes on with the next start.
            try await kill(server, after: .zero)
            return
        }
        var trouble: String?
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<clients {
                let seed = dice.next() &+ UInt64(number)
                group.addTask {
                    var life = Life(client: client, world: world, dice: Dice(seed))
                    await life.run()
                }
            }
            let seed = dice.next()
            group.addTask {
                var making = Making(client: client, world: world, dice: Dice(seed))
                await making.run()
            }
            // A call that kills gets its time; if it does not come, the kill comes from outside.
            await wait(milliseconds: strike.isInside ? 3000 : pause, for: server)
            if let database, !strike.isInside, strike != .outside {
                let outage = Outage(database: database, client: client, world: world, server: server)
                trouble = await outage.run(strike, &dice)
                await wait(milliseconds: dice.roll(0..<200), for: server)
                if trouble == nil, server.hasEnded { trouble = "the server ended by itself: \(server.said)" }
            }
            server.kill()
            await group.waitForAll()
        }
        if let trouble { throw Failure(what: "\(strike): \(trouble)", home: world.home) }
    }

    private func wait(milliseconds: Int, for server: ServerProcess) async {
        let limit = ContinuousClock.now + .milliseconds(milliseconds)
        while ContinuousClock.now < limit, !server.hasEnded { try? await Task.sleep(for: .milliseconds(1)) }
    }

    /// The home's last start: nobody kills it, every device goes on, and all that was ever answered is looked at again.
    private func finish(_ world: World, _ check: Check, _ start: Dice) async throws {
        var dice = start
        let server = try self.start(world, .outside, &dice)
        guard let ports = try await server.ready() else {
            throw Failure(what: "the last start failed: \(server.said)", home: world.home)
        }
        try world.open(ports)
        try await look(world, check, server)
        var life = Life(client: Client(world), world: world, dice: Dice(dice.next()))
        var stuck = await life.goOn()
        stuck += try await check.run(over: world.doors.open, all: true)
        server.kill()
        try await demandKilled(server, .outside, world)
        guard stuck.isEmpty else { throw Failure(what: stuck.joined(separator: "\n"), home: world.home) }
        try demandNoTrouble(world)
    }

    /// Waits for its end. One that came by itself (a trap, an exit) is a failure, whatever was answered before.
    private func demandKilled(_ server: ServerProcess, _ strike: Strike, _ world: World) async throws {
        try await server.waitForEnd()
        guard server.wasKilled, server.isStruck || strike.isInside else {
            throw Failure(
                what: "the server ended by itself (\(server.ending)) before it was killed: \(server.said)",
                home: world.home)
        }
    }

    private func demandNoTrouble(_ world: World) throws {
        let troubles = world.notebook.troubles
        guard troubles.isEmpty else { throw Failure(what: troubles.joined(separator: "\n"), home: world.home) }
    }
}

/// A bar on a terminal, a line now and then elsewhere.
private final class Progress {
    private let all: Int
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let began = ContinuousClock.now

    init(of all: Int) { self.all = all }

    func show(_ done: Int, _ counts: Notebook.Counts) {
        let text = "\(done) of \(all) kills, \(counts.acknowledged) answered, \(counts.unknown) unknown, 0 lost"
        if isTerminal {
            let filled = done * 30 / all
            let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
            FileHandle.standardError.write(Data("\r\u{1b}[K\(bar) \(text)".utf8))
        } else if done % 25 == 0 || done == all {
            FileHandle.standardError.write(
                Data("\(text), \((ContinuousClock.now - began).components.seconds) s\n".utf8))
        }
    }

    func end(_ counts: Notebook.Counts) {
        if isTerminal { FileHandle.standardError.write(Data("\n".utf8)) }
        let refused = counts.refused.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        print(
            "\(all) kills, \(counts.acknowledged) requests answered, \(counts.unknown) without an answer, 0 lost, "
                + "\((ContinuousClock.now - began).components.seconds) s")
        print("refused: \(refused.isEmpty ? "none" : refused.joined(separator: ", "))")
    }
}
