import Crypto
import Wire

/// An artifact as it lies in the store and travels when only our agent is to read it: eight bytes that say so, then chunks of
/// 64 KiB, each AES-256-GCM under the payload key.
///
/// A chunk's nonce is its number and whether it is the last one (the STREAM construction), so that chunks that are left out,
/// repeated, reordered or cut off at the end do not open. A payload key encrypts one artifact and is never used again.
package enum EncryptedArtifact {
    /// Begins every encrypted artifact, and is authenticated with every chunk.
    package static let mark = Array("LIFELNG1".utf8)
    /// Of plain bytes; the last chunk may be shorter, and none is empty.
    package static let chunkBytes = 64 << 10
    package static let keyBytes = 32
    static let tagBytes = 16
    static var storedChunkBytes: Int { chunkBytes + tagBytes }
    /// Most plain bytes: 1 TiB.
    package static let largest = 1 << 40

    /// What `plain` bytes become; nil where that many cannot be encrypted.
    package static func size(of plain: Int) -> Int? {
        guard (1...largest).contains(plain) else { return nil }
        return mark.count + plain + chunks(of: plain) * tagBytes
    }

    static func chunks(of plain: Int) -> Int { (plain + chunkBytes - 1) / chunkBytes }

    static func nonce(_ index: Int, isLast: Bool) throws -> AES.GCM.Nonce {
        let number = (0..<8).map { UInt8(truncatingIfNeeded: index >> (56 - 8 * $0)) }
        return try AES.GCM.Nonce(data: [0, 0, 0] + number + [isLast ? 1 : 0])
    }

    static func key(_ bytes: [UInt8]) throws(Refusal) -> SymmetricKey {
        guard bytes.count == keyBytes else {
            throw Refusal(
                .malformed, "A payload key has \(keyBytes) bytes; this one has \(bytes.count).",
                hint: "Take the key that the artifact was encrypted with.", rule: "release: payload key")
        }
        return SymmetricKey(data: bytes)
    }
}

/// Encrypts an artifact, chunk by chunk and in order.
package struct ChunkSealer: Sendable {
    private let key: SymmetricKey
    private var left: Int
    private var index = 0

    /// - Parameters:
    ///   - key: 32 random bytes that were never used before.
    ///   - size: of the plain artifact.
    package init(key: [UInt8], size: Int) throws(Refusal) {
        self.key = try EncryptedArtifact.key(key)
        guard EncryptedArtifact.size(of: size) != nil else {
            throw Refusal(
                .malformed, "An artifact of \(size) bytes cannot be encrypted.",
                hint: "Give one of 1 byte to \(EncryptedArtifact.largest) bytes.", rule: "release: size")
        }
        left = size
    }

    /// Bytes of the chunk that comes next; 0 after the last.
    package var next: Int { min(left, EncryptedArtifact.chunkBytes) }

    /// - Parameter plain: exactly `next` bytes.
    /// - Returns: what is stored; the first piece begins with the mark.
    package mutating func seal(_ plain: [UInt8]) throws(Refusal) -> [UInt8] {
        guard plain.count == next, !plain.isEmpty else {
            throw Refusal(
                .malformed, "The artifact is not as long as it was.", hint: "Leave the file alone while it is read.",
                rule: "release: size")
        }
        do {
            let box = try AES.GCM.seal(
                plain, using: key, nonce: EncryptedArtifact.nonce(index, isLast: left == plain.count),
                authenticating: EncryptedArtifact.mark)
            defer {
                index += 1
                left -= plain.count
            }
            return (index == 0 ? EncryptedArtifact.mark : []) + box.ciphertext + box.tag
        } catch {
            throw Refusal(.internal, "A chunk could not be encrypted.", hint: "Report this.")
        }
    }
}

/// Decrypts an artifact as it arrives. Every plain byte that it hands over is of a chunk that was authentic as a whole.
package struct ChunkOpener: Sendable {
    private let key: SymmetricKey
    private let size: Int
    private let count: Int
    private var index: Int
    /// Plain bytes of the first chunk that the caller has already.
    private var skip: Int
    /// Of a chunk that is not whole yet; less than one chunk between two calls.
    private var pending: [UInt8] = []
    /// Where its bytes begin in the stored artifact.
    package let start: Int

    /// - Parameters:
    ///   - size: of the plain artifact, as its manifest says.
    ///   - offset: plain bytes that are there already.
    package init(key: [UInt8], size: Int, from offset: Int = 0) throws(Refusal) {
        self.key = try EncryptedArtifact.key(key)
        guard EncryptedArtifact.size(of: size) != nil, (0...size).contains(offset) else {
            throw Refusal(
                .malformed, "An encrypted artifact of \(size) bytes has no byte \(offset).", hint: "Begin anew.",
                rule: "release: size")
        }
        self.size = size
        count = EncryptedArtifact.chunks(of: size)
        // At the very end the last chunk is opened once more: only it shows that nothing was cut off.
        index = min(offset / EncryptedArtifact.chunkBytes, count - 1)
        skip = offset - index * EncryptedArtifact.chunkBytes
        start = index == 0 ? 0 : EncryptedArtifact.mark.count + index * EncryptedArtifact.storedChunkBytes
    }

    /// Whether the last chunk was opened.
    package var isComplete: Bool { index == count }

    /// Stored bytes of the present chunk, with the mark before the first.
    private var wanted: Int {
        let plain = min(EncryptedArtifact.chunkBytes, size - index * EncryptedArtifact.chunkBytes)
        return (index == 0 ? EncryptedArtifact.mark.count : 0) + plain + EncryptedArtifact.tagBytes
    }

    /// - Parameter deliver: called with plain bytes, in order; what it throws ends the taking.
    package mutating func take(_ bytes: [UInt8], _ deliver: ([UInt8]) throws -> Void) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard !isComplete else {
                throw Refusal(
                    .tooLarge, "The encrypted artifact goes on after its last chunk.",
                    hint: "Serve the artifact that the manifest was made for.", rule: "release: size")
            }
            let part = rest.prefix(wanted - pending.count)
            pending += part
            rest = rest.dropFirst(part.count)
            guard pending.count == wanted else { return }
            let plain = try open(pending)
            pending.removeAll(keepingCapacity: true)
            index += 1
            let new = skip == 0 ? plain : Array(plain.dropFirst(skip))
            skip = 0
            if !new.isEmpty { try deliver(new) }
        }
    }

    private func open(_ stored: [UInt8]) throws(Refusal) -> [UInt8] {
        var body = stored[...]
        if index == 0 {
            guard body.starts(with: EncryptedArtifact.mark) else {
                throw Refusal(
                    .malformed, "The artifact is not encrypted as its manifest says.",
                    hint: "Serve the artifact that the manifest was made for.", rule: "release: chunk")
            }
            body = body.dropFirst(EncryptedArtifact.mark.count)
        }
        do {
            let box = try AES.GCM.SealedBox(
                nonce: EncryptedArtifact.nonce(index, isLast: index == count - 1),
                ciphertext: body.dropLast(EncryptedArtifact.tagBytes), tag: body.suffix(EncryptedArtifact.tagBytes))
            return Array(try AES.GCM.open(box, using: key, authenticating: EncryptedArtifact.mark))
        } catch {
            throw Refusal(
                .malformed, "Chunk \(index) of the encrypted artifact is not authentic.",
                hint: "Serve the artifact that the manifest was made for.", rule: "release: chunk")
        }
    }

    /// Call it after the last byte.
    package func finish() throws(Refusal) {
        guard isComplete else {
            throw Refusal(
                .malformed, "The encrypted artifact ends in chunk \(index) of \(count).", hint: "Fetch the rest of it.",
                rule: "release: size")
        }
    }
}
