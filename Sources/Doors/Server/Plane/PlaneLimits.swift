import NIOCore
import NIOHTTP1

/// The bounds of a plane, in time, bytes and number.
package struct PlaneLimits: Sendable {
    /// Connections held at once; more wait in the system's queue.
    package var connections = 10_000
    /// From the end of one answer, or the start of the connection, to the end of the next request's head: a handshake or a
    /// head that trickles has no longer than a connection that says nothing.
    package var idle = TimeAmount.seconds(60)
    /// For a body, from the end of its head.
    package var body = TimeAmount.seconds(30)
    /// For the peer to read an answer that came before its request was over, and to stop sending.
    static let linger = TimeAmount.seconds(1)
    /// Requests under way have so long to be answered when the program stops.
    static let stop = TimeAmount.seconds(10)
    /// Bytes that the system takes for a peer before it has read them; Linux doubles the number. Left to itself it takes megabytes for
    /// each, and a thousand downloads at once then cost it gigabytes of cold memory and three times the time (docs/performance.md).
    static let sendBuffer = 128 * 1024
    /// Bytes of answers that wait to be flushed together.
    static let unflushedBytes = 32 * 1024
    /// A body that no route wants is read so far before the refusal; a larger one closes the connection.
    static let unwantedBytes = 64 * 1024

    /// Parts of requests (a head, a body's piece, an end) that wait behind an answer.
    static let queuedParts = 256
    /// Bytes that no parser took: at most what one read brings.
    static let unparsedBytes = 128 * 1024

    package init() {}

    /// Headers of at most 32 KiB in at most 100 fields.
    static var head: NIOHTTPDecoderLimitConfiguration {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = 16 * 1024
        limits.maxHeaderListSize = 32 * 1024
        limits.maxHeaderFieldCount = 100
        return limits
    }
}
