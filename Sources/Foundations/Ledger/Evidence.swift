import Wire

/// Entries of the ledger that somebody can check without us: a signed checkpoint, and for each entry its exact bytes
/// and the way to the checkpoint's root. It proves that each entry is in the log; that none is left out, only the
/// whole log can prove (`lifelong verify passport --log`).
package struct Evidence: Codable, Sendable, Equatable {
    package struct Item: Codable, Sendable, Equatable {
        /// Position in the log, from 0.
        package var index: Int64
        /// Base64 of the leaf's bytes.
        package var leaf: String
        /// Base64 of the hashes of the inclusion proof, leaf to root.
        package var proof: [String]
    }

    /// Bounds: of the document in bytes, and of its entries.
    package static let maximumBytes = 64 << 20
    package static let maximumEntries = 65_536

    /// Version of this format.
    package var v: Int
    /// What it is about ("passport of …"), for the reader. Never trusted.
    package var subject: String?
    /// The log's verifier key as the sender sees it. A hint, never trusted.
    package var vkey: String?
    /// The signed note, as text.
    package var checkpoint: String
    /// In ascending order of their indices.
    package var entries: [Item]

    package init(subject: String?, vkey: VerifierKey?, checkpoint: [UInt8], entries: [(InclusionProof, leaf: [UInt8])])
    {
        self.v = 1
        self.subject = subject
        self.vkey = vkey?.description
        self.checkpoint = String(decoding: checkpoint, as: UTF8.self)
        self.entries = entries.map { proof, leaf in
            Item(index: proof.index, leaf: Base64.encode(leaf), proof: proof.hashes.map { Base64.encode($0.bytes) })
        }
    }

    /// An entry whose place in the log is proven.
    package struct ProvenEntry: Sendable, Equatable {
        package let index: Int64
        package let leaf: [UInt8]
    }

    package struct Proven: Sendable, Equatable {
        package let checkpoint: Checkpoint
        package let cosignatures: [Cosignature]
        package let entries: [ProvenEntry]
    }

    /// Checks the checkpoint's signature with the one key that is trusted, then every entry against its root.
    package func verify(vkey key: VerifierKey, quorum: WitnessQuorum = .none) throws(Refusal) -> Proven {
        guard v == 1 else {
            throw Refusal(
                .unsupported, "The evidence has format \(v); this program reads format 1.",
                hint: "Use a newer lifelong program.")
        }
        guard entries.count <= Self.maximumEntries else {
            throw Refusal(
                .tooLarge, "The evidence has \(entries.count) entries; \(Self.maximumEntries) are allowed.",
                hint: "Ask for it in parts.")
        }
        let found = try WitnessedCheckpoint(note: Array(checkpoint.utf8), key: key, quorum: quorum)
        let checkpoint = found.checkpoint
        var proven: [ProvenEntry] = []
        for item in entries {
            guard proven.last.map({ $0.index < item.index }) ?? true else {
                throw Self.broken("entry \(item.index) is not behind the one before it")
            }
            proven.append(try Self.verify(item, in: checkpoint))
        }
        return Proven(checkpoint: checkpoint, cosignatures: found.cosignatures, entries: proven)
    }

    private static func verify(_ item: Item, in checkpoint: Checkpoint) throws(Refusal) -> ProvenEntry {
        guard let leaf = strictBase64(Array(item.leaf.utf8)), leaf.count <= EntryBundle.maximumEntryBytes else {
            throw broken("the leaf of entry \(item.index) is not base64 of at most 65535 bytes")
        }
        let proof = InclusionProof(
            index: item.index, size: checkpoint.size,
            hashes: try item.proof.map { text throws(Refusal) in
                guard let hash = strictBase64(Array(text.utf8)), hash.count == MerkleTree.hashBytes else {
                    throw broken("a hash in the proof of entry \(item.index) is not base64 of 32 bytes")
                }
                return Digest(hash)
            })
        try proof.verify(leafHash: MerkleTree.leafHash(leaf), root: checkpoint.root)
        return ProvenEntry(index: item.index, leaf: leaf)
    }

    private static func broken(_ why: String) -> Refusal {
        Refusal(.malformed, "The evidence is broken: \(why).", hint: "Ask for the evidence again.")
    }
}
