import NIOCore
import NIOTLS
import Wire

/// Bounds the TLS handshakes that are worked on at once: each costs signatures and buffers, and strangers may begin them.
/// The others wait in the order of their coming, and not for ever.
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
    private let state = Locked(State())
    private let limit: Int
    let time: TimeAmount
    let patience: TimeAmount
    let hold: TimeAmount

    /// - Parameters:
    ///   - time: for the first byte, and for a handshake from its turn on.
    ///   - patience: for the turn.
    ///   - hold: for the peer's next word, before its turn is another's; when it comes, it waits for a turn again.
    package init(
        limit: Int, time: TimeAmount = .seconds(10), patience: TimeAmount = .seconds(30), hold: TimeAmount = .seconds(1)
    ) {
        self.limit = limit
        self.time = time
        self.patience = patience
        self.hold = min(hold, time)
    }

    package var underWay: Int { state.withLock { $0.underWay } }
    /// Places in the line, those of connections that are gone included: never more than twice those that wait, and a few.
    package var inLine: Int { state.withLock { $0.waiting.count } }
    private static let goneAtLeast = 64

    /// Calls `begin` now or when it is its turn. Returns what must be called when the handshake is over, done or not, or
    /// when the connection is gone; more than once does no harm.
    func enter(_ begin: @escaping @Sendable () -> Void) -> @Sendable () -> Void {
        let turn = Turn(begin)
        let isTurn = state.withLock { state in
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
        let begin = state.withLock { state -> (@Sendable () -> Void)? in
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

/// First in a connection's pipeline, before TLS: hands nothing on until it is the connection's turn, and ends a handshake
/// that takes too long.
///
/// Only what says something has a turn: a connection that is silent, from its beginning or in the middle, costs a
/// descriptor and its buffers, and keeps nobody out.
package final class HandshakeGuard: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private enum Phase {
        /// Nothing is here to be worked on.
        case silent
        /// Bytes are here; nothing more is read until it is their turn.
        case inLine
        case turn
        case over
    }

    private let handshakes: Handshakes
    private var phase = Phase.silent
    private var leave: (@Sendable () -> Void)?
    private var held = CircularBuffer<ByteBuffer>(initialCapacity: 0)
    private var isReadHeld = false
    /// The connection is closed then, however it got on by that time.
    private var endAt = NIODeadline.distantFuture
    private var closeAt = NIODeadline.distantFuture
    /// The turn is given back then.
    private var yieldAt = NIODeadline.distantFuture
    private var timer: Scheduled<Void>?
    private var timerAt = NIODeadline.distantFuture

    package init(_ handshakes: Handshakes) { self.handshakes = handshakes }

    package func channelActive(context: ChannelHandlerContext) {
        let now = NIODeadline.now()
        endAt = now + handshakes.time + handshakes.patience + handshakes.time
        closeAt = now + handshakes.time
        watch(context, at: now + handshakes.hold)
        context.fireChannelActive()
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch phase {
        case .turn, .over: return context.fireChannelRead(data)
        case .inLine: held.append(unwrapInboundIn(data))
        case .silent:
            held.append(unwrapInboundIn(data))
            phase = .inLine
            closeAt = min(endAt, .now() + handshakes.patience)
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            let loop = context.eventLoop
            leave = handshakes.enter {
                if loop.inEventLoop {
                    bound.value.0.begin(bound.value.1)
                } else {
                    loop.execute { bound.value.0.begin(bound.value.1) }
                }
            }
            // It may have been done, or have failed, at once.
            if phase == .over { giveBack() }
        }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        // What began in the middle of a read was told of its end already.
        if phase != .inLine { context.fireChannelReadComplete() }
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard phase == .inLine, context.channel.isActive else { return over() }
        phase = .turn
        let now = NIODeadline.now()
        closeAt = min(endAt, now + handshakes.time)
        yieldAt = now + handshakes.hold
        if yieldAt < timerAt { watch(context, at: yieldAt) }
        while let bytes = held.popFirst() { context.fireChannelRead(wrapInboundOut(bytes)) }
        context.fireChannelReadComplete()
        if isReadHeld {
            isReadHeld = false
            context.read()
        }
    }

    private func watch(_ context: ChannelHandlerContext, at deadline: NIODeadline) {
        timer?.cancel()
        timerAt = deadline
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            self?.look(context)
        }
    }

    private func look(_ context: ChannelHandlerContext) {
        guard phase != .over else { return }
        let now = NIODeadline.now()
        guard now < closeAt else { return context.close(promise: nil) }
        if phase == .turn, now >= yieldAt {
            phase = .silent
            giveBack()
        }
        watch(context, at: phase == .turn ? min(closeAt, yieldAt) : closeAt)
    }

    private func giveBack() {
        leave?()
        leave = nil
    }

    package func read(context: ChannelHandlerContext) {
        if phase == .inLine { isReadHeld = true } else { context.read() }
    }

    package func channelInactive(context: ChannelHandlerContext) {
        over()
        context.fireChannelInactive()
    }

    package func handlerRemoved(context: ChannelHandlerContext) { over() }

    /// The handshake is done, or the connection is gone.
    func over() {
        phase = .over
        timer?.cancel()
        timer = nil
        held.removeAll()
        giveBack()
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
