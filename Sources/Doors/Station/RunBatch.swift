import Foundation
import Wire

/// Serves units from a line until enough are born, the line ends, or the batch cannot go on.
package struct RunBatch: Sendable {
    package struct Summary: Codable, Sendable, Equatable {
        package var batch: BatchID
        package var born = 0
        package var resumed = 0
        package var refused = 0
        /// Births that the permit still allows.
        package var remaining: Int
        /// Why the run stopped before it was done.
        package var stopped: Refusal?
    }

    let batch: Batch
    let source: any LineSource
    /// Units of this run.
    let count: Int
    let atOnce: Int

    /// - Parameters:
    ///   - count: units to serve; attempts on a line that counts those (exec), births otherwise. Nil for the permit's
    ///     quantity, so that repeating an interrupted exec run visits the same numbers, or for what is left of it.
    ///   - atOnce: at most so many units at the same time; the line may allow fewer.
    package init(_ batch: Batch, source: any LineSource, count: Int? = nil, atOnce: Int = 1) {
        self.batch = batch
        self.source = source
        self.count = count ?? (source.countsAttempts ? batch.permit.permit.quantity : batch.remaining)
        self.atOnce = max(1, min(atOnce, source.atOnce))
    }

    package var expected: Int { count }

    private struct State {
        var started = 0
        var succeeded = 0
        var underWay = 0
        var summary: Summary
    }

    /// - Parameter report: called for every unit when it is done, never by two threads at once.
    package func perform(report: @escaping @Sendable (UnitReport) -> Void) -> Summary {
        let state = Locked(State(summary: Summary(batch: batch.permit.permit.batch, remaining: batch.remaining)))
        let run = Progress(state: state)
        guard count > 0 else {
            var summary = run.summary(batch)
            summary.stopped = BirthJournal.usedUp(batch.permit.permit.quantity)
            return summary
        }
        let group = DispatchGroup()
        for _ in 0..<atOnce {
            group.enter()
            // Threads, because a unit blocks its own for as long as it likes.
            Thread {
                work(run, report)
                group.leave()
            }.start()
        }
        group.wait()
        return run.summary(batch)
    }

    private func work(_ run: Progress, _ report: (UnitReport) -> Void) {
        while let number = run.start(count, countsAttempts: source.countsAttempts) {
            do throws(BirthFailure) {
                guard let line = try nextLine(number, run) else { return run.giveBack() }
                run.finish(try ServeUnit(batch, number: number).perform(on: line), report)
            } catch {
                return run.stop(error.refusal)
            }
        }
    }

    private func nextLine(_ number: Int, _ run: Progress) throws(BirthFailure) -> UnitLine? {
        try BirthFailure.batch { try source.next(number) { run.isStopped } }
    }

    /// The run's shared counters.
    private final class Progress: Sendable {
        private let state: Locked<State>
        init(state: consuming sending Locked<State>) { self.state = state }

        var isStopped: Bool { state.withLock { $0.summary.stopped != nil } }

        /// The number of the next unit, or nil if enough have been started. On a line that counts births a worker waits
        /// while those under way may still be enough.
        func start(_ count: Int, countsAttempts: Bool) -> Int? {
            while true {
                let answer: Int?? = state.withLock { state in
                    guard state.summary.stopped == nil else { return .some(nil) }
                    if countsAttempts ? state.started >= count : state.succeeded >= count { return .some(nil) }
                    if !countsAttempts, state.succeeded + state.underWay >= count { return nil }
                    state.started += 1
                    state.underWay += 1
                    return state.started
                }
                if let answer { return answer }
                usleep(20_000)
            }
        }

        func giveBack() { state.withLock { $0.underWay -= 1 } }

        func finish(_ unit: UnitReport, _ report: (UnitReport) -> Void) {
            state.withLock { state in
                state.underWay -= 1
                switch unit.outcome {
                case .born: state.summary.born += 1
                case .resumed: state.summary.resumed += 1
                case .refused: state.summary.refused += 1
                }
                if unit.outcome != .refused { state.succeeded += 1 }
                report(unit)
            }
        }

        func stop(_ refusal: Refusal) {
            state.withLock { state in
                state.underWay -= 1
                if state.summary.stopped == nil { state.summary.stopped = refusal }
            }
        }

        func summary(_ batch: Batch) -> Summary {
            state.withLock { state in
                state.summary.remaining = batch.remaining
                return state.summary
            }
        }
    }
}
