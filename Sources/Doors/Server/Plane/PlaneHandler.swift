import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import NIOTLS
import Wire

/// Tells a connection to end: at once if nothing is under way, else after the answer.
struct PlaneStopping: Sendable {}

/// One connection of a lean plane: requests in order, each answered on the event loop where nothing has to be waited for,
/// by a task where something has.
///
/// Bounded in everything: while an answer is worked out, or the peer does not read, nothing more is read; every phase has
/// its time (`PlaneLimits`). Lives on one event loop.
final class PlaneHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Phase {
        /// For a head.
        case waiting
        /// A body, up to its end.
        case reading
        /// A task works, or streams.
        case answering
        /// Answered before the request was over: what still comes is dropped.
        case lingering
        /// The last answer is on its way out.
        case leaving
        case over
    }

    private let routes: PlaneRoutes
    private let limits: PlaneLimits
    private let gate: Gate
    private let log: Logger
    private var phase = Phase.waiting
    private var peer: PlanePeer
    private var head: HTTPRequestHead?
    private var found = PlaneRoutes.Found.nothing
    private var path = ""
    private var query: Substring = ""
    private var body: ByteBuffer?
    private var bodyLimit = 0
    private var isLast = false
    private var isStopping = false
    /// Parts that came while an answer was under way; bounded, because nothing is read meanwhile.
    private var queue = CircularBuffer<HTTPServerRequestPart>(initialCapacity: 0)
    private var isReadHeld = false
    private var unflushed = 0
    private var deadline = NIODeadline.distantFuture
    private var timer: Scheduled<Void>?
    private var timerAt = NIODeadline.distantFuture

    init(routes: PlaneRoutes, limits: PlaneLimits, gate: Gate, remote: SocketAddress?, log: Logger) {
        self.routes = routes
        self.gate = gate
        self.limits = limits
        self.log = log
        peer = PlanePeer(remote: remote)
    }

    // MARK: - The connection

    func handlerAdded(context: ChannelHandlerContext) {
        deadline = .now() + limits.idle
        watch(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted:
            // Resumed sessions included: they resume without the certificate being shown or verified again.
            let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate()?.toDERBytes()
            peer = PlanePeer(remote: context.channel.remoteAddress, certificate: certificate)
        case is PlaneStopping:
            isStopping = true
            if phase == .waiting { end(context) }
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is HTTPParserError, phase == .waiting || phase == .reading {
            isLast = true
            send(
                .refusal(Refusal(.malformed, "The request cannot be read.", hint: "Send well-formed HTTP/1.1.")),
                context)
            context.flush()
        }
        log.debug("connection failed", metadata: ["address": "\(peer.address)", "error": "\(error)"])
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        phase = .over
        queue.removeAll()
        timer?.cancel()
        timer = nil
        context.fireChannelInactive()
    }

    private func end(_ context: ChannelHandlerContext) {
        guard phase != .over else { return }
        phase = .over
        context.close(promise: nil)
    }

    // MARK: - Time

    /// One timer a connection, that looks where the deadline is by then: a deadline that moves away costs nothing.
    private func watch(_ context: ChannelHandlerContext) {
        timer?.cancel()
        timer = nil
        timerAt = deadline
        guard deadline < .distantFuture else { return }
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            guard let self, phase != .over else { return }
            if deadline > .now() { watch(context) } else { expired(context) }
        }
    }

    private func expired(_ context: ChannelHandlerContext) {
        guard phase == .reading else { return end(context) }
        isLast = true
        let seconds = limits.body.nanoseconds / 1_000_000_000
        finish(
            .refusal(
                Refusal(
                    .malformed, "The body did not arrive within \(seconds) seconds.",
                    hint: "Send it faster, or in smaller requests.", rule: "slow body")), context)
    }

    // MARK: - Reading

    private func isBusy(_ context: ChannelHandlerContext) -> Bool { phase == .answering || !context.channel.isWritable }

    func read(context: ChannelHandlerContext) {
        if isBusy(context) { isReadHeld = true } else { context.read() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        goOn(context)
        context.fireChannelWritabilityChanged()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        guard !queue.isEmpty || isBusy(context) else { return take(part, context) }
        // So many requests at once nobody sends who reads the answers.
        guard queue.count < PlaneLimits.queuedParts else { return end(context) }
        queue.append(part)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if unflushed > 0 {
            unflushed = 0
            context.flush()
        }
        // The rest of a body is still to come, and has less time than the timer knows of.
        if phase == .reading, deadline < timerAt { watch(context) }
        context.fireChannelReadComplete()
    }

    /// Takes up what was put off, once nothing stands in the way any more.
    private func goOn(_ context: ChannelHandlerContext) {
        while !isBusy(context), let part = queue.popFirst() { take(part, context) }
        guard !isBusy(context) else { return }
        if unflushed > 0 {
            unflushed = 0
            context.flush()
        }
        if isReadHeld, phase != .over {
            isReadHeld = false
            context.read()
        }
    }

    private func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch part {
        case .head(let head): begin(head, context)
        case .body(var piece): if phase == .reading { collect(&piece, context) }
        case .end:
            switch phase {
            case .reading: answer(context)
            case .lingering: end(context)
            case .waiting, .answering, .leaving, .over: break
            }
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard phase == .waiting else { return }
        deadline = .now() + limits.body
        // Behind a wish for another protocol the parser reads no further request.
        isLast = !head.isKeepAlive || isStopping || head.method == .CONNECT || head.headers.contains(name: "Upgrade")
        let mark = head.uri.utf8.firstIndex(of: UInt8(ascii: "?"))
        path = mark.map { String(head.uri[..<$0]) } ?? head.uri
        query = mark.map { head.uri[head.uri.utf8.index(after: $0)...] } ?? ""
        found = routes.find(head.method, path)
        bodyLimit = PlaneLimits.unwantedBytes
        if case .route(let route, _) = found { bodyLimit = max(route.bodyLimit, 1024) }
        self.head = head
        body = nil
        phase = .reading
        guard head.method != .GET else { return }
        if let stated = head.headers.first(name: "Content-Length"), (Int(stated) ?? .max) > bodyLimit {
            return refuseEarly(context)
        }
        if head.version == .http1_1, head.headers.first(name: "Expect")?.lowercased() == "100-continue" {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")), promise: nil)
        }
    }

    private func collect(_ piece: inout ByteBuffer, _ context: ChannelHandlerContext) {
        let sofar = body?.readableBytes ?? 0
        guard sofar + piece.readableBytes <= bodyLimit else { return refuseEarly(context) }
        if body == nil { body = piece } else { body?.writeBuffer(&piece) }
    }

    /// Says that the body is too large, and closes once the peer had time to read that.
    private func refuseEarly(_ context: ChannelHandlerContext) {
        isLast = true
        body = nil
        send(
            .refusal(
                Refusal(.tooLarge, "The body is larger than \(bodyLimit) bytes.", hint: "Send a smaller one.")),
            context)
        context.flush()
        phase = .lingering
        deadline = .now() + PlaneLimits.linger
        watch(context)
    }

    // MARK: - Answering

    private func answer(_ context: ChannelHandlerContext) {
        do {
            switch try outcome() {
            case .now(let answer): finish(answer, context)
            case .later(let work): start(work, context)
            }
        } catch {
            finish(refused(error), context)
        }
    }

    private func outcome() throws -> PlaneOutcome {
        guard let head else { throw Refusal(.internal, "A request has no head.", hint: "Report this.") }
        switch found {
        case .route(let route, let parameters):
            let request = PlaneRequest(
                method: head.method, path: path, query: query, headers: head.headers,
                body: body ?? ByteBuffer(), peer: peer, parameters: parameters)
            body = nil
            return try route.answer(request)
        case .otherMethods(let methods):
            let allowed = Set(methods.map(\.rawValue)).sorted().joined(separator: ", ")
            var answer = PlaneAnswer.refusal(
                Refusal(
                    .unsupported, "This path does not take \(head.method.rawValue.prefix(16)).",
                    hint: "Use \(allowed).", rule: "RFC 9110 §15.5.6"), status: 405)
            answer.fields.append(("Allow", allowed))
            return .now(answer)
        case .nothing:
            throw Refusal(.notFound, "There is nothing at this path.", hint: "See docs/openapi for the paths.")
        }
    }

    /// The one place where errors become answers.
    private func refused(_ error: any Error) -> PlaneAnswer {
        let refusal = Answers.asRefusal(error, log: log)
        log.info(
            "refused",
            metadata: [
                // Never the path: what somebody sends to the wrong door may be a secret.
                "route": "\(found.name)", "status": "\(refusal.httpStatus)", "rule": "\(refusal.rule ?? "")",
            ])
        var answer = PlaneAnswer.refusal(refusal)
        if refusal.code == .unauthenticated, let challenge = Challenge.at(path) {
            answer.fields.append(("WWW-Authenticate", challenge))
        }
        if path.hasPrefix(MenderAPI.base + "/") { answer.body = .bytes(MenderAPI.shown(refusal)) }
        return answer
    }

    private func start(_ work: @escaping @Sendable () async throws -> PlaneAnswer, _ context: ChannelHandlerContext) {
        let gate = gate
        do { try gate.enter() } catch { return finish(refused(error), context) }
        phase = .answering
        deadline = .distantFuture
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        Task {
            let result: Result<PlaneAnswer, any Error>
            do { result = .success(try await work()) } catch { result = .failure(error) }
            gate.leave()
            loop.execute {
                let (handler, context) = bound.value
                guard handler.phase == .answering else { return }
                switch result {
                case .success(let answer): handler.finish(answer, context)
                case .failure(let error): handler.finish(handler.refused(error), context)
                }
                handler.goOn(context)
            }
        }
    }

    private func finish(_ answer: PlaneAnswer, _ context: ChannelHandlerContext) {
        guard head?.method != .HEAD, let pieces = answer.pieces else {
            let isEnd = isLast || isStopping
            send(answer, context, isEnd: isEnd)
            return isEnd ? leave(context) : next(context)
        }
        let held = answer.heldBytes
        do { try gate.hold(held) } catch { return finish(refused(error), context) }
        send(answer, context)
        stream(pieces, held, context)
    }

    /// The last answer is out as soon as the system has taken it; closed before, it would be cut off.
    private func leave(_ context: ChannelHandlerContext) {
        head = nil
        phase = .leaving
        deadline = .now() + limits.idle
        watch(context)
        unflushed = 0
        context.flush()
    }

    /// The answer is out: on to the next request, or to the end.
    private func next(_ context: ChannelHandlerContext) {
        head = nil
        if isLast || isStopping { return end(context) }
        phase = .waiting
        deadline = .now() + limits.idle
        if deadline < timerAt { watch(context) }
    }

    /// - Parameter isEnd: the connection ends as soon as this is out.
    private func send(_ answer: PlaneAnswer, _ context: ChannelHandlerContext, isEnd: Bool = false) {
        let room = answer.length <= PlaneAnswer.pieceBytes ? answer.length : 0
        var buffer = context.channel.allocator.buffer(capacity: 256 + room)
        answer.write(into: &buffer, isHead: head?.method == .HEAD, closes: isLast || isStopping)
        unflushed += buffer.readableBytes
        let promise = isEnd ? context.eventLoop.makePromise(of: Void.self) : nil
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        promise?.futureResult.whenComplete { _ in bound.value.0.end(bound.value.1) }
        context.write(wrapOutboundOut(buffer), promise: promise)
        if unflushed > PlaneLimits.unflushedBytes {
            unflushed = 0
            context.flush()
        }
    }

    /// - Parameter held: bytes of the gate's share, to be given back.
    private func stream(
        _ write: @escaping @Sendable (PlaneWriter) async throws -> Void, _ held: Int, _ context: ChannelHandlerContext
    ) {
        phase = .answering
        unflushed = 0
        context.flush()
        let gate = gate
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        let writer = PlaneWriter(loop: loop) { piece in bound.value.0.put(piece, bound.value.1) }
        Task {
            let isWhole: Bool
            do {
                try await write(writer)
                isWhole = true
            } catch { isWhole = false }
            gate.release(held)
            loop.execute {
                let (handler, context) = bound.value
                guard handler.phase == .answering else { return }
                // A stream that broke off cannot say so: only the end of the connection does.
                guard isWhole else { return handler.end(context) }
                handler.next(context)
                handler.goOn(context)
            }
        }
    }

    private func put(_ piece: ByteBuffer, _ context: ChannelHandlerContext) -> EventLoopFuture<Void> {
        guard phase == .answering else { return context.eventLoop.makeFailedFuture(ChannelError.alreadyClosed) }
        // The peer has this long to take each piece.
        deadline = .now() + limits.idle
        if deadline < timerAt { watch(context) }
        let promise = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(piece), promise: promise)
        return promise.futureResult
    }
}
