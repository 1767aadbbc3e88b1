import Foundation
import Glibc
import Wire

/// Runs all Swift tasks of this process on one thread, one job after another, and lets a seed choose which: what the real
/// runtime leaves to chance is decided here, so that the same seed runs the same way.
///
/// The runtime's hooks for its global executor bring every job here. A call to the database engine may leave this thread
/// (GRDB has a queue of its own): while one is out (`outside`), nothing else runs, so that it makes no difference when it
/// comes back.
///
/// `@unchecked Sendable`: everything but `foreign` is touched by the driving thread only; `foreign` is behind a mutex.
package final class Driver: TaskExecutor, @unchecked Sendable {
    private typealias Enqueue = @convention(thin) (UnownedJob) -> Void
    private typealias Hook = @convention(thin) (UnownedJob, Enqueue) -> Void
    private typealias EnqueueLater = @convention(thin) (Int64, Int64, Int64, Int64, Int32, UnownedJob) -> Void
    private typealias LaterHook =
        @convention(thin) (Int64, Int64, Int64, Int64, Int32, UnownedJob, EnqueueLater) -> Void

    /// The one that the hooks bring jobs to. Set once, before the first task.
    nonisolated(unsafe) private static var current: Driver?

    private let thread = pthread_self()
    private var random: SeededRandom
    private var ready: [UnownedJob] = []
    private var parked: [CheckedContinuation<Void, Never>] = []
    /// Jobs whose time has not come; simulated time does not wait, so they come when nothing else does.
    private var sleeping: [UnownedJob] = []
    /// Calls to the engine that are not back.
    private var outside = 0
    private let foreign = Locked<[UnownedJob]>([])
    private let arrived = DispatchSemaphore(value: 0)

    package init(seed: UInt64) { random = SeededRandom(seed: seed) }

    package func enqueue(_ job: consuming ExecutorJob) { take(UnownedJob(job)) }

    private func take(_ job: UnownedJob) {
        if pthread_equal(pthread_self(), thread) != 0, outside == 0 { return ready.append(job) }
        foreign.withLock { $0.append(job) }
        arrived.signal()
    }

    private func install() -> Bool {
        guard let hook = dlsym(nil, "swift_task_enqueueGlobal_hook"),
            let later = dlsym(nil, "swift_task_enqueueGlobalWithDeadline_hook")
        else { return false }
        Self.current = self
        hook.assumingMemoryBound(to: Hook?.self).pointee = { job, _ in Driver.current?.take(job) }
        later.assumingMemoryBound(to: LaterHook?.self).pointee = { _, _, _, _, _, job, _ in
            Driver.current?.sleeping.append(job)
        }
        return true
    }

    /// Runs `body` and all that it starts. False if this runtime has no such hooks.
    package func run(_ body: @escaping @Sendable () async -> Void) -> Bool {
        guard install() else { return false }
        let isDone = Locked(false)
        Task.detached {
            await body()
            isDone.withLock { $0 = true }
        }
        while !isDone.withLock({ $0 }) {
            if outside > 0 {
                arrived.wait()
                let job = foreign.withLock { $0.removeFirst() }
                execute(job)
            } else if !ready.isEmpty || !parked.isEmpty {
                let choice = random.below(ready.count + parked.count)
                if choice < ready.count {
                    execute(ready.remove(at: choice))
                } else {
                    parked.remove(at: choice - ready.count).resume()
                }
            } else if !sleeping.isEmpty {
                execute(sleeping.removeFirst())
            } else {
                return false
            }
        }
        return true
    }

    private func execute(_ job: UnownedJob) { job.runSynchronously(on: asUnownedTaskExecutor()) }

    /// Lets everybody else go first, or not: the seed says.
    package func pause() async { await withCheckedContinuation { parked.append($0) } }

    /// A call that may leave this thread; until it is back nothing else runs.
    package func away<T: Sendable>(_ call: () async throws -> T) async rethrows -> T {
        outside += 1
        defer { outside -= 1 }
        return try await call()
    }
}
