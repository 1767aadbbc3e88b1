import Crypto
import Wire

/// Hashes and counts a target while it arrives, and refuses the first byte beyond the stated length (§5.7).
package struct TargetCheck: Sendable {
    private let file: TargetFile
    private let role: String
    /// Bytes taken so far.
    package private(set) var count = 0
    private var sha256: SHA256?
    private var sha384: SHA384?
    private var sha512: SHA512?

    init(_ target: FoundTarget) {
        file = target.file
        role = target.role
        let known = Set(file.hashes.known.map(\.algorithm))
        sha256 = known.contains(.sha256) ? SHA256() : nil
        sha384 = known.contains(.sha384) ? SHA384() : nil
        sha512 = known.contains(.sha512) ? SHA512() : nil
    }

    package mutating func take(_ bytes: UnsafeRawBufferPointer) throws(MetadataRefusal) {
        guard bytes.count <= file.length - count else {
            throw MetadataRefusal(role, "5.7.3", .otherLength(expected: file.length, found: count + bytes.count))
        }
        count += bytes.count
        sha256?.update(bufferPointer: bytes)
        sha384?.update(bufferPointer: bytes)
        sha512?.update(bufferPointer: bytes)
    }

    /// Call it once, after the last byte.
    package func finish() throws(MetadataRefusal) {
        guard count == file.length else {
            throw MetadataRefusal(role, "5.7.3", .otherLength(expected: file.length, found: count))
        }
        guard !file.hashes.known.isEmpty else { throw MetadataRefusal(role, "5.7.3", .unknownHashes) }
        for (algorithm, value) in file.hashes.known {
            let found: String? =
                switch algorithm {
                case .sha256: sha256.map { Hex.encode($0.finalize()) }
                case .sha384: sha384.map { Hex.encode($0.finalize()) }
                case .sha512: sha512.map { Hex.encode($0.finalize()) }
                }
            guard found == value else {
                throw MetadataRefusal(role, "5.7.3", .otherHash(algorithm: algorithm.rawValue))
            }
        }
    }
}
