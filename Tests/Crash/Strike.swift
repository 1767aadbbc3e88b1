import Foundation
import Registry
import Wire

/// What is done to the server under load. Each kill ends with SIGKILL of the server; what is done to its database comes
/// before that, and the server has to get over it without a restart.
enum Strike: Sendable, Equatable {
    /// SIGKILL from outside, at a random instant.
    case outside
    /// SIGKILL from inside: in front of, behind or in the middle of a call (libFaultyDisk.so).
    case inside(Calls)
    /// SIGKILL of one of PostgreSQL's processes: it ends them all and recovers.
    case backend
    /// SIGKILL of PostgreSQL, which is then started again.
    case database
    /// PostgreSQL is stopped as an operator does it, and started again.
    case stop

    enum Calls: Sendable {
        /// Writes, syncs and renames below the home.
        case files
        /// What is sent to PostgreSQL.
        case lines
    }

    static func plan(_ kill: Int, of engine: Engine) -> Strike {
        switch engine {
        case .sqlite: kill % 3 == 2 ? .inside(.files) : .outside
        case .postgresql:
            [.outside, .inside(.lines), .stop, .outside, .database, .inside(.lines), .backend, .inside(.files)][
                kill % 8]
        }
    }

    var isInside: Bool { if case .inside = self { true } else { false } }

    /// Writes, syncs and renames, or lines, that a start and half a second of load make at least. The home of a server
    /// with PostgreSQL has keys, settings and artifacts only.
    private static func mostCalls(_ calls: Calls, _ engine: Engine) -> Int {
        calls == .files && engine == .postgresql ? 60 : 900
    }

    /// What the server is started with.
    func environment(home: String, disk: String, engine: Engine, _ dice: inout Dice) -> [String: String] {
        guard case .inside(let calls) = self else { return [:] }
        return [
            "LD_PRELOAD": disk, "FAULTY_DISK_PATH": calls == .files ? home : "socket:",
            "FAULTY_DISK_CALLS": calls == .files ? "write,sync,rename,truncate,unlink" : "send",
            "FAULTY_DISK_DO": ["kill-before", "kill-after", "kill-half"][dice.roll(0..<3)],
            "FAULTY_DISK_AT": String(dice.roll(1..<Self.mostCalls(calls, engine))),
        ]
    }
}

enum Engine: String, Sendable, CaseIterable {
    case sqlite
    case postgresql
}

/// A strike at the database, and what the server makes of it: clear refusals meanwhile, and changes again without a restart.
struct Outage {
    let database: DatabaseServer
    let client: Client
    let world: World
    let server: ServerProcess

    /// Longest time, in seconds, after which changes go through again: PostgreSQL's recovery and our looking for it.
    private static let patienceSeconds = 60

    /// One sentence if something is wrong.
    func run(_ strike: Strike, _ dice: inout Dice) async -> String? {
        do {
            switch strike {
            case .backend: guard database.killBackend(&dice) else { return "PostgreSQL served nobody" }
            case .database:
                database.killAll(dice.percent(50))
                try await Task.sleep(for: .milliseconds(dice.roll(0..<400)))
                try await database.again()
            case .stop:
                try await database.stop(mode: dice.percent(70) ? "fast" : "immediate")
                if let trouble = await demandRefusal() { return trouble }
                try await Task.sleep(for: .milliseconds(dice.roll(0..<400)))
                try await database.again()
            case .outside, .inside: return nil
            }
            return await demandRecovery()
        } catch {
            return "\(error)"
        }
    }

    private func change() async throws {
        let name = "outage \(world.number())"
        _ = try await client.perform(
            AddOwner.name, AddOwner(owner: name, kind: .person), token: world.admin, answer: AddOwner.Answer.self
        ) { [.row(table: "owner", column: "id", value: $0.owner.text)] }
    }

    /// Without a database: 503 with a hint and a time to come back.
    private func demandRefusal() async -> String? {
        do {
            try await change()
            return "a change was answered with yes while PostgreSQL was stopped"
        } catch let refusal as Refusal {
            let isClear = refusal.code == .unavailable && refusal.retryAfterSeconds != nil && !refusal.hint.isEmpty
            return isClear ? nil : "without PostgreSQL it said: \(refusal)"
        } catch {
            return server.hasEnded
                ? "the server ended without PostgreSQL: \(server.said)" : "no answer without PostgreSQL"
        }
    }

    private func demandRecovery() async -> String? {
        let limit = ContinuousClock.now + .seconds(Self.patienceSeconds)
        var last = ""
        while ContinuousClock.now < limit {
            do {
                try await change()
                return nil
            } catch let refusal as Refusal where refusal.code == .unavailable {
                last = refusal.description
            } catch {
                return server.hasEnded ? "the server ended: \(server.said)" : "\(error)"
            }
            try? await Task.sleep(for: .milliseconds(20))
        }
        return "the server did not get over it: \(last)"
    }
}
