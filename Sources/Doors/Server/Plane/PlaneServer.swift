import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import ServiceLifecycle
import Wire

/// A lean plane: a listening socket whose connections have a pipeline of their own, without a task for each. For what a
/// million devices call; where people wait, the framework does it (docs/decisions/0017).
struct PlaneServer: Service {
    let listen: Server.Listen
    /// Nil for plain HTTP.
    let tls: TLSContext?
    let routes: PlaneRoutes
    let limits: PlaneLimits
    let admission: Admission
    let log: Logger
    let started: @Sendable (any Channel) async -> Void

    func run() async throws {
        let connections = PlaneConnections(limit: limits.connections)
        let group = MultiThreadedEventLoopGroup.singleton
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptLimit(connections))
                }
            }
            .childChannelOption(.socketOption(.so_sndbuf), value: PlaneLimits.sendBuffer)
            .childChannelInitializer { channel in
                connections.add(channel)
                return channel.eventLoop.makeCompletedFuture { try build(channel.pipeline.syncOperations, channel) }
            }
            .bind(host: listen.host, port: listen.port).get()
        await started(channel)
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await channel.closeFuture.get()
        } onCancelOrGracefulShutdown: {
            channel.close(promise: nil)
        }
        try await connections.end(on: group.next())
    }

    private func build(_ pipeline: ChannelPipeline.SynchronousOperations, _ channel: any Channel) throws {
        if let tls {
            let turn = HandshakeGuard(admission.handshakes)
            try pipeline.addHandler(turn)
            // Any certificate whose key the peer holds; who it is and what it may do is judged above, where a refusal can
            // say why (docs/decisions/0006).
            try pipeline.addHandler(
                NIOSSLServerHandler(
                    context: tls.current,
                    customVerificationCallback: { _, promise in promise.succeed(.certificateVerified) }))
            try pipeline.addHandler(HandshakeDone(turn))
        }
        try pipeline.addHandler(
            ByteToMessageHandler(
                HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: PlaneLimits.head),
                maximumBufferSize: PlaneLimits.unparsedBytes))
        try pipeline.addHandler(
            PlaneHandler(
                routes: routes, limits: limits, gate: admission.gate, remote: tls == nil ? channel.remoteAddress : nil,
                log: log))
    }
}

/// The connections of a plane: how many there are, and how to tell them that it is over.
final class PlaneConnections: Sendable {
    private struct State {
        var open: [ObjectIdentifier: any Channel] = [:]
        var isEnding = false
        var ended: EventLoopPromise<Void>?
        var waiting: (@Sendable () -> Void)?
    }
    private let state = Locked(State())
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    func add(_ channel: any Channel) {
        let id = ObjectIdentifier(channel as AnyObject)
        let isEnding = state.withLock { state in
            state.open[id] = channel
            return state.isEnding
        }
        channel.closeFuture.whenComplete { [self] _ in remove(id) }
        if isEnding { channel.close(promise: nil) }
    }

    private func remove(_ id: ObjectIdentifier) {
        let (wake, ended) = state.withLock { state -> ((@Sendable () -> Void)?, EventLoopPromise<Void>?) in
            state.open[id] = nil
            defer { state.waiting = nil }
            return (state.waiting, state.open.isEmpty ? state.ended : nil)
        }
        wake?()
        ended?.succeed()
    }

    /// Whether there is room for one more; if not, `wake` is called once, when there is.
    func hasRoom(orCall wake: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            guard state.open.count >= limit else { return true }
            state.waiting = wake
            return false
        }
    }

    /// Ends idle connections now and the others after their answer; those that take too long are cut.
    func end(on loop: any EventLoop) async throws {
        let promise = loop.makePromise(of: Void.self)
        let open = state.withLock { state in
            state.isEnding = true
            state.ended = promise
            return Array(state.open.values)
        }
        if open.isEmpty { promise.succeed() }
        for channel in open { channel.pipeline.fireUserInboundEventTriggered(PlaneStopping()) }
        let cut = loop.scheduleTask(in: PlaneLimits.stop) { [self] in
            for channel in state.withLock({ Array($0.open.values) }) { channel.close(promise: nil) }
        }
        try await promise.futureResult.get()
        cut.cancel()
    }
}

/// Accepts no more connections than the plane may hold; the others wait in the system's queue.
final class AcceptLimit: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias OutboundIn = Never

    private let connections: PlaneConnections
    init(_ connections: PlaneConnections) { self.connections = connections }

    func read(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        let hasRoom = connections.hasRoom { loop.execute { bound.value.0.read(context: bound.value.1) } }
        if hasRoom { context.read() }
    }
}
