/// Which keys sign one kind of document from now on (`Seal.PayloadType.succession`), stated under the keys that did so before.
///
/// Whoever knows one of the old keys learns the new ones by it, and drops those that it does not name: without a person
/// who carries them, and without trusting the way that the statement came.
package struct KeySuccession: Codable, Sendable, Equatable {
    package enum Role: String, Codable, Sendable, CaseIterable {
        /// Release manifests; devices follow.
        case release
        /// Permits; stations follow.
        case permit
    }

    package var role: Role
    /// Grows with every statement of the role; what one knows at birth is 0 unless told otherwise.
    package var number: Int
    /// Base64 SPKI of all keys that sign from now on, the first of them for good. No other is believed any more.
    package var keys: [String]
    package var at: Timestamp

    package init(role: Role, number: Int, keys: [String], at: Timestamp) {
        self.role = role
        self.number = number
        self.keys = keys
        self.at = at
    }

    /// Keys in one statement.
    package static let maximumKeys = 8
    /// A statement of the most keys has some 3 KiB.
    package static let maximumBytes = 16 * 1024
    /// Statements that are brought at once; more follow with the next contact.
    package static let maximumAtOnce = 8
    /// Statements beside one permit: a station has no next contact, so it gets them all.
    package static let maximumBesidePermit = 64
}
