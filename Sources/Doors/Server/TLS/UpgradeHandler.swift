import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Answers a request that wishes for another protocol (RFC 9110 §7.8) in this one, as the last of its connection: behind it
/// the parser reads no further request, and what comes would only pile up.
final class UpgradeHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private var isWished = false
    private var isRead = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(var head) where head.method == .connect || head.headerFields.contains(.upgrade):
            isWished = true
            head.headerFields[.upgrade] = nil
            head.headerFields[.connection] = "close"
            return context.fireChannelRead(wrapInboundOut(.head(head)))
        case .head, .body: break
        case .end: isRead = isWished
        }
        context.fireChannelRead(data)
    }

    func read(context: ChannelHandlerContext) {
        if !isRead { context.read() }
    }
}
