import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// A small HTTPS server with client certificates, or without TLS, whose every answer is the test's.
final class ScriptedService: Sendable {
    struct Request: Sendable {
        var method: String
        var path: String
        var headers: HTTPHeaders
        var body: [UInt8]
        /// DER of the certificate that the client showed.
        var peer: [UInt8]
    }

    enum Answer: Sendable {
        case reply(Int, type: String = "application/json", headers: [String: String] = [:], [UInt8])
        /// The head, then these pieces with a pause before each, then the end; or no end, if it is cut.
        case pieces(Int, headers: [String: String], [[UInt8]], pause: TimeAmount, cut: Bool = false)
        /// The head, then zeros for ever.
        case endless(headers: [String: String])
        /// Nothing, ever.
        case silence
    }

    let port: Int
    private let channel: any Channel
    private let group: MultiThreadedEventLoopGroup

    init(tls: TLSConfiguration?, _ answer: @escaping @Sendable (Request) -> Answer) throws {
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        channel = try ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 64)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let context { try pipeline.addHandler(NIOSSLServerHandler(context: context)) }
                    try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
                    try pipeline.addHandler(Handler(answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).wait()
        port = channel.localAddress?.port ?? 0
    }

    func stop() async {
        try? await channel.close()
        try? await group.shutdownGracefully()
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart
        private let answer: @Sendable (Request) -> Answer
        private var head: HTTPRequestHead?
        private var body: [UInt8] = []

        init(_ answer: @escaping @Sendable (Request) -> Answer) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): (self.head, body) = (head, [])
            case .body(let bytes): body += Array(bytes.readableBytesView)
            case .end: respond(context)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        private func respond(_ context: ChannelHandlerContext) {
            guard let head else { return }
            let tls = try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self)
            let peer = (try? tls?.peerCertificate?.toDERBytes()) ?? []
            let request = Request(
                method: head.method.rawValue, path: head.uri, headers: head.headers, body: body, peer: peer)
            switch answer(request) {
            case .silence: return
            case .reply(let status, let type, let headers, let bytes):
                var all = headers
                all["Content-Type"] = type
                all["Content-Length"] = "\(bytes.count)"
                write(context, status, all, bytes)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            case .pieces(let status, let headers, let pieces, let pause, let cut):
                write(context, status, headers, [])
                send(pieces[...], pause, cut, NIOLoopBound(context, eventLoop: context.eventLoop))
            case .endless(let headers):
                write(context, 200, headers, [])
                flood(NIOLoopBound(context, eventLoop: context.eventLoop))
            }
        }

        private func write(
            _ context: ChannelHandlerContext, _ status: Int, _ headers: [String: String], _ bytes: [UInt8]
        ) {
            let head = HTTPResponseHead(
                version: .http1_1, status: .init(statusCode: status), headers: HTTPHeaders(headers.map { ($0, $1) }))
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            if !bytes.isEmpty {
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
            }
            context.flush()
        }

        private func send(
            _ pieces: ArraySlice<[UInt8]>, _ pause: TimeAmount, _ cut: Bool,
            _ context: NIOLoopBound<ChannelHandlerContext>
        ) {
            let this = NIOLoopBound(self, eventLoop: context.value.eventLoop)
            context.value.eventLoop.scheduleTask(in: pause) {
                guard let piece = pieces.first else {
                    if cut { return context.value.close(promise: nil) }
                    return context.value.writeAndFlush(this.value.wrapOutboundOut(.end(nil)), promise: nil)
                }
                context.value.writeAndFlush(
                    this.value.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: piece)))), promise: nil)
                this.value.send(pieces.dropFirst(), pause, cut, context)
            }
        }

        private func flood(_ context: NIOLoopBound<ChannelHandlerContext>) {
            let this = NIOLoopBound(self, eventLoop: context.value.eventLoop)
            let zeros = ByteBuffer(repeating: 0, count: 16_384)
            context.value.writeAndFlush(this.value.wrapOutboundOut(.body(.byteBuffer(zeros)))).whenSuccess {
                // Not at once: a write that is done already would call itself until the stack is full.
                context.value.eventLoop.execute { this.value.flood(context) }
            }
        }
    }
}
