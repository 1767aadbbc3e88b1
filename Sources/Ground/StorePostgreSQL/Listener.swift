import Foundation
import Store
import Wire

/// Hears of every node's commits over a connection of its own (LISTEN), from the first listener on.
final class Listener: Sendable {
    private let plan: ConnectionPlan
    private let fanout = CommitFanout()
    private let state = Locked((isStarted: false, isClosed: false))

    init(_ plan: ConnectionPlan) { self.plan = plan }

    func listen() -> AsyncStream<Void> {
        let stream = fanout.listen()
        let isFirst = state.withLock { state -> Bool in
            defer { state.isStarted = true }
            return !state.isStarted && !state.isClosed
        }
        if isFirst { Thread { [self] in run() }.start() }
        return stream
    }

    func close() {
        state.withLock { $0.isClosed = true }
        fanout.close()
    }

    private var isClosed: Bool { state.withLock { $0.isClosed } }

    private func run() {
        while !isClosed {
            // A lost connection is made again after a pause; what was missed meanwhile is announced then.
            do throws(SessionTrouble) { try hear() } catch { Thread.sleep(forTimeInterval: 0.25) }
        }
    }

    private func hear() throws(SessionTrouble) {
        let session = try SessionSettings.open(plan)
        try session.send("LISTEN \(SessionSettings.channel)", once: true)
        try session.send("SELECT current_schema() AS schema", once: true)
        let schema = try session.settle().rows.first?.optionalText("schema")
        fanout.signal()
        while !isClosed {
            guard session.wait(milliseconds: 500) else { continue }
            if try session.notices().contains(where: { $0 == schema }) { fanout.signal() }
        }
    }
}
