import Trust
import Wire

/// What a product asks of a release before it is admitted. What is attached is checked also where it is not asked for.
package struct AdmissionRules: Codable, Sendable, Equatable {
    /// Whether a release needs a bill of materials.
    package var sbom: Bool
    /// Whether it needs a provenance.
    package var provenance: Bool
    /// Base64 SubjectPublicKeyInfos of the builders whose provenance counts.
    package var builders: [String]
    /// Base64 SubjectPublicKeyInfos of the keys of which one has to sign its Mender artifacts; missing: its signers' keys count.
    package var artifactKeys: [String]?

    package static let anything = AdmissionRules(sbom: false, provenance: false, builders: [])
    /// Of each kind.
    package static let maximumKeys = 16

    package init(sbom: Bool, provenance: Bool, builders: [String], artifactKeys: [String]? = nil) {
        self.sbom = sbom
        self.provenance = provenance
        self.builders = builders
        self.artifactKeys = artifactKeys
    }

    /// The builders' keys; refuses rules that nothing could meet.
    package func builderKeys() throws(Refusal) -> [[UInt8]] {
        let keys = try Self.keys(builders, of: "builders")
        guard !provenance || !keys.isEmpty else {
            throw Refusal(
                .malformed, "Provenance is demanded, and no builder is named whose word counts.",
                hint: "Give a builder's key: --builder-key FILE", rule: "admission: provenance signature")
        }
        return keys
    }

    /// The keys that sign its Mender artifacts; none: its signers' do.
    package func manifestKeys() throws(Refusal) -> [[UInt8]] { try Self.keys(artifactKeys ?? [], of: "artifacts") }

    private static func keys(_ texts: [String], of what: String) throws(Refusal) -> [[UInt8]] {
        guard texts.count <= maximumKeys else {
            throw Refusal(
                .tooLarge, "\(texts.count) keys of \(what) are named; \(maximumKeys) are allowed.",
                hint: "Name those that are used today.")
        }
        var keys: [[UInt8]] = []
        for text in texts {
            guard text.utf8.count <= 4096, let spki = Base64.decode(text) else {
                throw Refusal(
                    .malformed, "A key of \(what) is not Base64.", hint: "Send the DER of the key's PEM as Base64.")
            }
            _ = try PublicKeys.algorithm(spki)
            keys.append(spki)
        }
        return keys
    }

    /// Whether what is demanded is attached.
    package func demand(sbom attachedSBOM: Bool, provenance attachedProvenance: Bool) throws(Refusal) {
        guard attachedSBOM || !sbom else {
            throw Refusal(
                .conflict, "The product admits no release without a bill of materials.",
                hint: "Attach one: --sbom FILE", rule: "admission: sbom demanded")
        }
        guard attachedProvenance || !provenance else {
            throw Refusal(
                .conflict, "The product admits no release without provenance.",
                hint: "Attach what the build made: --provenance FILE", rule: "admission: provenance demanded")
        }
    }
}
