import Hummingbird
import HummingbirdCore
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOSSL
import NIOTLS
import Trust
import Wire

/// What the TLS layer learned of a peer: the certificate that it proved to hold the key of. Nothing is said about whether
/// the certificate is any good; that is `DeviceAuthentication`'s, at every request.
package final class TLSPeer: Sendable {
    private struct State {
        var certificate: [UInt8]?
        var verified: VerifiedCertificate?
    }
    private let state = NIOLockedValueBox(State())
    package let address: String

    init(address: String) { self.address = address }

    /// DER of the leaf.
    package var certificate: [UInt8]? { state.withLockedValue { $0.certificate } }
    func set(_ der: [UInt8]?) { state.withLockedValue { $0.certificate = der } }

    /// The verified form, kept for the connection; its dates are looked at again with every request.
    package var verified: VerifiedCertificate? {
        get { state.withLockedValue { $0.verified } }
        set { state.withLockedValue { $0.verified = newValue } }
    }

    /// The peer of the connection whose request is being handled.
    @TaskLocal package static var current: TLSPeer?
}

/// Copies the peer's certificate out once the handshake is complete, resumed ones included: TLS sessions resume without the
/// certificate being shown or verified again (DESIGN.md, "What good means here", 6).
private final class PeerHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    private let peer: TLSPeer
    private let log: Logger
    init(peer: TLSPeer, log: Logger) {
        self.peer = peer
        self.log = log
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent {
            peer.set(try? context.pipeline.syncOperations.nioSSL_peerCertificate()?.toDERBytes())
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        log.debug("connection failed", metadata: ["address": "\(peer.address)", "error": "\(error)"])
        context.fireErrorCaught(error)
    }
}

/// TLS 1.2 and 1.3 with an optional client certificate of any issuer. TLS proves that the peer holds the key; who it is
/// and what it may do is judged above, where a refusal can say why (docs/decisions/0006).
struct MutualTLSChannel<Base: ServerChildChannel>: ServerChildChannel {
    struct Value: ServerChildChannelValue {
        var base: Base.Value
        var peer: TLSPeer
        var channel: any Channel { base.channel }
    }

    let base: Base
    let context: TLSContext

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let peer = TLSPeer(address: channel.remoteAddress?.ipAddress ?? "unknown")
        return channel.eventLoop.makeCompletedFuture {
            let handler = NIOSSLServerHandler(
                context: context.current,
                customVerificationCallback: { _, promise in promise.succeed(.certificateVerified) })
            try channel.pipeline.syncOperations.addHandler(handler)
            try channel.pipeline.syncOperations.addHandler(PeerHandler(peer: peer, log: logger))
        }.flatMap { base.setup(channel: channel, logger: logger) }
            .map { Value(base: $0, peer: peer) }
    }

    func handle(value: Value, logger: Logger) async {
        await TLSPeer.$current.withValue(value.peer) { await base.handle(value: value.base, logger: logger) }
    }
}
