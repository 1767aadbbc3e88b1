import Wire

/// Evidence that a tree was only appended to (RFC 9162 §2.1.4): what was in the older one is unchanged in the newer
/// one.
package struct ConsistencyProof: Hashable, Sendable {
    package var oldSize: Int64
    package var newSize: Int64
    package var hashes: [Digest]

    package init(oldSize: Int64, newSize: Int64, hashes: [Digest]) {
        self.oldSize = oldSize
        self.newSize = newSize
        self.hashes = hashes
    }

    /// PROOF(oldSize, D_newSize) of RFC 9162 §2.1.4.1; empty from size 0 and between equal sizes.
    package static func make(from oldSize: Int64, to newSize: Int64, hash: SubtreeHash) throws -> ConsistencyProof {
        let hashes = try parts(from: oldSize, to: newSize).map { try MerkleTree.fold($0.map(hash)) }
        return ConsistencyProof(oldSize: oldSize, newSize: newSize, hashes: hashes)
    }

    /// The complete subtrees behind each hash of the proof, in the order of the proof.
    static func parts(from oldSize: Int64, to newSize: Int64) throws(Refusal) -> [[Subtree]] {
        guard oldSize >= 0, oldSize <= newSize else { throw Self.rollback(oldSize, newSize) }
        guard oldSize > 0, oldSize < newSize else { return [] }
        var fromRoot: [[Subtree]] = []
        var (start, end) = (Int64(0), newSize)
        while end != oldSize {
            let middle = start + Subtree.split(end - start)
            if oldSize <= middle {
                fromRoot.append(Subtree.covering(middle, end))
                end = middle
            } else {
                fromRoot.append(Subtree.covering(start, middle))
                start = middle
            }
        }
        // SUBPROOF's flag b: the old root itself is known to the verifier and left out.
        if start != 0 { fromRoot.append(Subtree.covering(start, end)) }
        return fromRoot.reversed()
    }

    /// RFC 9162 §2.1.4.2, with the sizes 0 and "equal" that it leaves to the caller. Returns if the newer tree holds
    /// the older one unchanged, and refuses otherwise.
    package func verify(oldRoot: Digest, newRoot: Digest) throws(Refusal) {
        guard oldSize >= 0, oldSize <= newSize else { throw Self.rollback(oldSize, newSize) }
        guard hashes.count <= 2 * MerkleTree.maximumProofHashes,
            ([oldRoot, newRoot] + hashes).allSatisfy({ $0.bytes.count == MerkleTree.hashBytes })
        else { throw wrongLength() }
        if oldSize == 0 || oldSize == newSize {
            guard hashes.isEmpty else { throw wrongLength() }
            guard oldSize > 0 || oldRoot == MerkleTree.emptyRoot, newSize > 0 || newRoot == MerkleTree.emptyRoot else {
                throw fork("a tree of size 0 has another root than SHA-256 of nothing")
            }
            guard oldSize == 0 || oldRoot == newRoot else { throw fork("two roots are claimed for the same size") }
            return
        }
        let (old, new) = try impliedRoots(oldRoot: oldRoot)
        guard old == oldRoot else { throw fork("the proof does not lead to the older root") }
        guard new == newRoot else { throw fork("the proof does not lead to the newer root") }
    }

    private func impliedRoots(oldRoot: Digest) throws(Refusal) -> (old: Digest, new: Digest) {
        guard !hashes.isEmpty else { throw wrongLength() }
        // Step 2: the old root stands for itself when the old tree is one complete subtree.
        let path = oldSize & (oldSize - 1) == 0 ? [oldRoot] + hashes : hashes
        var (position, last) = (oldSize - 1, newSize - 1)
        while position & 1 == 1 {
            position >>= 1
            last >>= 1
        }
        var (old, new) = (path[0], path[0])
        for hash in path.dropFirst() {
            guard last != 0 else { throw wrongLength() }
            if position & 1 == 1 || position == last {
                old = MerkleTree.nodeHash(hash, old)
                new = MerkleTree.nodeHash(hash, new)
                while position & 1 == 0 && position != 0 {
                    position >>= 1
                    last >>= 1
                }
            } else {
                new = MerkleTree.nodeHash(new, hash)
            }
            position >>= 1
            last >>= 1
        }
        guard last == 0 else { throw wrongLength() }
        return (old, new)
    }

    private static let rule = "RFC 9162 §2.1.4.2"

    private static func rollback(_ oldSize: Int64, _ newSize: Int64) -> Refusal {
        Refusal(
            .conflict, "The tree shrank from \(oldSize) to \(newSize) entries.",
            hint: "Keep both checkpoints as evidence and ask the log's operator; a log only grows.", rule: rule)
    }

    private func wrongLength() -> Refusal {
        Refusal(
            .malformed, "The consistency proof from \(oldSize) to \(newSize) entries has the wrong length.",
            hint: "Send the proof for exactly these two sizes.", rule: Self.rule)
    }

    private func fork(_ why: String) -> Refusal {
        Refusal(
            .conflict, "The trees of \(oldSize) and \(newSize) entries are not consistent: \(why).",
            hint: "Keep both checkpoints as evidence: history was rewritten, or the proof is not of this log.",
            rule: Self.rule)
    }
}
