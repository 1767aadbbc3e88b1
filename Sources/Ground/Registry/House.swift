import Keys
import Logging
import Passport
import Store
import Trust
import Wire

/// What can be set from outside; the configuration file explains each.
package struct HouseSettings: Sendable {
    /// Name of the maker, as it stands in certificates.
    package var organisation = "Example Maker"
    /// "https://devices.example:8443", as devices reach it.
    package var serviceURL = "https://127.0.0.1:8443"
    /// "http://pki.example:8080", as anybody reaches the public plane; stands in certificates.
    package var publicURL = "http://127.0.0.1:8080"
    /// DNS names and addresses in the service's certificate.
    package var serviceNames = ["localhost", "127.0.0.1"]
    /// Life of an operational certificate.
    package var operationalDays = 90
    /// The same in seconds, for tests and demonstrations; 0 means `operationalDays` holds.
    package var operationalSeconds = 0
    /// Seconds between two check-ins of a device.
    package var checkInSeconds = 300
    /// A stock client's update waits until somebody at the device confirmed it (hawkBit's confirmation flow).
    package var confirmUpdates = false
    /// The ledger's name: the origin line of its checkpoints.
    package var ledgerOrigin = "lifelong.example/ledger"
    /// Most passports that are kept in memory, about 1.2 KiB each; a device beyond them costs a read at each request.
    package var knownDevices = 100_000
    /// Seconds that this machine's clock and the database's may be apart; nil: not compared, for simulated clocks.
    package var clockToleranceSeconds: Int64?
    /// Who cosigns the ledger's checkpoints.
    package var witnesses: [WitnessAddress] = []
    /// So many of them make a checkpoint "witnessed"; 0 means more than half.
    package var witnessQuorum = 0
    /// Who is asked before a stage of a rollout opens, where the plan says so.
    package var outsideCheck: OutsideCheck?
    /// Where artifacts lie, by their SHA-256.
    package var artifactFolder = "artifacts"

    package init() {}

    /// How many cosignatures a witnessed checkpoint has; 0 if there is no witness.
    package var neededCosignatures: Int {
        witnesses.isEmpty ? 0 : witnessQuorum > 0 ? min(witnessQuorum, witnesses.count) : witnesses.count / 2 + 1
    }

    package var operationalLifeSeconds: Int64 {
        operationalSeconds > 0 ? Int64(operationalSeconds) : Int64(operationalDays) * 86_400
    }
}

/// The registry's front: every read and every change goes through it.
///
/// Holds no state of the fleet, because nodes hold none: what must be exclusive is a compare-and-set in the store.
package final class House: Sendable {
    package let database: any Database
    package let keys: any KeyStore
    package let settings: HouseSettings
    package let log: Logger
    /// Handed in, so that tests run on a simulated clock.
    package let clock: @Sendable () -> Timestamp
    /// Whether it is believed.
    package let nodeClock: NodeClock
    /// Handed in: cryptographic random bytes.
    package let random: @Sendable (Int) -> [UInt8]
    /// CAs and the signing keys of the house, read at start and when one is added.
    package let authorities: Authorities
    /// Wakes whoever waits for commits (the publisher).
    package let commits = CommitSignal()
    /// Passports in memory, for the judgement at each request.
    package let passports: KnownPassports
    /// Wakes whoever waits for checkpoints (the witnesses' courier).
    package let checkpoints = CommitSignal()
    /// Last contacts on their way to the store.
    package let contacts: ContactBuffer
    /// Checks pairing secrets, one after another.
    package let secrets = SecretDesk()
    private let journal: Journal

    package init(
        database: any Database, keys: any KeyStore, settings: HouseSettings, log: Logger,
        clock: @escaping @Sendable () -> Timestamp, random: @escaping @Sendable (Int) -> [UInt8]
    ) async throws {
        self.database = database
        self.keys = keys
        self.settings = settings
        self.log = log
        self.clock = clock
        self.random = random
        let nodeClock = NodeClock(clock, tolerance: settings.clockToleranceSeconds, log: log)
        self.nodeClock = nodeClock
        let commits = commits
        passports = KnownPassports(limit: settings.knownDevices)
        journal = Journal(
            database: database, passports: passports, clock: nodeClock, committed: { commits.signal() })
        authorities = Authorities()
        contacts = ContactBuffer(database: database, log: log)
        try await nodeClock.look(at: database)
        try await Founding.complete(self)
    }

    /// The instant that is told to others or judged by: a refusal while this node's clock is not believed.
    package func time() throws(Refusal) -> Timestamp { try nodeClock.time() }

    /// The instant that a change at this moment would bear: never before the ledger's last entry, whichever node wrote that.
    package func instant(in rows: any Rows) throws -> Timestamp { try nodeClock.sequence(in: rows).now }

    /// Performs an action for somebody: judged, journaled and durable before it answers.
    package func perform<A: Action>(_ action: A, as principal: Principal) async throws -> A.Answer {
        try Access.demand(A.permission, of: principal)
        return try await change(as: principal) { try action.perform(in: $0) }
    }

    /// A change without a name of its own; for the registry's inner work and for actions in several steps.
    ///
    /// - Parameter device: the device that it is about, if that is known: many changes then read their passports together.
    package func change<T: Sendable>(
        as principal: Principal, about device: DeviceID? = nil, _ body: @escaping @Sendable (Change) throws -> T
    ) async throws -> T {
        let box = ResultBox<T>()
        try await journal.submit(about: device) { rows, sequencer in
            let change = Change(rows: rows, principal: principal, house: self, sequencer: sequencer)
            do {
                box.set(.success(try body(change)))
            } catch {
                guard let kept = change.keptRefusal else { throw error }
                box.set(.failure(kept))
            }
        }
        guard let outcome = box.value else {
            throw Refusal(.internal, "A change gave no answer.", hint: "Report this with the server's log.")
        }
        return try outcome.get()
    }

    /// Where artifacts lie.
    package var artifacts: ArtifactFolder { ArtifactFolder(settings.artifactFolder) }

    package func read<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) async throws -> T {
        try await database.read(body)
    }
}

/// Carries an answer from the writing thread back to the caller.
private final class ResultBox<T: Sendable>: Sendable {
    private let result = Locked<Result<T, any Error>?>(nil)
    func set(_ value: Result<T, any Error>) { result.withLock { $0 = value } }
    var value: Result<T, any Error>? { result.withLock { $0 } }
}

/// Tells one waiter that something was committed; signals that nobody waited for are kept, as one.
package final class CommitSignal: Sendable {
    private struct State {
        var pending = false
        var waiter: CheckedContinuation<Void, Never>?
    }
    private let state = Locked(State())

    package init() {}

    package func signal() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard let waiter = state.waiter else {
                state.pending = true
                return nil
            }
            state.waiter = nil
            return waiter
        }
        waiter?.resume()
    }

    /// Returns at the next signal, after `atMost`, or when the task is cancelled.
    package func wait(atMost limit: Duration) async {
        let timer = Task { [self] in
            // A timer that was called off must not wake whoever waits next.
            guard (try? await Task.sleep(for: limit)) != nil else { return }
            signal()
        }
        await withTaskCancellationHandler {
            await wait()
        } onCancel: {
            signal()
        }
        timer.cancel()
    }

    private func wait() async {
        await withCheckedContinuation { continuation in
            let now = state.withLock { state -> Bool in
                if state.pending {
                    state.pending = false
                    return true
                }
                state.waiter = continuation
                return false
            }
            if now { continuation.resume() }
        }
    }
}
