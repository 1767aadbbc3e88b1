import Ledger
import Passport
import Store
import Wire

extension Reading {
    /// How an entry hangs in the newest published tree.
    package func proof(_ index: Int64, as principal: Principal) async throws -> ProofView {
        try Access.demand(.readLedger, of: principal)
        return try await house.read { rows in
            let (evidence, size) = try LedgerReader.proof(
                of: index, key: verifierKey, quorum: house.settings.neededCosignatures, in: rows)
            let row = try Self.leaf(index, in: rows)
            let proof = try Tiles.inclusion(index: index, size: size, reading: StoredTiles(rows))
            let leafHash = MerkleTree.leafHash(try row.bytes("entry"))
            return ProofView(
                entry: try Self.entry(row, published: size), size: size, leafHash: leafHash,
                path: Self.path(of: proof, from: leafHash), root: try proof.impliedRoot(leafHash: leafHash),
                checkpoint: evidence.checkpoint, vkey: verifierKey.description, evidence: evidence)
        }
    }

    /// The proof, step by step: the same walk as RFC 9162 §2.1.3.2, with the span of entries below each node.
    static func path(of proof: InclusionProof, from leafHash: Digest) -> [ProofView.Step] {
        var spans: [(first: Int64, end: Int64, isLeft: Bool)] = []
        var (first, end) = (Int64(0), proof.size)
        while end - first > 1 {
            var half = Int64(1)
            while half << 1 < end - first { half <<= 1 }
            let isLeft = proof.index < first + half
            spans.append((first, end, isLeft))
            if isLeft { end = first + half } else { first += half }
        }
        var hash = leafHash
        return zip(spans.reversed(), proof.hashes).map { span, sibling in
            hash = span.isLeft ? MerkleTree.nodeHash(hash, sibling) : MerkleTree.nodeHash(sibling, hash)
            return ProofView.Step(
                side: span.isLeft ? .right : .left, sibling: sibling, parent: hash, first: span.first, end: span.end)
        }
    }
}
