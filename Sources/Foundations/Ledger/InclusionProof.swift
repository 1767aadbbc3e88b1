import Wire

/// Evidence that a leaf is in a tree (RFC 9162 §2.1.3): the sibling hashes from the leaf up to the root's child.
package struct InclusionProof: Hashable, Sendable {
    package var index: Int64
    package var size: Int64
    package var hashes: [Digest]

    package init(index: Int64, size: Int64, hashes: [Digest]) {
        self.index = index
        self.size = size
        self.hashes = hashes
    }

    /// PATH(index, D_size) of RFC 9162 §2.1.3.1.
    package static func make(index: Int64, size: Int64, hash: SubtreeHash) throws -> InclusionProof {
        let hashes = try parts(index: index, size: size).map { try MerkleTree.fold($0.map(hash)) }
        return InclusionProof(index: index, size: size, hashes: hashes)
    }

    /// The complete subtrees behind each hash of the proof, in the order of the proof.
    static func parts(index: Int64, size: Int64) throws(Refusal) -> [[Subtree]] {
        guard index >= 0, index < size else { throw Self.outside(index, size) }
        var fromRoot: [[Subtree]] = []
        var (start, end) = (Int64(0), size)
        while end - start > 1 {
            let middle = start + Subtree.split(end - start)
            if index < middle {
                fromRoot.append(Subtree.covering(middle, end))
                end = middle
            } else {
                fromRoot.append(Subtree.covering(start, middle))
                start = middle
            }
        }
        return fromRoot.reversed()
    }

    /// RFC 9162 §2.1.3.2. Returns if the leaf is in the tree with that root, and refuses otherwise.
    package func verify(leafHash: Digest, root: Digest) throws(Refusal) {
        let implied = try impliedRoot(leafHash: leafHash)
        guard implied == root else {
            throw Refusal(
                .conflict, "The inclusion proof of entry \(index) does not lead to the root of the tree of \(size).",
                hint: "Do not trust the entry; ask for the proof again and keep both answers.", rule: Self.rule)
        }
    }

    /// The root that leaf and proof lead to; refuses a proof that is too long or too short for its position.
    package func impliedRoot(leafHash: Digest) throws(Refusal) -> Digest {
        guard index >= 0, index < size else { throw Self.outside(index, size) }
        guard hashes.count <= MerkleTree.maximumProofHashes, leafHash.bytes.count == MerkleTree.hashBytes,
            hashes.allSatisfy({ $0.bytes.count == MerkleTree.hashBytes })
        else { throw Self.wrongLength(index) }
        var (position, last) = (index, size - 1)
        var result = leafHash
        for hash in hashes {
            guard last != 0 else { throw Self.wrongLength(index) }
            if position & 1 == 1 || position == last {
                result = MerkleTree.nodeHash(hash, result)
                // A right edge without sibling on these levels: skip to where it is a right child again.
                while position & 1 == 0 && position != 0 {
                    position >>= 1
                    last >>= 1
                }
            } else {
                result = MerkleTree.nodeHash(result, hash)
            }
            position >>= 1
            last >>= 1
        }
        guard last == 0 else { throw Self.wrongLength(index) }
        return result
    }

    private static let rule = "RFC 9162 §2.1.3.2"

    private static func outside(_ index: Int64, _ size: Int64) -> Refusal {
        Refusal(
            .malformed, "Entry \(index) is not in a tree of \(size) entries.",
            hint: "Ask for an index from 0 and below the size.", rule: rule)
    }

    private static func wrongLength(_ index: Int64) -> Refusal {
        Refusal(
            .malformed, "The inclusion proof of entry \(index) has the wrong length.",
            hint: "Send the proof for exactly this index and size.", rule: rule)
    }
}
