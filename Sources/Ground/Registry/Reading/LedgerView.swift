import Ledger
import Passport
import Wire

package struct LedgerView: Codable, Sendable, Equatable {
    package var origin: String
    /// Entries that are committed.
    package var size: Int64
    /// Entries that the newest checkpoint covers.
    package var publishedSize: Int64
    package var root: Digest?
    /// The signed note, as text; nil until the first is published.
    package var checkpoint: String?
    package var publishedAt: Timestamp?
    /// "name+key ID+key": what verifies checkpoints.
    package var vkey: String
    package var lastEntryAt: Timestamp?
}

/// One leaf, told to a person.
package struct LedgerEntryView: Codable, Sendable, Equatable {
    package var index: Int64
    package var at: Timestamp
    package var device: DeviceID?
    package var serial: String?
    /// Role of who did it.
    package var byRole: String
    package var byPerson: PersonID?
    package var kind: String
    /// One sentence.
    package var sentence: String
    package var isPublished: Bool
}

package struct LedgerEntryPage: Codable, Sendable, Equatable {
    /// Ascending by index, or descending when asked for with `before`.
    package var entries: [LedgerEntryView]
    /// The last index of the page, to go on with; nil at the end.
    package var next: Int64?
}

/// One leaf with its bytes.
package struct LedgerLeafView: Codable, Sendable, Equatable {
    package var entry: LedgerEntryView
    /// Base64 of the leaf's bytes, exactly as they are hashed.
    package var leaf: String
    /// SHA-256(0x00 ‖ leaf), RFC 9162 §2.1.1.
    package var hash: Digest
    /// The same, as it reads.
    package var content: Entry
}

/// How one entry hangs in the tree, step by step, for a picture and for `lifelong verify proof`.
package struct ProofView: Codable, Sendable, Equatable {
    package struct Step: Codable, Sendable, Equatable {
        package enum Side: String, Codable, Sendable { case left, right }
        /// On which side the sibling stands.
        package var side: Side
        package var sibling: Digest
        /// SHA-256(0x01 ‖ left ‖ right).
        package var parent: Digest
        /// Entries below the parent: from `first` and before `end`.
        package var first: Int64
        package var end: Int64
    }
    package var entry: LedgerEntryView
    package var size: Int64
    package var leafHash: Digest
    /// From the leaf to the root.
    package var path: [Step]
    package var root: Digest
    package var checkpoint: String
    package var vkey: String
    /// What `lifelong verify proof` takes.
    package var evidence: Evidence
}

/// A page of a device's life, in order.
package struct LifeView: Codable, Sendable, Equatable {
    package var device: DeviceID
    package var serial: String
    package var product: ProductID
    package var stage: Stage
    package var entries: [LedgerEntryView]
    /// There are entries before these.
    package var isCut: Bool
    /// Given back as `before` for the page of older entries; nil at the birth.
    package var older: Int64?
    /// The last changes of its stage before these entries.
    package var turns: [LedgerEntryView]
}

/// One witness of the ledger.
package struct WitnessView: Codable, Sendable, Equatable {
    package var name: String
    /// What verifies its cosignatures.
    package var vkey: String
    package var url: String
    /// Entries of the largest checkpoint that it cosigned for us.
    package var size: Int64
    /// Published entries that it has not vouched for yet.
    package var behind: Int64
    package var cosignedAt: Timestamp?
    package var standing: Witnesses.Standing
    /// Attempts in a row that were no use.
    package var failures: Int
    /// One sentence; nil if all is well.
    package var trouble: String?
}

package struct WitnessList: Codable, Sendable, Equatable {
    package var witnesses: [WitnessView]
    /// So many cosignatures make a checkpoint "witnessed".
    package var quorum: Int
    package var publishedSize: Int64
    /// Entries that the newest witnessed checkpoint covers; 0 if there is none.
    package var witnessedSize: Int64
}
