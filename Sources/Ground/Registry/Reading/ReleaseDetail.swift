import Release
import Wire

/// One release, with all that is known of where it comes from and where it is.
package struct ReleaseDetail: Codable, Sendable {
    package struct Signature: Codable, Sendable {
        /// The key's name in update metadata.
        package var key: Digest
        package var person: String?
        /// As it was registered.
        package var isInToken: Bool?
        package var at: Timestamp
    }

    package struct Materials: Codable, Sendable {
        package var sha256: Digest
        /// "CycloneDX 1.6", "SPDX 2.3".
        package var format: String
        package var subject: String
        package var version: String?
        package var components: Int
    }

    package struct Origin: Codable, Sendable {
        package var sha256: Digest
        /// Missing if none of the builders that the product trusts today signed it.
        package var builder: String?
        package var buildType: String?
    }

    /// One rule of admission, asked again now: by what the product asks today, of the files as they are in the store.
    package struct Check: Codable, Sendable, Equatable {
        /// "admission: sbom version": the rule that passed, or that refuses it.
        package var rule: String
        package var isPassed: Bool
        /// One sentence.
        package var detail: String
    }

    /// What may run it, and what it may follow, where that changed.
    package struct TermChange: Codable, Sendable, Equatable {
        /// "hardware", "from", "bootloader", "network".
        package var term: String
        /// Empty: any.
        package var before: [String]
        package var after: [String]
    }

    package struct Difference: Codable, Sendable {
        /// Sequence of the release that it is compared with.
        package var since: Int
        package var terms: [TermChange]
        /// By name; `before` is missing of what came, `after` of what went.
        package var changes: [BillOfMaterials.Difference.Change]
        /// Of all changes, also of those that are not told.
        package var count: Int
        /// False: one of the two has no bill of materials that can be read, so that nothing is known of components.
        package var isByMaterials: Bool
    }

    /// A file of the release, by its SHA-256 in the artifact store.
    package struct Artifact: Codable, Sendable, Equatable {
        /// "artifact", "as installed" (of an encrypted one; never in the store), "sbom", "provenance".
        package var what: String
        package var sha256: Digest
        package var size: Int?
        /// Whether the store has it, as long as it should be.
        package var isStored: Bool
    }

    package var release: ReleaseView
    package var from: [String]
    package var bootloader: [String]
    package var network: [String]
    /// In update metadata; missing where the house's seal is all.
    package var target: String?
    /// The house's key that sealed the manifest: SHA-256 of its SubjectPublicKeyInfo.
    package var sealedBy: String?
    /// Who signed the document that brought it; the house's own key is not among them.
    package var signatures: [Signature]
    /// The release that devices may go back to from it.
    package var mayReturnTo: Int?
    package var checks: [Check]
    package var artifacts: [Artifact]
    package var materials: Materials?
    package var provenance: Origin?
    package var difference: Difference?
    /// The newest first, the last twenty.
    package var rollouts: [RolloutView]
}

/// What a release is made of, by its bill of materials.
package struct ReleaseComponents: Codable, Sendable {
    package struct Component: Codable, Sendable, Equatable {
        package var name: String
        package var version: String?
        package var sha256: String?
    }
    /// In the order of the document.
    package var components: [Component]
    /// Of all that were looked for, also of those that are not told.
    package var count: Int
}
