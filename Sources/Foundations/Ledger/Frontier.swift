import Wire

/// A tree that only grows at its right edge and keeps nothing but the complete subtrees along it: at most 63 hashes.
/// For whoever reads a whole log once and wants its root at every size.
package struct Frontier: Sendable {
    package private(set) var size: Int64 = 0
    /// Complete subtrees left to right, of shrinking height.
    private var edge: [(height: Int, hash: Digest)] = []

    package init() {}

    package mutating func append(_ leafHash: Digest) {
        var new = (height: 0, hash: leafHash)
        while let last = edge.last, last.height == new.height {
            new = (new.height + 1, MerkleTree.nodeHash(last.hash, new.hash))
            edge.removeLast()
        }
        edge.append(new)
        size += 1
    }

    package var head: TreeHead { TreeHead(size: size, root: MerkleTree.fold(edge.map(\.hash))) }
}
