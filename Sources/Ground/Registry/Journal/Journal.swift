import Passport
import Store
import Wire

/// The only way to write: many requests share one transaction and so one sync.
///
/// Invariants:
/// 1. A waiter is answered only after the commit that holds its change. Where the answer to a commit was lost, all its
///    waiters are told that it is not known.
/// 2. One refusal undoes its own share (a savepoint) and never its neighbours'.
/// 3. An engine that fails (disk full, locked) fails the whole group: nobody is told yes, nothing stays.
final class Journal: Sendable {
    /// One change that waits for its turn. `run` returns normally if its share is to stay.
    struct Job: Sendable {
        /// The device that it is about, if that is known before: its passport is read together with its neighbours'.
        var device: DeviceID?
        var run: @Sendable (any Rows, Sequencer) throws -> Void
        var done: CheckedContinuation<Void, any Error>
    }

    /// At most so many changes share a commit, so that the first does not wait for the thousandth.
    private static let groupLimit = 1024
    /// At most so many wait; more are told to come back.
    private static let waitingLimit = 20_000

    private let database: any Database
    private let clock: NodeClock
    private let passports: KnownPassports
    private let committed: @Sendable () -> Void
    /// A lock and no actor: whoever waits has no change of thread but those to the writer and back.
    private let queue = Locked((waiting: [Job](), isRunning: false))

    /// - Parameters:
    ///   - passports: forgets what a commit changed before anybody is answered.
    ///   - committed: called after each commit, to wake the publisher.
    init(
        database: any Database, passports: KnownPassports, clock: NodeClock,
        committed: @escaping @Sendable () -> Void
    ) {
        self.database = database
        self.passports = passports
        self.clock = clock
        self.committed = committed
    }

    func submit(
        about device: DeviceID?, _ run: @escaping @Sendable (any Rows, Sequencer) throws -> Void
    ) async throws {
        try await withCheckedThrowingContinuation { done in
            switch enqueue(Job(device: device, run: run, done: done)) {
            case .waits: break
            case .isFirst: Task { await drain() }
            case .isTooMuch:
                done.resume(
                    throwing: Refusal(
                        .unavailable, "Too many changes are waiting.", hint: "Try again.", retryAfterSeconds: 5))
            }
        }
    }

    private enum Enqueued { case waits, isFirst, isTooMuch }
    private func enqueue(_ job: Job) -> Enqueued {
        queue.withLock { queue in
            guard queue.waiting.count < Self.waitingLimit else { return .isTooMuch }
            queue.waiting.append(job)
            defer { queue.isRunning = true }
            return queue.isRunning ? .waits : .isFirst
        }
    }

    /// One at a time: what comes in while a group is written is the next group.
    private func drain() async {
        while let group = next() { await commit(group) }
    }

    private func next() -> [Job]? {
        queue.withLock { queue in
            guard !queue.waiting.isEmpty else {
                queue.isRunning = false
                return nil
            }
            let group = Array(queue.waiting.prefix(Self.groupLimit))
            queue.waiting.removeFirst(group.count)
            return group
        }
    }

    private func commit(_ group: [Job]) async {
        let (clock, passports) = (clock, passports)
        let touched = TouchedDevices()
        let named = Set(group.compactMap(\.device))
        let mark = passports.mark
        do {
            let refusals = try await database.write { rows in
                let sequencer = try Sequencer(rows: rows, clock: clock, memory: passports)
                try sequencer.load(Array(named), in: rows)
                return try Self.runAll(group, in: rows, sequencer, touched: touched)
            }
            passports.renew(touched.passports, leaves: touched.leaves, takingIn: named, since: mark)
            committed()
            for (job, refusal) in zip(group, refusals) {
                if let refusal { job.done.resume(throwing: refusal) } else { job.done.resume() }
            }
        } catch {
            // A commit whose answer was lost may have happened.
            passports.forget(touched.devices)
            for job in group { job.done.resume(throwing: error) }
        }
    }

    private static func runAll(
        _ group: [Job], in rows: any Rows, _ sequencer: Sequencer, touched: TouchedDevices
    ) throws -> [(any Error)?] {
        defer { touched.note(sequencer) }
        let shared = SharedRows(rows, sequencer)
        var refusals: [(any Error)?] = []
        refusals.reserveCapacity(group.count)
        for job in group {
            do {
                try shared.savepoint { try job.run(shared, sequencer) }
                refusals.append(nil)
            } catch {
                if let failure = shared.failure { throw failure }
                refusals.append(error)
            }
            try sequencer.writeEnough(to: rows)
        }
        try sequencer.finish(in: rows)
        return refusals
    }
}

/// What a group of changes touched, carried out of its transaction whether that ended well or not.
private final class TouchedDevices: Sendable {
    private struct State {
        var devices: Set<DeviceID> = []
        var passports: [DeviceID: Passport] = [:]
        var leaves: Range<Int64> = 0..<0
    }
    private let state = Locked(State())
    var devices: Set<DeviceID> { noted.devices }
    var passports: [DeviceID: Passport] { noted.passports }
    var leaves: Range<Int64> { noted.leaves }

    private var noted: State { state.withLock { $0 } }
    func note(_ sequencer: Sequencer) {
        let noted = State(devices: sequencer.touched, passports: sequencer.outcome, leaves: sequencer.places)
        state.withLock { $0 = noted }
    }
}

/// The transaction as one change of a group sees it: what it and those before it recorded is written before it reads, and
/// its share is undone everywhere if it is refused.
///
/// Remembers whether the engine failed: that ends the group, while a change that found something else unavailable (the key
/// store) ends alone.
private final class SharedRows: Rows {
    private let rows: any Rows
    private let sequencer: Sequencer
    private(set) var failure: Refusal?

    init(_ rows: any Rows, _ sequencer: Sequencer) {
        self.rows = rows
        self.sequencer = sequencer
    }

    func query(_ sql: String, _ arguments: [Value]) throws -> [Row] {
        try watch {
            try sequencer.write(to: rows)
            return try rows.query(sql, arguments)
        }
    }

    func execute(_ sql: String, _ arguments: [Value]) throws -> Int {
        try watch {
            try sequencer.write(to: rows)
            return try rows.execute(sql, arguments)
        }
    }

    func later(_ sql: String, _ arguments: [Value], changing: Int?) throws {
        try watch {
            try sequencer.write(to: rows)
            try rows.later(sql, arguments, changing: changing)
        }
    }

    func savepoint<T>(_ body: () throws -> T) throws -> T {
        let mark = sequencer.mark
        do {
            return try rows.savepoint(body)
        } catch {
            sequencer.reset(to: mark)
            throw error
        }
    }

    private func watch<T>(_ body: () throws -> T) throws -> T {
        do {
            return try body()
        } catch let refusal as Refusal where refusal.code == .unavailable {
            failure = refusal
            throw refusal
        }
    }
}
