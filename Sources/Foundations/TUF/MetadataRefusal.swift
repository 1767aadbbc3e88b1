import Wire

/// Why a document of update metadata is not believed: which role's, by which rule of the specification, and the numbers.
package struct MetadataRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Reason: Sendable, Equatable {
        /// Not what §4 demands; one clause that says where.
        case malformed(String)
        /// More bytes than are read.
        case tooLarge(bytes: Int, limit: Int)
        /// The document is another role's.
        case otherType(String)
        /// Arbitrary software: not signed by as many as must sign. `by` is the role whose list of keys was asked, and its version.
        case tooFewSignatures(valid: Int, threshold: Int, by: String)
        /// Rollback: older than what is trusted already.
        case rollback(trusted: Int, offered: Int)
        /// Not the version that was promised.
        case otherVersion(expected: Int, offered: Int)
        /// Rollback of a file that the document lists.
        case listedRollback(file: String, trusted: Int, offered: Int)
        /// A file that was listed is listed no more.
        case unlisted(file: String, trusted: Int)
        /// Freeze: over since `expires`.
        case expired(Timestamp, now: Timestamp)
        /// Mix and match, or endless data.
        case otherLength(expected: Int, found: Int)
        case otherHash(algorithm: String)
        /// None of the hashes is of a kind that is known here.
        case unknownHashes
        /// The snapshot does not list this role.
        case notInSnapshot
        /// The keys of timestamp or snapshot were rotated: what they signed before counts for nothing (fast-forward recovery).
        case rotatedAway
        /// The next step was asked for without the document that it needs.
        case notFetched
    }

    /// "root", "timestamp", "snapshot", "targets", or a delegated role's name.
    package let role: String
    /// Of the TUF specification 1.0.34, like "5.3.4".
    package let rule: String
    package let reason: Reason

    package init(_ role: String, _ rule: String, _ reason: Reason) {
        self.role = role
        self.rule = rule
        self.reason = reason
    }

    package var description: String { "\(role): \(refusal.detail) [TUF \(rule)]" }

    /// The same for a door.
    package var refusal: Refusal {
        Refusal(code, "Update metadata of \"\(role.prefix(64))\": \(sentence)", hint: hint, rule: "TUF 1.0.34 §\(rule)")
    }

    private var sentence: String {
        switch reason {
        case .malformed(let clause): clause
        case .tooLarge(let bytes, let limit): "it has \(bytes) bytes or more, and \(limit) are read."
        case .otherType(let type): "the document is of the type \"\(type.prefix(32))\"."
        case .tooFewSignatures(let valid, let threshold, let by):
            "\(valid) of the signatures are by different keys of \(by), and \(threshold) are needed."
        case .rollback(let trusted, let offered): "version \(offered) is offered, and \(trusted) is known already."
        case .otherVersion(let expected, let offered): "version \(offered) is offered where \(expected) is expected."
        case .listedRollback(let file, let trusted, let offered):
            "it lists version \(offered) of \(file.prefix(128)), and \(trusted) was listed already."
        case .unlisted(let file, let trusted): "it no longer lists \(file.prefix(128)), which had version \(trusted)."
        case .expired(let end, let now): "it expired at \(end), and it is \(now)."
        case .otherLength(let expected, let found): "it has \(found) bytes where \(expected) are stated."
        case .otherHash(let algorithm): "its \(algorithm) is not the stated one."
        case .unknownHashes: "none of its hashes is of a known kind."
        case .notInSnapshot: "the snapshot does not list it."
        case .rotatedAway: "the keys that signed it were replaced."
        case .notFetched: "it was not fetched."
        }
    }

    private var code: Refusal.Code {
        switch reason {
        case .malformed, .otherType, .otherLength, .otherHash, .unknownHashes: .malformed
        case .tooLarge: .tooLarge
        case .tooFewSignatures: .unauthenticated
        case .rollback, .otherVersion, .listedRollback, .unlisted, .rotatedAway: .conflict
        case .expired: .gone
        case .notInSnapshot: .notFound
        case .notFetched: .unavailable
        }
    }

    private var hint: String {
        switch reason {
        case .malformed, .tooLarge, .otherType: "Publish the document as the specification writes it."
        case .tooFewSignatures: "Have the document signed by as many of the role's keys as its threshold says."
        case .rollback, .listedRollback, .unlisted, .otherVersion:
            "Publish a higher version; if this came over a mirror, do not use the mirror."
        case .expired: "Publish a new version; check the clock here if others take the old one."
        case .otherLength, .otherHash, .unknownHashes: "Publish all files of one snapshot together, unchanged."
        case .notInSnapshot: "List the role in the next snapshot."
        case .rotatedAway, .notFetched: "Fetch the present document."
        }
    }
}

extension MetadataRefusal {
    /// What crosses a door: the body's own result, and what it refuses as a refusal.
    package static func explained<T>(_ body: () throws(MetadataRefusal) -> T) throws(Refusal) -> T {
        do throws(MetadataRefusal) { return try body() } catch { throw error.refusal }
    }
}
