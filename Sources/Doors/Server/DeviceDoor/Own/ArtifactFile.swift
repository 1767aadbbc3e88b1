import Glibc
import NIOCore
import NIOHTTP1
import Wire

/// An artifact on disk, by its SHA-256, and what one device gets before and behind it: streamed in pieces, with ranges and conditions
/// (RFC 9110 §13, §14), so that a download goes on where it was cut off.
struct ArtifactFile: Sendable {
    private let path: String
    private let head: [UInt8]
    private let end: [UInt8]
    private let whole: Digest
    private var tag: EntityTag { EntityTag(whole) }
    private static let type = "application/octet-stream"

    /// - Parameters:
    ///   - sha256: of the file in the store.
    ///   - head: what comes before it.
    ///   - end: what comes behind it.
    ///   - whole: stands for all of that.
    init(folder: String, sha256: Digest, head: [UInt8] = [], end: [UInt8] = [], whole: Digest? = nil) {
        path = folder + "/\(sha256)"
        self.head = head
        self.end = end
        self.whole = whole ?? sha256
    }

    /// - Parameter name: stands for these very bytes.
    init(_ path: String, named name: Digest) {
        self.path = path
        (head, end) = ([], [])
        whole = name
    }

    func answer(to request: PlaneRequest) throws -> PlaneAnswer {
        let source = try ArtifactSource(path, head, end)
        let size = source.size
        let fields = [(name: "ETag", value: tag.text), (name: "Accept-Ranges", value: "bytes")]
        func bare(_ status: Int, _ more: [(name: String, value: String)] = []) -> PlaneAnswer {
            var answer = PlaneAnswer([], type: nil, status: status)
            answer.fields = fields + more
            return answer
        }
        // In the order of RFC 9110 §13.2.2.
        let wanted = request.headers[canonicalForm: "If-Match"]
        if !wanted.isEmpty, !wanted.contains(where: { $0 == tag.text[...] || $0 == "*" }) { return bare(412) }
        if tag.isHeld(by: request.headers) { return bare(304) }
        switch ranges(request, size) {
        case .ignored:
            var answer = PlaneAnswer(stream: size, type: Self.type) { writer in
                try await source.write(0..<size, to: writer)
            }
            answer.fields = fields
            return answer
        case .unsatisfiable: return bare(416, [("Content-Range", "bytes */\(size)")])
        case .parts(let parts):
            var answer =
                parts.count == 1
                ? Self.single(parts[0], of: source) : Self.several(parts, of: source, boundary: boundary)
            answer.status = 206
            answer.fields = fields + answer.fields
            return answer
        }
    }

    /// Only a GET has ranges (RFC 9110 §14.2), and only of what the client has the beginning of (§13.1.5): an entity tag that
    /// is not ours, a weak one or a date is of something else.
    private func ranges(_ request: PlaneRequest, _ size: Int) -> ByteRanges {
        let asked = request.headers["Range"]
        guard request.method == .GET, asked.count == 1, request.headers["If-Range"].allSatisfy({ $0 == tag.text })
        else {
            return .ignored
        }
        return .read(asked[0], size: size)
    }

    /// Part of no artifact: it is made of the artifact's own hash.
    private var boundary: String { "lifelong-\(whole.description.prefix(32))" }

    private static func single(_ part: Range<Int>, of source: ArtifactSource) -> PlaneAnswer {
        var answer = PlaneAnswer(stream: part.count, type: type) { writer in try await source.write(part, to: writer) }
        answer.fields = [("Content-Range", contentRange(part, source.size))]
        return answer
    }

    /// multipart/byteranges (RFC 9110 §14.6).
    private static func several(_ parts: [Range<Int>], of source: ArtifactSource, boundary: String) -> PlaneAnswer {
        let heads = parts.enumerated().map { index, part in
            Array(
                """
                \(index == 0 ? "" : "\r\n")--\(boundary)\r\nContent-Type: \(type)\r\n\
                Content-Range: \(contentRange(part, source.size))\r\n\r\n
                """.utf8)
        }
        let foot = Array("\r\n--\(boundary)--\r\n".utf8)
        let length = zip(heads, parts).reduce(foot.count) { $0 + $1.0.count + $1.1.count }
        return PlaneAnswer(stream: length, type: "multipart/byteranges; boundary=\(boundary)") { writer in
            for (head, part) in zip(heads, parts) {
                try await writer.write(ByteBuffer(bytes: head))
                try await source.write(part, to: writer)
            }
            try await writer.write(ByteBuffer(bytes: foot))
        }
    }

    private static func contentRange(_ part: Range<Int>, _ size: Int) -> String {
        "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(size)"
    }
}

/// An open file, and bytes before and behind it.
private final class ArtifactSource: Sendable {
    private let descriptor: Int32
    private let inFile: Int
    private let head: [UInt8]
    private let end: [UInt8]
    private static let pieceBytes = 64 * 1024

    var size: Int { head.count + inFile + end.count }

    init(_ path: String, _ head: [UInt8], _ end: [UInt8]) throws(Refusal) {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            let reason = errno
            guard reason != ENOENT else {
                throw Refusal(
                    .notFound, "The artifact is not in the store.", hint: "Upload it again: PUT /api/v1/artifacts/…")
            }
            throw Refusal(
                .unavailable, "The artifact cannot be read: \(String(cString: strerror(reason))).", hint: "Try again.",
                retryAfterSeconds: 10)
        }
        self.descriptor = descriptor
        var state = stat()
        inFile = fstat(descriptor, &state) == 0 ? Int(state.st_size) : 0
        self.head = head
        self.end = end
    }

    deinit { close(descriptor) }

    /// Straight into the buffer that goes to TLS; one piece at a time for each client.
    func write(_ range: Range<Int>, to writer: PlaneWriter) async throws {
        let before = range.clamped(to: 0..<head.count)
        if !before.isEmpty { try await writer.write(ByteBuffer(bytes: head[before])) }
        var at = max(range.lowerBound, head.count) - head.count
        let last = range.upperBound - head.count
        while at < last {
            if at >= inFile {
                try await writer.write(ByteBuffer(bytes: end[(at - inFile)..<(last - inFile)]))
                return
            }
            let wanted = min(Self.pieceBytes, min(last, inFile) - at)
            var piece = ByteBufferAllocator().buffer(capacity: wanted)
            let count = piece.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { bytes in
                max(0, pread(descriptor, bytes.baseAddress, wanted, at))
            }
            guard count > 0 else {
                throw Refusal(.internal, "An artifact is shorter than it was.", hint: "Upload it again.")
            }
            at += count
            try await writer.write(piece)
        }
    }
}
