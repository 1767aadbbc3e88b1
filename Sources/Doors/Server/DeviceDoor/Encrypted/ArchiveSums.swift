import Crypto
import Dispatch
import Foundation
import Wire

/// SHA-1 of archives that differ from device to device at their beginning, so that no state of a hash is of use: each is a reading of the
/// whole, once for each device on each node. It is the one hash that SWUpdate asks for.
///
/// One at a time, on a thread of its own and behind everything else: about 1 s of a core for a GiB, where sending it costs twice that
/// (docs/decisions/0048). What waits is bounded.
final class ArchiveSums: Sendable {
    private struct Shelf {
        var young: [Wire.Digest: Wire.Digest] = [:]
        var old: [Wire.Digest: Wire.Digest] = [:]
    }
    private let shelf = Locked(Shelf())
    private let gate = Gate(limit: 32)
    private let queue = DispatchQueue(label: "archive sums", qos: .utility)
    /// Sums that are kept, about 150 bytes each.
    private static let most = 65_536
    private static let pieceBytes = 256 * 1024

    /// - Parameters:
    ///   - head: what comes before the file.
    ///   - name: of these very bytes.
    func sha1(_ head: [UInt8], before path: String, named name: Wire.Digest) async throws -> Wire.Digest {
        if let known = find(name) { return known }
        try gate.enter()
        defer { gate.leave() }
        return try await withCheckedThrowingContinuation { done in
            queue.async {
                done.resume(
                    with: Result {
                        // Somebody may have waited for the same.
                        if let known = self.find(name) { return known }
                        let sum = try Self.read(head, path)
                        self.keep(sum, name)
                        return sum
                    })
            }
        }
    }

    private static func read(_ head: [UInt8], _ path: String) throws -> Wire.Digest {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw Refusal(.unavailable, "The artifact cannot be read.", hint: "Upload it again.", retryAfterSeconds: 10)
        }
        defer { try? file.close() }
        var hash = Insecure.SHA1()
        hash.update(data: head)
        while let piece = try file.read(upToCount: pieceBytes), !piece.isEmpty { hash.update(data: piece) }
        return Wire.Digest(hash.finalize())
    }

    private func find(_ name: Wire.Digest) -> Wire.Digest? {
        shelf.withLock { shelf in
            if let sum = shelf.young[name] { return sum }
            guard let sum = shelf.old[name] else { return nil }
            Self.put(sum, name, in: &shelf)
            return sum
        }
    }

    private func keep(_ sum: Wire.Digest, _ name: Wire.Digest) {
        shelf.withLock { Self.put(sum, name, in: &$0) }
    }

    /// What was not asked for while half of the places filled up goes.
    private static func put(_ sum: Wire.Digest, _ name: Wire.Digest, in shelf: inout Shelf) {
        if shelf.young.count >= most / 2 {
            shelf.old = shelf.young
            shelf.young = [:]
        }
        shelf.young[name] = sum
    }
}
