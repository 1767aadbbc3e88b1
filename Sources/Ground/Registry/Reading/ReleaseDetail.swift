import Release
import Wire

/// One release, with all that is known of where it comes from.
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

    package struct Difference: Codable, Sendable {
        /// Sequence of the release that it is compared with.
        package var since: Int
        /// By name; `before` is missing of what came, `after` of what went.
        package var changes: [BillOfMaterials.Difference.Change]
        /// Of all changes, also of those that are not told.
        package var count: Int
    }

    package var release: ReleaseView
    package var from: [String]
    package var bootloader: [String]
    package var network: [String]
    /// In update metadata; missing where the house's seal is all.
    package var target: String?
    /// Whether update metadata lists it still.
    package var isListed: Bool?
    /// Who signed the document that brought it; the house's own key is not among them.
    package var signatures: [Signature]
    package var materials: Materials?
    package var provenance: Origin?
    package var difference: Difference?
}
