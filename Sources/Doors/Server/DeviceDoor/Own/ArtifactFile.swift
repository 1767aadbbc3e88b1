import Foundation
import Glibc
import NIOCore
import NIOHTTP1
import Wire

/// An artifact on disk, by its SHA-256: streamed in pieces, with Range and ETag (RFC 9110 §14, §8.8.3), so that a download
/// goes on where it was cut off.
struct ArtifactFile: Sendable {
    private let path: String
    private let tag: String
    private static let pieceBytes = 64 * 1024

    init(folder: String, sha256: Digest) {
        path = folder + "/\(sha256)"
        tag = "\"\(sha256)\""
    }

    func answer(to request: PlaneRequest) throws -> PlaneAnswer {
        let file = try open()
        let size = Int(try file.seekToEnd())
        let isSame = request.headers.first(name: "If-Range").map { $0 == tag } ?? true
        var range = 0..<size
        var status = 200
        var fields = [(name: "ETag", value: tag), (name: "Accept-Ranges", value: "bytes")]
        if isSame, let asked = request.headers.first(name: "Range"), let part = ByteRange.read(asked, size: size) {
            guard part.lowerBound < size else {
                var answer = PlaneAnswer([], type: "application/octet-stream", status: 416)
                answer.fields = fields + [("Content-Range", "bytes */\(size)")]
                return answer
            }
            range = part
            status = 206
            fields.append(("Content-Range", "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(size)"))
        }
        var answer = PlaneAnswer(stream: range.count, type: "application/octet-stream") { [range] writer in
            try await Self.write(file, range, to: writer)
        }
        answer.status = status
        answer.fields = fields
        return answer
    }

    private func open() throws(Refusal) -> FileHandle {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor < 0 else { return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true) }
        let reason = errno
        guard reason != ENOENT else {
            throw Refusal(
                .notFound, "The artifact is not in the store.", hint: "Upload it again: PUT /api/v1/artifacts/…")
        }
        throw Refusal(
            .unavailable, "The artifact cannot be read: \(String(cString: strerror(reason))).", hint: "Try again.",
            retryAfterSeconds: 10)
    }

    private static func write(_ file: FileHandle, _ range: Range<Int>, to writer: PlaneWriter) async throws {
        defer { try? file.close() }
        try file.seek(toOffset: UInt64(range.lowerBound))
        var left = range.count
        while left > 0 {
            guard let piece = try file.read(upToCount: min(left, pieceBytes)), !piece.isEmpty else {
                throw Refusal(.internal, "An artifact is shorter than it was.", hint: "Upload it again.")
            }
            left -= piece.count
            try await writer.write(ByteBuffer(bytes: piece))
        }
    }
}

/// A Range header (RFC 9110 §14.2).
package enum ByteRange {
    /// A single range "bytes=a-b", "bytes=a-" or "bytes=-n" of `size` bytes; anything else is ignored, as the standard
    /// allows. Empty if it begins behind the end.
    package static func read(_ text: String, size: Int) -> Range<Int>? {
        guard text.hasPrefix("bytes="), !text.contains(",") else { return nil }
        let parts = text.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }) else { return nil }
        switch (Int(parts[0]), Int(parts[1])) {
        case (let from?, let to?) where from <= to:
            // Not to + 1 before it is known to be below the size: the client may have sent the largest number there is.
            return from..<max(from, to < size ? to + 1 : size)
        case (let from?, nil) where parts[1].isEmpty: return from..<max(from, size)
        case (nil, let last?) where parts[0].isEmpty && last > 0: return max(0, size - last)..<size
        default: return nil
        }
    }
}
