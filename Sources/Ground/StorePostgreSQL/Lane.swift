import Dispatch
import Store
import Wire

/// One session and the thread that waits for it. A lost session is made again when it is needed; while the server is away
/// that is told at once, and the server is looked for again after a pause that grows to a second.
actor Lane {
    nonisolated let unownedExecutor: UnownedSerialExecutor
    private let thread: WaitingThread
    private let plan: ConnectionPlan
    private let patience: Int32?
    private var session: Session?
    private var failures = 0
    /// Until then the last failure is the answer.
    private var retry = ContinuousClock.now
    private var trouble: SessionTrouble?
    private var isClosed = false

    /// - Parameter patience: seconds; the plan's unless it is given.
    init(_ plan: ConnectionPlan, patience: Int32? = nil) {
        self.plan = plan
        self.patience = patience
        thread = WaitingThread()
        unownedExecutor = thread.asUnownedSerialExecutor()
    }

    func read<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) throws -> T {
        try use(SessionSettings.reading) { rows in
            defer { rows.end() }
            return try body(rows)
        }
    }

    func write<T: Sendable>(_ body: @Sendable (any Rows) throws -> T) throws -> T {
        try use(SessionSettings.writing) { rows in
            do {
                let result = try body(rows)
                try rows.commit(SessionSettings.notify)
                return result
            } catch {
                rows.rollBack()
                throw error
            }
        }
    }

    /// Statements that must stand outside of a transaction, under a lock that the session holds.
    /// - Parameter lock: a query whose only column `free` says whether it has it; if not, nothing is done (`conflict`).
    func run(_ statements: [String], holding lock: String) throws {
        let session = try open()
        self.session = nil
        do throws(SessionTrouble) {
            try session.send(lock, once: true)
            guard try session.settle().rows.first?.optionalInt("free") == 1 else {
                throw SessionTrouble(state: SessionTrouble.cleaned, message: "")
            }
            for sql in statements {
                try session.send(sql, once: true)
                try session.settle()
            }
            self.session = session
        } catch {
            throw error.refusal
        }
    }

    func close() {
        isClosed = true
        session = nil
    }

    /// Runs `body` a second time on a new session if the first was lost before anything was answered.
    private func use<T>(
        _ beginning: [(sql: String, arguments: [Value])], _ body: (PostgreSQLRows) throws -> T
    ) throws -> T {
        var isFirst = true
        while true {
            let rows = PostgreSQLRows(try open(), beginning: beginning)
            let result = Result { try body(rows) }
            if rows.endsSession { session = nil }
            guard isFirst, rows.canBeRepeated else { return try result.get() }
            isFirst = false
        }
    }

    private func open() throws -> Session {
        if isClosed { throw SessionTrouble.lost("closed").refusal }
        if let session { return session }
        if let trouble, ContinuousClock.now < retry { throw trouble.refusal }
        do throws(SessionTrouble) {
            let opened = try SessionSettings.open(plan, patience: patience)
            session = opened
            failures = 0
            trouble = nil
            return opened
        } catch {
            failures += 1
            trouble = error
            retry = .now + .milliseconds(min(1000, 25 << min(failures, 6)))
            throw error.refusal
        }
    }
}

/// Where a lane waits for its server, so that nobody else's thread is held up.
private final class WaitingThread: SerialExecutor {
    private let queue = DispatchQueue(label: "lifelong.postgresql")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}

/// Lanes that take turns.
actor Lanes {
    private var idle: [Lane]
    private let all: [Lane]
    private var waiting: [CheckedContinuation<Lane, Never>] = []

    init(_ plan: ConnectionPlan, count: Int) {
        all = (0..<count).map { _ in Lane(plan) }
        idle = all
    }

    func take() async -> Lane {
        // The one that was used last has its session.
        if let lane = idle.popLast() { return lane }
        return await withCheckedContinuation { waiting.append($0) }
    }

    func giveBack(_ lane: Lane) {
        if waiting.isEmpty { idle.append(lane) } else { waiting.removeFirst().resume(returning: lane) }
    }

    func close() async { for lane in all { await lane.close() } }
}
