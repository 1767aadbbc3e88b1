import ArgumentParser
import Foundation
import Passport
import Registry
import Rollout
import Store
import Use
import Wire

/// The devices of some rollouts, played: what is offered is answered, and all make contact when time leaps.
struct PlayedField {
    let house: House
    let rollouts: [RolloutID]
    /// Seconds that were leapt over.
    let leaps: Locked<Int64>

    static let soakSeconds = 3600
    private static let batch = 500
    /// One in so many fails.
    private static let failing = 200

    /// To the end of every rollout.
    /// - Returns: resident bytes when the first stages had passed, and the most at any time after that.
    func run(_ devices: Int) async throws -> (first: Int, most: Int) {
        let (bar, keeper) = (Bar(), RolloutKeeper(house))
        bar.begin("devices", devices)
        var (first, most) = (0, 0)
        while true {
            try await settle(keeper) { resident in
                if first > 0 { most = max(most, resident) }
                bar.show(min(devices, try await members()))
            }
            var states = try await states()
            try await resume(states)
            states = try await self.states()
            guard states.contains(where: { $0.status == .running }) else { break }
            if first == 0, states.allSatisfy({ $0.stage > 0 || $0.all.soaking > 0 }) { first = Bar.resident }
            try await leap()
        }
        bar.end()
        return (first, max(first, most))
    }

    /// Until nobody has anything to do or to say.
    private func settle(_ keeper: RolloutKeeper, _ look: (Int) async throws -> Void) async throws {
        var number = 0
        while true {
            var more = try await keeper.round()
            for rollout in rollouts { if try await answer(rollout) > 0 { more = true } }
            number += 1
            if number % 100 == 0 { try await look(Bar.resident) }
            guard more else { return }
        }
    }

    /// A person who looks behind a canary of few, and is content.
    private func resume(_ states: [RolloutState]) async throws {
        for (rollout, state) in zip(rollouts, states) where state.pause == .tooFew {
            _ = try await house.perform(ResumeRollout(rollout: rollout), as: .system)
        }
    }

    private func answer(_ rollout: RolloutID) async throws -> Int {
        let offered = try await house.read { rows in
            try rows.query(
                "SELECT device FROM rollout_member WHERE rollout = $1 AND state = 'offered' ORDER BY device LIMIT $2",
                [Value(rollout), Value(Self.batch)]
            ).map { try $0.id("device", as: DeviceKind.self) }
        }
        guard !offered.isEmpty else { return 0 }
        return try await house.change(as: .system) { change in
            try change.load(offered)
            var answered = 0
            for device in offered {
                guard let offer = try change.passport(of: device).offeredUpdate else { continue }
                let receipt = Digest(Bar.random(32))
                try change.record(
                    RolloutPlace.share(of: device, in: RolloutID("fate")) % Self.failing == 0
                        ? .updateFailed(
                            release: offer.release, sequence: offer.sequence, reason: "rolledBack", receipt: receipt)
                        : .updated(release: offer.release, sequence: offer.sequence, receipt: receipt), on: device)
                answered += 1
            }
            return answered
        }
    }

    /// The soak time is over, and everybody has made contact.
    private func leap() async throws {
        leaps.withLock { $0 += Int64(Self.soakSeconds) + 1 }
        let now = house.clock()
        _ = try await house.database.write { try $0.execute("UPDATE contact SET at = $1", [Value(now)]) }
    }

    func states() async throws -> [RolloutState] {
        let rollouts = rollouts
        return try await house.read { rows in try rollouts.map { try StoredRollout.require($0, in: rows).state } }
    }

    func members() async throws -> Int { try await states().reduce(0) { $0 + $1.all.all } }

    /// Every rollout is complete, and its counts are those of its rows.
    func demandWhole() async throws {
        for (rollout, state) in zip(rollouts, try await states()) {
            let counted = try await house.read { rows in
                try rows.query(
                    "SELECT state, COUNT(*) AS n FROM rollout_member WHERE rollout = $1 GROUP BY state",
                    [Value(rollout)]
                ).reduce(into: [String: Int]()) { $0[try $1.text("state")] = try $1.int("n") }
            }
            let all = state.all
            let isSame = RolloutMember.State.allCases.allSatisfy { counted[$0.rawValue] ?? 0 == all[$0] }
            guard state.status == .complete, isSame else {
                print("rollout \(rollout) is \(state.status.rawValue): \(all), and its rows say \(counted)")
                throw ExitCode(2)
            }
        }
    }
}
