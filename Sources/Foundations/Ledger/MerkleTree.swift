import Wire

import struct Crypto.SHA256

/// A tree's size in leaves and its root: what a checkpoint signs.
package struct TreeHead: Hashable, Sendable, Codable {
    package var size: Int64
    package var root: Digest
    package init(size: Int64, root: Digest) {
        self.size = size
        self.root = root
    }
}

/// The hashing of RFC 9162 §2.1.1 (the same as RFC 6962 §2.1) over SHA-256. Leaf and node hashes start with different
/// bytes, so that no node can be passed off as a leaf.
package enum MerkleTree {
    /// Bytes of one hash.
    package static let hashBytes = 32

    /// Most hashes that any proof can have: one a level of a tree of 2^63 leaves.
    package static let maximumProofHashes = 63

    /// The root of a tree without leaves: SHA-256 of nothing.
    package static let emptyRoot = Digest(SHA256.hash(data: [UInt8]()))

    /// SHA-256(0x00 ‖ entry).
    package static func leafHash(_ entry: [UInt8]) -> Digest {
        var hash = SHA256()
        hash.update(data: leafPrefix)
        hash.update(data: entry)
        return Digest(hash.finalize())
    }

    /// SHA-256(0x01 ‖ left ‖ right).
    package static func nodeHash(_ left: Digest, _ right: Digest) -> Digest {
        var hash = SHA256()
        hash.update(data: nodePrefix)
        hash.update(data: left.bytes)
        hash.update(data: right.bytes)
        return Digest(hash.finalize())
    }

    /// The root over leaf hashes that are all in memory.
    package static func root(of leaves: [Digest]) -> Digest {
        guard !leaves.isEmpty else { return emptyRoot }
        let parts = Subtree.covering(0, Int64(leaves.count))
        return fold(parts.map { part in perfectRoot(ofFlat: leaves[part.range].flatMap(\.bytes)) })
    }

    /// The hash over a run of perfect subtrees that shrink from left to right (RFC 9162 §2.1.1: the larger part is
    /// left).
    static func fold(_ hashes: [Digest]) -> Digest {
        guard var result = hashes.last else { return emptyRoot }
        for left in hashes.dropLast().reversed() { result = nodeHash(left, result) }
        return result
    }

    /// The root over 2^n hashes that lie one behind the other.
    static func perfectRoot(ofFlat bytes: some Collection<UInt8>) -> Digest {
        var level = Array(bytes)
        precondition(!level.isEmpty && level.count % hashBytes == 0, "whole hashes")
        while level.count > hashBytes {
            precondition(level.count % (2 * hashBytes) == 0, "a power of two of hashes")
            level = parents(of: level)
        }
        return Digest(level)
    }

    private static func parents(of level: [UInt8]) -> [UInt8] {
        var next: [UInt8] = []
        next.reserveCapacity(level.count / 2)
        level.withUnsafeBytes { all in
            for start in stride(from: 0, to: all.count, by: 2 * hashBytes) {
                var hash = SHA256()
                hash.update(data: nodePrefix)
                hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: all[start..<(start + 2 * hashBytes)]))
                hash.finalize().withUnsafeBytes { next.append(contentsOf: $0) }
            }
        }
        return next
    }

    private static let leafPrefix: [UInt8] = [0]
    private static let nodePrefix: [UInt8] = [1]
}

/// A complete subtree: the leaves from `index` · 2^height up to, not including, (`index` + 1) · 2^height. Its hash
/// never changes once it is full, which is why proofs can be put together from stored ones.
package struct Subtree: Hashable, Sendable {
    package let height: Int
    package let index: Int64

    var range: Range<Int> { Int(index << Int64(height))..<Int((index + 1) << Int64(height)) }

    /// The complete subtrees whose folded hash is the Merkle tree hash of the leaves `start ..< end`, left to right.
    /// - Precondition: `start` is aligned as RFC 9162's recursion leaves it, which every caller here keeps to.
    static func covering(_ start: Int64, _ end: Int64) -> [Subtree] {
        var parts: [Subtree] = []
        var at = start
        while at < end {
            let height = Int64.bitWidth - 1 - (end - at).leadingZeroBitCount
            parts.append(Subtree(height: height, index: at >> Int64(height)))
            at += 1 << Int64(height)
        }
        return parts
    }

    /// The largest power of two smaller than `count` (RFC 9162 §2.1.1: k). `count` is at least 2.
    static func split(_ count: Int64) -> Int64 { 1 << Int64(Int64.bitWidth - 1 - (count - 1).leadingZeroBitCount) }
}

/// Where the hash of a complete subtree comes from: stored tiles, or a tree in memory.
package typealias SubtreeHash = (Subtree) throws -> Digest
