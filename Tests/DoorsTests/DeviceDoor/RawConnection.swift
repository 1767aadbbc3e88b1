import NIOCore
import NIOPosix
import NIOSSL
import Testing

/// One connection and exactly the bytes that a test wants on it.
struct RawConnection {
    struct Answer: Sendable {
        var status: Int
        var head: String
        var body: String
    }

    private let loop: any EventLoop
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private var pending = ""

    /// - Parameter tls: nil for plain TCP.
    static func with<T>(
        port: Int, tls: TLSConfiguration? = nil, _ body: (inout RawConnection) async throws -> T
    ) async throws -> T {
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: context, serverHostname: "localhost"))
                    }
                    return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        let loop = channel.channel.eventLoop
        return try await channel.executeThenClose { inbound, outbound in
            var connection = RawConnection(loop: loop, outbound: outbound, iterator: inbound.makeAsyncIterator())
            return try await body(&connection)
        }
    }

    func send(_ text: String) async throws { try await send(ByteBuffer(string: text)) }
    func send(_ bytes: [UInt8]) async throws { try await send(ByteBuffer(bytes: bytes)) }

    private func send(_ buffer: ByteBuffer) async throws {
        try await outbound.write(buffer)
        // Until the event loop has taken it: a writer that never waits is faster than the loop, and the difference is memory.
        try await loop.submit {}.get()
    }

    /// The next answer on the connection, by its Content-Length; nothing may come after it that was not asked for.
    mutating func answer() async throws -> Answer {
        while true {
            if let answer = take() { return answer }
            guard let part = try await iterator.next() else { throw Closed(sofar: pending) }
            pending += String(buffer: part)
        }
    }

    /// Whether the server closed, within the test's own time limit.
    mutating func isClosed() async -> Bool {
        do {
            while let part = try await iterator.next() { pending += String(buffer: part) }
            return true
        } catch {
            return true
        }
    }

    struct Closed: Error { var sofar: String }

    private mutating func take() -> Answer? {
        guard let end = pending.firstRange(of: "\r\n\r\n") else { return nil }
        let head = String(pending[..<end.lowerBound])
        let lengths = head.lowercased().split(separator: "\r\n").filter { $0.hasPrefix("content-length:") }
        let length = lengths.first.flatMap { Int($0.dropFirst(15).drop { $0 == " " }) } ?? 0
        let rest = Array(pending[end.upperBound...].utf8)
        guard rest.count >= length else { return nil }
        pending = String(decoding: rest.dropFirst(length), as: UTF8.self)
        let status = head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return Answer(status: status, head: head, body: String(decoding: rest.prefix(length), as: UTF8.self))
    }
}
