import NIOConcurrencyHelpers
import NIOCore
import NIOTLS

/// Bounds the TLS handshakes that are under way at once: each costs signatures and buffers, and strangers may begin them.
/// The others wait in the order of their coming, without a byte being read from them, and not for ever.
package final class Handshakes: Sendable {
    private struct State {
        var underWay = 0
        var waiting: CircularBuffer<Turn> = []
        /// Turns in the line whose connection is gone.
        var gone = 0
    }
    /// A connection and where it stands in the line; guarded by the lock of `state`.
    private final class Turn: @unchecked Sendable {
        enum Phase { case waiting, begun, over }
        var phase = Phase.waiting
        /// Holds the connection: let go of with its turn, so that whoever only comes and goes costs nothing that stays.
        var begin: (@Sendable () -> Void)?
        init(_ begin: @escaping @Sendable () -> Void) { self.begin = begin }
    }
    private let state = NIOLockedValueBox(State())
    private let limit: Int
    let time: TimeAmount
    let patience: TimeAmount

    /// - Parameters:
    ///   - time: for a handshake, from its turn on.
    ///   - patience: for the turn.
    package init(limit: Int, time: TimeAmount = .seconds(10), patience: TimeAmount = .seconds(30)) {
        self.limit = limit
        self.time = time
        self.patience = patience
    }

    package var underWay: Int { state.withLockedValue { $0.underWay } }
    /// Places in the line, those of connections that are gone included: never more than twice those that wait, and a few.
    package var inLine: Int { state.withLockedValue { $0.waiting.count } }
    private static let goneAtLeast = 64

    /// Calls `begin` now or when it is its turn. Returns what must be called when the handshake is over, done or not, or
    /// when the connection is gone; more than once does no harm.
    func enter(_ begin: @escaping @Sendable () -> Void) -> @Sendable () -> Void {
        let turn = Turn(begin)
        let isTurn = state.withLockedValue { state in
            guard state.underWay < limit else {
                state.waiting.append(turn)
                return false
            }
            state.underWay += 1
            turn.phase = .begun
            turn.begin = nil
            return true
        }
        if isTurn { begin() }
        return { [self] in leave(turn) }
    }

    private func leave(_ turn: Turn) {
        let begin = state.withLockedValue { state -> (@Sendable () -> Void)? in
            let before = turn.phase
            turn.phase = .over
            turn.begin = nil
            if before == .waiting { Self.forget(&state) }
            guard before == .begun else { return nil }
            while let next = state.waiting.popFirst() {
                // Those who left the line are passed over.
                guard next.phase == .waiting else {
                    state.gone -= 1
                    continue
                }
                next.phase = .begun
                defer { next.begin = nil }
                return next.begin
            }
            state.underWay -= 1
            return nil
        }
        begin?()
    }

    /// One more has left the line: it is cleared once half of it is empty.
    private static func forget(_ state: inout State) {
        state.gone += 1
        guard state.gone >= goneAtLeast, state.gone * 2 > state.waiting.count else { return }
        state.waiting.removeAll { $0.phase == .over }
        state.gone = 0
    }
}

/// First in a connection's pipeline, before TLS: reads nothing until it is the connection's turn, and ends a handshake that
/// takes too long.
package final class HandshakeGuard: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private let handshakes: Handshakes
    private var leave: (@Sendable () -> Void)?
    private var timer: Scheduled<Void>?
    private var isTurn = false
    private var isReadHeld = false

    package init(_ handshakes: Handshakes) { self.handshakes = handshakes }

    package func channelActive(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        close(after: handshakes.patience, context)
        leave = handshakes.enter {
            if loop.inEventLoop {
                bound.value.0.begin(bound.value.1)
            } else {
                loop.execute { bound.value.0.begin(bound.value.1) }
            }
        }
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        isTurn = true
        guard context.channel.isActive else { return over() }
        close(after: handshakes.time, context)
        if isReadHeld {
            isReadHeld = false
            context.read()
        }
    }

    private func close(after time: TimeAmount, _ context: ChannelHandlerContext) {
        timer?.cancel()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: time) { context.close(promise: nil) }
    }

    package func read(context: ChannelHandlerContext) {
        if isTurn { context.read() } else { isReadHeld = true }
    }

    package func channelInactive(context: ChannelHandlerContext) {
        over()
        context.fireChannelInactive()
    }

    package func handlerRemoved(context: ChannelHandlerContext) { over() }

    /// The handshake is done, or the connection is gone.
    func over() {
        timer?.cancel()
        timer = nil
        leave?()
        leave = nil
    }
}

/// Behind TLS: tells the guard before it that the handshake is done.
package final class HandshakeDone: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    private let before: HandshakeGuard

    package init(_ before: HandshakeGuard) { self.before = before }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent { before.over() }
        context.fireUserInboundEventTriggered(event)
    }
}
