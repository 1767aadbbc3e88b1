import Release
import Store
import Trust
import Wire

/// Whether a release is admitted with what is attached to it, by the rules of its product. What is attached is named by its SHA-256
/// in what is signed, so that nobody exchanges it after it was judged. Asked when a release is proposed, and again when it is sealed: a
/// draft waits for two weeks, and a builder may have lost the product's trust meanwhile.
package struct ReleaseAdmission: Sendable {
    private let product: ProductID
    private let rules: AdmissionRules

    /// Steps: 1. what the product demands is there. 2. the bill of materials is about this release. 3. the provenance is by a builder
    /// that the product trusts, and of this artifact.
    package init(
        _ product: ProductID, layer: String?, version: String, artifact: Digest, sbom: Digest?, provenance: Digest?,
        in house: House
    ) async throws {
        self.product = product
        rules = try await house.read { try ProductAdmission.rules(of: product, in: $0) }
        // 1.
        try rules.demand(sbom: sbom != nil, provenance: provenance != nil)
        // 2.
        if let sbom {
            let bytes = try EvidenceFile.read(sbom, limit: BillOfMaterials.Bound.bytes, in: house)
            try BillOfMaterials(bytes).demand(product, layer: layer, version: version, sha256: artifact)
        }
        // 3.
        if let provenance {
            let bytes = try EvidenceFile.read(provenance, limit: Provenance.Bound.bytes, in: house)
            try Provenance(bytes, builders: rules.builderKeys()).demand(artifact)
        }
    }

    /// In the transaction: rules that changed since are asked again.
    package func demandSame(in rows: any Rows) throws {
        guard try ProductAdmission.rules(of: product, in: rows) == rules else {
            throw Refusal(
                .conflict, "What \"\(product)\" asks of a release was changed just now.", hint: "Try again.",
                rule: "admission: rules", retryAfterSeconds: 1)
        }
    }
}
