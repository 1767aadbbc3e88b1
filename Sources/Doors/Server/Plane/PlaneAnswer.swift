import Foundation
import NIOCore
import NIOHTTP1
import Wire

/// An answer of a lean plane: bytes, or a stream of known length.
package struct PlaneAnswer: Sendable {
    package enum Body: Sendable {
        case bytes([UInt8])
        case stream(length: Int, @Sendable (PlaneWriter) async throws -> Void)
    }

    package var status = 200
    package var type: String?
    package var fields: [(name: String, value: String)] = []
    package var body: Body
    /// The bytes are held once for everybody who reads them, such as a revocation list.
    package var isShared = false

    package init(_ bytes: [UInt8], type: String?, status: Int = 200) {
        self.status = status
        self.type = type
        body = .bytes(bytes)
    }

    package init(stream length: Int, type: String, _ write: @escaping @Sendable (PlaneWriter) async throws -> Void) {
        self.type = type
        body = .stream(length: length, write)
    }

    package static func json(_ value: some Encodable, status: Int = 200) throws -> PlaneAnswer {
        PlaneAnswer(try CanonicalJSON.encode(value), type: "application/json", status: status)
    }

    /// The refusal as JSON, with its status and, where waiting helps, Retry-After.
    package static func refusal(_ refusal: Refusal, status: Int? = nil) -> PlaneAnswer {
        var answer = PlaneAnswer(
            Answers.shown(refusal), type: "application/json", status: status ?? refusal.httpStatus)
        if let seconds = refusal.retryAfterSeconds { answer.fields.append(("Retry-After", String(seconds))) }
        return answer
    }

    /// A larger body goes out piece by piece, each when the one before it was taken, so that a peer that reads slowly is
    /// served for as long as it reads, and one that does not read holds no copy.
    static let pieceBytes = 64 * 1024

    /// How the body goes out in pieces; nil if it goes out with the head.
    var pieces: (@Sendable (PlaneWriter) async throws -> Void)? {
        switch body {
        case .stream(_, let write): write
        case .bytes(let bytes) where bytes.count > Self.pieceBytes:
            { writer in
                for start in stride(from: 0, to: bytes.count, by: Self.pieceBytes) {
                    let end = min(start + Self.pieceBytes, bytes.count)
                    try await writer.write(ByteBuffer(bytes: bytes[start..<end]))
                }
            }
        case .bytes: nil
        }
    }

    /// Bytes that are in memory for this peer alone until it has read them.
    var heldBytes: Int {
        if case .bytes(let bytes) = body, !isShared { bytes.count } else { 0 }
    }

    var length: Int {
        switch body {
        case .bytes(let bytes): bytes.count
        case .stream(let length, _): length
        }
    }

    /// Status line, fields and, unless it is the answer to a HEAD or goes out in pieces, the body.
    func write(into buffer: inout ByteBuffer, isHead: Bool, closes: Bool) {
        buffer.writeStaticString("HTTP/1.1 ")
        if status == 200 {
            buffer.writeStaticString("200 OK")
        } else {
            buffer.writeString("\(status) \(HTTPResponseStatus(statusCode: status).reasonPhrase)")
        }
        buffer.writeStaticString("\r\nServer: lifelong\r\nDate: ")
        HTTPDate.write(into: &buffer)
        if let type {
            buffer.writeStaticString("\r\nContent-Type: ")
            buffer.writeString(type)
        }
        // With 304 it would be the length of what is not sent, and with 204 it must not be (RFC 9110 §8.6).
        if status != 304, status != 204 {
            buffer.writeStaticString("\r\nContent-Length: ")
            buffer.writeString(String(length))
        }
        for field in fields {
            buffer.writeStaticString("\r\n")
            buffer.writeString(field.name)
            buffer.writeStaticString(": ")
            buffer.writeString(field.value)
        }
        if closes { buffer.writeStaticString("\r\nConnection: close") }
        buffer.writeStaticString("\r\n\r\n")
        if !isHead, pieces == nil, case .bytes(let bytes) = body { buffer.writeBytes(bytes) }
    }
}

/// The Date field (RFC 9110 §5.6.7), worked out once a second.
enum HTTPDate {
    private static let current = Locked<(second: Int, text: [UInt8])>((0, []))

    static func write(into buffer: inout ByteBuffer) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &now)
        let second = now.tv_sec
        let text = current.withLock { current in
            if current.second != second { current = (second, format(Timestamp(seconds: Int64(second)))) }
            return current.text
        }
        buffer.writeBytes(text)
    }

    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    static func format(_ time: Timestamp) -> [UInt8] {
        let c = time.civil
        func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
        let day = days[Int(((time.seconds / 86_400) % 7 + 7) % 7)]
        return Array(
            "\(day), \(two(c.day)) \(months[c.month - 1]) \(c.year) \(two(c.hour)):\(two(c.minute)):\(two(c.second)) GMT"
                .utf8)
    }
}
