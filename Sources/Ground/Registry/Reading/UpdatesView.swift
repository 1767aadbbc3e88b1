import Wire

/// The state of update metadata: what is published, who signs, what waits.
package struct UpdateMetadataView: Codable, Sendable {
    /// The root first, then the others by name.
    package var roles: [UpdateRoleView]
    /// What may be signed and published now, the newest first.
    package var drafts: [UpdateDraftView]
}

package struct UpdateRoleView: Codable, Sendable {
    package struct Signer: Codable, Sendable {
        /// The key's name in update metadata.
        package var key: Digest
        /// Whose it is; missing for keys that are kept offline, and for the house's own.
        package var person: String?
        package var isInToken: Bool?
        /// Whether the published document above names it; a signature counts only then.
        package var isPublished: Bool
    }
    /// "root", "targets", "product~thermostat-2", "product~thermostat-2~os".
    package var role: String
    /// Newest published; 0 if there is none.
    package var version: Int
    package var expires: Timestamp?
    /// Signatures that the published document above demands.
    package var threshold: Int?
    package var signers: [Signer]
}

package struct UpdateDraftView: Codable, Sendable {
    package struct Signature: Codable, Sendable {
        package var key: Digest
        /// Who handed it in.
        package var person: String?
        package var at: Timestamp
    }
    /// SHA-256 of exactly what is signed: the draft's name.
    package var draft: Digest
    package var role: String
    package var version: Int
    package var proposedBy: String?
    package var proposedAt: Timestamp
    /// Published until then, or proposed anew.
    package var expires: Timestamp
    package var signatures: [Signature]
    /// The document with the signatures that it has so far, as JSON; in the answer for one draft only.
    package var document: String?
}
