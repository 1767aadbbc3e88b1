import Ledger
import Testing
import Wire

/// All positions in all trees up to this size.
private let most = 70
private let tree = NaiveTree(counting: most)
private let leafHashes = (0..<most).map { tree.leafHash($0) }
private let roots = (0...most).map { tree.root($0) }

private func tiles(_ size: Int) throws -> [TileID: [UInt8]] {
    try Tiles.append(leaves: Array(leafHashes.prefix(size)), to: 0, reading: [:]).changed
}

@Suite struct `Inclusion proofs` {
    @Test func `agree with the definition for every index and size`() throws {
        let stored = try tiles(most)
        for size in 1...most {
            for index in 0..<size {
                let proof = try Tiles.inclusion(index: Int64(index), size: Int64(size), reading: stored)
                #expect(proof.hashes == tree.path(index, size))
                try proof.verify(leafHash: leafHashes[index], root: roots[size])
            }
        }
    }

    @Test func `fail for every other leaf, index, size and root`() throws {
        let size = 37
        let stored = try tiles(size)
        for index in 0..<size {
            let proof = try Tiles.inclusion(index: Int64(index), size: Int64(size), reading: stored)
            func refuses(_ proof: InclusionProof, leaf: Int = index, root: Digest = roots[size]) -> Bool {
                (try? proof.verify(leafHash: leafHashes[leaf], root: root)) == nil
            }
            for other in 0..<size where other != index {
                #expect(refuses(proof, leaf: other))
                var moved = proof
                moved.index = Int64(other)
                #expect(refuses(moved))
            }
            // Another size whose path has the same shape can only be told by its root.
            for other in 1...most where other != size { #expect(refuses(proof, root: roots[other])) }
        }
    }

    @Test func `fail for every flipped bit, swapped hash, and wrong length`() throws {
        let (index, size) = (21, 37)
        let proof = try Tiles.inclusion(index: Int64(index), size: Int64(size), reading: tiles(size))
        func refuses(_ hashes: [Digest]) -> Bool {
            let proof = InclusionProof(index: proof.index, size: proof.size, hashes: hashes)
            return (try? proof.verify(leafHash: leafHashes[index], root: roots[size])) == nil
        }
        #expect(!refuses(proof.hashes))
        for position in proof.hashes.indices {
            for bit in 0..<256 {
                var hashes = proof.hashes
                hashes[position] = hashes[position].flippingBit(bit)
                #expect(refuses(hashes))
            }
            for other in proof.hashes.indices where other != position {
                var hashes = proof.hashes
                hashes.swapAt(position, other)
                #expect(refuses(hashes))
            }
            var short = proof.hashes
            short.remove(at: position)
            #expect(refuses(short))
            var long = proof.hashes
            long.insert(proof.hashes[position], at: position)
            #expect(refuses(long))
        }
        #expect(refuses([]))
        #expect(refuses(proof.hashes + [roots[size]]))
        #expect(refuses([Digest]() + proof.hashes.dropLast() + [Digest(proof.hashes.last!.bytes.dropLast())]))
        #expect(refuses(Array(repeating: roots[1], count: 100_000)))
    }

    @Test func `of the wrong length are refused even when they lead to the root`() throws {
        let proof = try Tiles.inclusion(index: 1, size: 4, reading: tiles(4))
        // Too long: an attacker hangs the tree of 4 under a root of his own.
        let extra = roots[7]
        let long = InclusionProof(index: 1, size: 4, hashes: proof.hashes + [extra])
        for root in [MerkleTree.nodeHash(extra, roots[4]), MerkleTree.nodeHash(roots[4], extra)] {
            #expect(throws: Refusal.self) { try long.verify(leafHash: leafHashes[1], root: root) }
        }
        // Too short: the tree of 4 is passed off as one of more entries.
        for size in Int64(5)...16 {
            let short = InclusionProof(index: 1, size: size, hashes: proof.hashes)
            #expect(throws: Refusal.self) { try short.verify(leafHash: leafHashes[1], root: roots[4]) }
        }
    }

    @Test func `are refused for an index outside the tree`() throws {
        let stored = try tiles(most)
        for (index, size) in [(8, 8), (9, 8), (0, 0), (-1, 8)] as [(Int64, Int64)] {
            #expect(throws: Refusal.self) { try Tiles.inclusion(index: index, size: size, reading: stored) }
            let proof = InclusionProof(index: index, size: size, hashes: [])
            #expect(throws: Refusal.self) { try proof.verify(leafHash: leafHashes[0], root: roots[1]) }
        }
    }

    @Test func `of a tree of one leaf are empty`() throws {
        try InclusionProof(index: 0, size: 1, hashes: []).verify(leafHash: leafHashes[0], root: roots[1])
    }

    @Test func `of the largest trees are bounded`() throws {
        let proof = try InclusionProof.make(index: .max - 1, size: .max) { _ in roots[1] }
        #expect(proof.hashes.count <= MerkleTree.maximumProofHashes)
        _ = try proof.impliedRoot(leafHash: leafHashes[0])
    }
}

@Suite struct `Consistency proofs` {
    @Test func `agree with the definition for every pair of sizes`() throws {
        let stored = try tiles(most)
        for new in 1...most {
            for old in 1...new {
                let proof = try Tiles.consistency(from: Int64(old), to: Int64(new), reading: stored)
                #expect(proof.hashes == tree.consistency(old, new))
                try proof.verify(oldRoot: roots[old], newRoot: roots[new])
            }
        }
    }

    @Test func `fail for every other root`() throws {
        let stored = try tiles(most)
        for new in 1...40 {
            for old in 1...new {
                let proof = try Tiles.consistency(from: Int64(old), to: Int64(new), reading: stored)
                #expect(throws: Refusal.self) {
                    try proof.verify(oldRoot: roots[old].flippingBit(old), newRoot: roots[new])
                }
                #expect(throws: Refusal.self) {
                    try proof.verify(oldRoot: roots[old], newRoot: roots[new].flippingBit(new))
                }
            }
        }
    }

    @Test(arguments: [(21, 37), (32, 37), (1, 2), (64, 70), (7, 8), (63, 64)])
    func `fail for every flipped bit, swapped hash, and wrong length`(old: Int, new: Int) throws {
        let proof = try Tiles.consistency(from: Int64(old), to: Int64(new), reading: tiles(new))
        func refuses(_ hashes: [Digest]) -> Bool {
            let proof = ConsistencyProof(oldSize: Int64(old), newSize: Int64(new), hashes: hashes)
            return (try? proof.verify(oldRoot: roots[old], newRoot: roots[new])) == nil
        }
        #expect(!refuses(proof.hashes))
        for position in proof.hashes.indices {
            for bit in 0..<256 {
                var hashes = proof.hashes
                hashes[position] = hashes[position].flippingBit(bit)
                #expect(refuses(hashes))
            }
            for other in proof.hashes.indices where other != position {
                var hashes = proof.hashes
                hashes.swapAt(position, other)
                #expect(refuses(hashes))
            }
            var short = proof.hashes
            short.remove(at: position)
            #expect(refuses(short))
            var long = proof.hashes
            long.insert(proof.hashes[position], at: position)
            #expect(refuses(long))
        }
        #expect(refuses([]))
        #expect(refuses(proof.hashes + [roots[1]]))
        #expect(refuses(Array(repeating: roots[1], count: 100_000)))
    }

    @Test func `of the wrong length are refused even when they lead to the roots`() throws {
        let proof = try Tiles.consistency(from: 3, to: 4, reading: tiles(4))
        let extra = roots[7]
        let long = ConsistencyProof(oldSize: 3, newSize: 4, hashes: proof.hashes + [extra])
        for old in [roots[3], MerkleTree.nodeHash(extra, roots[3])] {
            for new in [MerkleTree.nodeHash(extra, roots[4]), MerkleTree.nodeHash(roots[4], extra)] {
                #expect(throws: Refusal.self) { try long.verify(oldRoot: old, newRoot: new) }
            }
        }
        for size in Int64(5)...16 {
            let short = ConsistencyProof(oldSize: 3, newSize: size, hashes: proof.hashes)
            #expect(throws: Refusal.self) { try short.verify(oldRoot: roots[3], newRoot: roots[4]) }
        }
    }

    @Test func `refuse a log that shrank`() throws {
        let stored = try tiles(8)
        #expect(throws: Refusal.self) { try Tiles.consistency(from: 8, to: 7, reading: stored) }
        let proof = ConsistencyProof(oldSize: 8, newSize: 7, hashes: [])
        #expect(throws: Refusal.self) { try proof.verify(oldRoot: roots[8], newRoot: roots[7]) }
    }

    @Test func `refuse two roots for one size`() {
        let proof = ConsistencyProof(oldSize: 8, newSize: 8, hashes: [])
        #expect(throws: Never.self) { try proof.verify(oldRoot: roots[8], newRoot: roots[8]) }
        #expect(throws: Refusal.self) { try proof.verify(oldRoot: roots[8], newRoot: roots[7]) }
        let padded = ConsistencyProof(oldSize: 8, newSize: 8, hashes: [roots[8]])
        #expect(throws: Refusal.self) { try padded.verify(oldRoot: roots[8], newRoot: roots[8]) }
    }

    @Test func `start from the empty tree only with its root`() {
        let proof = ConsistencyProof(oldSize: 0, newSize: 8, hashes: [])
        #expect(throws: Never.self) { try proof.verify(oldRoot: MerkleTree.emptyRoot, newRoot: roots[8]) }
        #expect(throws: Refusal.self) { try proof.verify(oldRoot: roots[1], newRoot: roots[8]) }
        let empty = ConsistencyProof(oldSize: 0, newSize: 0, hashes: [])
        #expect(throws: Never.self) { try empty.verify(oldRoot: MerkleTree.emptyRoot, newRoot: MerkleTree.emptyRoot) }
        #expect(throws: Refusal.self) { try empty.verify(oldRoot: MerkleTree.emptyRoot, newRoot: roots[1]) }
        #expect(throws: Refusal.self) { try empty.verify(oldRoot: roots[1], newRoot: roots[1]) }
    }
}
