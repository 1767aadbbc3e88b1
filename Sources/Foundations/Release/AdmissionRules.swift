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

    package static let anything = AdmissionRules(sbom: false, provenance: false, builders: [])
    package static let maximumBuilders = 16

    package init(sbom: Bool, provenance: Bool, builders: [String]) {
        self.sbom = sbom
        self.provenance = provenance
        self.builders = builders
    }

    /// The builders' keys; refuses rules that nothing could meet.
    package func builderKeys() throws(Refusal) -> [[UInt8]] {
        guard builders.count <= Self.maximumBuilders else {
            throw Refusal(
                .tooLarge, "\(builders.count) builders are named; \(Self.maximumBuilders) are allowed.",
                hint: "Name those that build today.")
        }
        var keys: [[UInt8]] = []
        for text in builders {
            guard text.utf8.count <= 4096, let spki = Base64.decode(text) else {
                throw Refusal(
                    .malformed, "A builder's key is not Base64.", hint: "Send the DER of the key's PEM as Base64.")
            }
            _ = try PublicKeys.algorithm(spki)
            keys.append(spki)
        }
        guard !provenance || !keys.isEmpty else {
            throw Refusal(
                .malformed, "Provenance is demanded, and no builder is named whose word counts.",
                hint: "Give a builder's key: --builder-key FILE", rule: "admission: provenance signature")
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
