import Crypto
import Wire

/// Hashes and counts an artifact while it arrives, in order, and refuses the first byte beyond the manifest's size.
package struct ArtifactCheck: Sendable {
    package let size: Int
    package let sha256: Wire.Digest
    /// Bytes taken so far.
    package private(set) var count = 0
    private var hash = SHA256()

    package init(_ manifest: ReleaseManifest) { self.init(sha256: manifest.sha256, size: manifest.size) }

    package init(sha256: Wire.Digest, size: Int) {
        self.size = size
        self.sha256 = sha256
    }

    package mutating func take(_ bytes: some Collection<UInt8>) throws(Refusal) {
        guard bytes.count <= size - count else {
            throw Refusal(
                .tooLarge, "The artifact goes on after the \(size) bytes that its manifest says.",
                hint: "Serve the artifact that the manifest was made for.", rule: "release: size")
        }
        count += bytes.count
        let done: Void? = bytes.withContiguousStorageIfAvailable {
            hash.update(bufferPointer: UnsafeRawBufferPointer($0))
        }
        if done == nil { hash.update(data: Array(bytes)) }
    }

    package var isComplete: Bool { count == size }

    /// Call it once, after the last byte.
    package func finish() throws(Refusal) {
        guard isComplete else {
            throw Refusal(
                .malformed, "The artifact ends after \(count) of \(size) bytes.", hint: "Fetch the rest of it.",
                rule: "release: size")
        }
        let found = Wire.Digest(hash.finalize())
        guard found == sha256 else {
            throw Refusal(
                .malformed, "The artifact's SHA-256 is \(found), and its manifest says \(sha256).",
                hint: "Serve the artifact that the manifest was made for.", rule: "release: digest")
        }
    }
}
