import Passport
import Store
import Synchronization
import Wire

/// The only way to write: many requests share one transaction and so one sync.
///
/// Invariants:
/// 1. A waiter is answered only after the commit that holds its change. Where the answer to a commit was lost, all its
///    waiters are told that it is not known.
/// 2. One refusal undoes its own share (a savepoint) and never its neighbours'.
/// 3. An engine that fails (disk full, locked) fails the whole group: nobody is told yes, nothing stays.
actor Journal {
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
    private var waiting: [Job] = []
    private var isRunning = false

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
        guard waiting.count < Self.waitingLimit else {
            throw Refusal(.unavailable, "Too many changes are waiting.", hint: "Try again.", retryAfterSeconds: 5)
        }
        try await withCheckedThrowingContinuation { done in
            waiting.append(Job(device: device, run: run, done: done))
            if !isRunning {
                isRunning = true
                Task { await drain() }
            }
        }
    }

    private func drain() async {
        while !waiting.isEmpty {
            let group = Array(waiting.prefix(Self.groupLimit))
            waiting.removeFirst(group.count)
            await commit(group)
        }
        isRunning = false
    }

    private func commit(_ group: [Job]) async {
        let clock = clock
        let touched = TouchedDevices()
        do {
            let refusals = try await database.write { rows in
                try Self.runAll(group, in: rows, clock: clock, touched: touched)
            }
            passports.forget(touched.devices, leaves: touched.leaves)
            committed()
            for (job, refusal) in zip(group, refusals) {
                if let refusal { job.done.resume(throwing: refusal) } else { job.done.resume() }
            }
        } catch {
            // A commit whose answer was lost may have happened.
            passports.forget(touched.devices, leaves: nil)
            for job in group { job.done.resume(throwing: error) }
        }
    }

    private static func runAll(
        _ group: [Job], in rows: any Rows, clock: NodeClock, touched: TouchedDevices
    ) throws -> [(any Error)?] {
        let sequencer = try Sequencer(rows: rows, clock: clock)
        defer { touched.note(sequencer) }
        try sequencer.load(Array(Set(group.compactMap(\.device))), in: rows)
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
    private let state = Mutex<(devices: Set<DeviceID>, leaves: Range<Int64>?)>(([], nil))
    var devices: Set<DeviceID> { state.withLock { $0.devices } }
    var leaves: Range<Int64>? { state.withLock { $0.leaves } }
    func note(_ sequencer: Sequencer) {
        let (devices, leaves) = (sequencer.touched, sequencer.places)
        state.withLock { $0 = (devices, leaves) }
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
