import Ledger
import Logging
import Registry
import Wire

/// Takes each published checkpoint to the configured witnesses and brings their cosignatures home, behind the publisher
/// and never in its way.
///
/// A round has one checkpoint for all witnesses that are due, so that their cosignatures meet under the same one; while
/// it runs, the ledger grows on, and the next round takes the newest. What a witness does not answer is tried again,
/// later each time.
package struct WitnessCourier: Sendable {
    private let house: House
    private let client: WitnessClient
    /// Of this process, in the store's lease.
    private let holder: String

    /// Attempts of one round with one witness: the second with the size that it told, one more for a race with another
    /// node.
    private static let attempts = 3
    /// Seconds until a witness that fails is asked again: doubled each time, up to the limit, and never in step.
    private static let firstRetrySeconds: Int64 = 2
    private static let lastRetrySeconds: Int64 = 300
    /// The same for one that accuses us: a person has to look first.
    private static let accusedRetrySeconds: Int64 = 300
    /// At least every so many seconds it is looked whether somebody is due: other nodes publish too.
    private static let lookSeconds: Int64 = 5

    /// - Parameter timeoutSeconds: for one request of a witness.
    package init(_ house: House, timeoutSeconds: Int64 = 10) {
        self.house = house
        holder = Hex.encode(house.random(16))
        client = WitnessClient(timeoutSeconds: timeoutSeconds)
    }

    /// Runs until its task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            do {
                try await Witnesses.enlist(house)
                break
            } catch {
                house.log.error("the witnesses were not enlisted; trying again", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: .seconds(1))
            }
        }
        while !Task.isCancelled {
            do { try await round() } catch {
                house.log.error("a round of the witnesses failed; trying again", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: .seconds(1))
            }
            await house.checkpoints.wait(atMost: .seconds(Self.lookSeconds))
        }
    }

    /// Asks everybody who is due; returns when each has answered or failed.
    package func round() async throws {
        guard let round = try await Witnesses.begin(house, holder: holder) else { return }
        await withTaskGroup(of: Void.self) { group in
            for ask in round.asks { group.addTask { await submit(ask, round) } }
        }
        // Also when the server is stopping: a task that was cancelled cannot write, and the next start would wait.
        await Task { [house] in try? await Witnesses.end(round, house) }.value
    }

    private func submit(_ ask: Witnesses.Ask, _ round: Witnesses.Round) async {
        do {
            try await converse(ask, round)
        } catch  where Task.isCancelled {
            return
        } catch {
            let trouble = (error as? Refusal)?.detail ?? "It could not be asked."
            house.log.warning(
                "a witness did not cosign",
                metadata: ["witness": "\(ask.address.key.name)", "error": "\(error)"])
            try? await Witnesses.record(
                .away, of: ask.address.key, trouble: trouble, retryAfterSeconds: retrySeconds(after: ask.failures),
                house)
        }
    }

    private func converse(_ ask: Witnesses.Ask, _ round: Witnesses.Round) async throws {
        let checkpoint = round.checkpoint
        var size = min(ask.size, checkpoint.size)
        for _ in 1...Self.attempts {
            let proof = try await Witnesses.proof(from: size, to: checkpoint, house)
            let request = WitnessRequest(oldSize: size, proof: proof, note: Array(round.note.utf8))
            switch try await client.add(request, to: ask.address) {
            case .cosigned(let cosignature, let line):
                return try await Witnesses.record(cosignature, line: line, of: checkpoint, house)
            case .otherSize(let other) where other == size:
                throw Self.useless("It answered that it is at \(other) entries, from where it was asked.")
            case .otherSize(let other) where other > checkpoint.size:
                // Another node may have published and asked in between; then ours is just late.
                if try await Witnesses.publishedSize(house) >= other { return }
                return try await accused(
                    .rollback, ask, "it has cosigned \(other) entries, and this ledger has published \(checkpoint.size)"
                )
            case .otherSize(let other): size = other
            case .inconsistent:
                return try await accused(
                    .fork, ask,
                    "it does not accept that the ledger of \(checkpoint.size) entries goes on from the \(size) that it cosigned"
                )
            case .unusable(let why): throw Self.useless(why)
            }
        }
        throw Self.useless("It named another size each time that it was asked.")
    }

    /// It says that history was lost or rewritten. What it shows for it is checked with our own key: a checkpoint that
    /// we signed and do not have is the proof.
    private func accused(_ standing: Witnesses.Standing, _ ask: Witnesses.Ask, _ why: String) async throws {
        let shown = await proof(from: ask.address)
        let detail = "\(why); \(shown)."
        house.log.critical(
            "a witness refuses the ledger",
            metadata: [
                "witness": "\(ask.address.key.name)", "standing": "\(standing.rawValue)", "detail": "\(detail)",
            ])
        try await Witnesses.accuse(standing, by: ask.address.key, detail: detail, house)
        try await Witnesses.record(
            standing, of: ask.address.key, trouble: detail.prefix(1).uppercased() + detail.dropFirst(),
            retryAfterSeconds: Self.accusedRetrySeconds, house)
    }

    private func proof(from address: WitnessAddress) async -> String {
        do {
            let key = try Publisher(house).verifierKey
            let theirs = try Checkpoint(note: await client.checkpoint(of: key.name, from: address), key: key)
            let published = try await Witnesses.publishedSize(house)
            if theirs.size > published {
                return
                    "it shows a checkpoint of \(theirs.size) entries that this ledger's key signed: entries were lost"
            }
            return try await Witnesses.root(at: theirs.size, house) == theirs.root
                ? "the checkpoint that it shows, of \(theirs.size) entries, is one of ours"
                : "it shows a checkpoint of \(theirs.size) entries with another root that this ledger's key signed: "
                    + "there are two histories"
        } catch {
            return "it showed no checkpoint that this ledger's key signed"
        }
    }

    private func retrySeconds(after failures: Int) -> Int64 {
        let limit = min(Self.lastRetrySeconds, Self.firstRetrySeconds << Int64(min(failures, 10)))
        let share = house.random(2).reduce(Int64(0)) { $0 << 8 | Int64($1) }
        return limit / 2 + max(1, limit / 2 * share / 65_535)
    }

    private static func useless(_ why: String) -> Refusal {
        Refusal(
            .unavailable, why, hint: "Ask its operator, or take it out of lifelong.yaml.", rule: "C2SP tlog-witness")
    }
}
