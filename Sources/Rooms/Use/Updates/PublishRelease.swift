import Mender
import Passport
import Registry
import Store
import TUF
import Wire

/// A release becomes available. The artifact was uploaded before.
///
/// 1. The release is judged, and its manifest is sealed with the release key; nobody has it yet. What opens it, if it is encrypted,
/// is wrapped by the key store. 2. In one transaction it is judged again, and stored.
package struct PublishRelease: Ceremony {
    package static let name = "use/publish-release"
    package static let permission = Permission.publish

    package var product: ProductID
    package var sequence: Int
    package var version: String
    package var hardware: [String]
    /// Of what was uploaded.
    package var sha256: Digest
    package var size: Int
    /// Missing: what was uploaded is installed as it is.
    package var encryption: PayloadSecret?
    /// Versions that it may follow; left out: any.
    package var from: [String]?
    package var bootloader: [String]?
    package var network: [String]?
    /// SHA-256 of documents that were uploaded like artifacts.
    package var sbom: Digest?
    package var provenance: Digest?
    /// A device that runs it may go back to the release before it; that stands in what is signed.
    package var mayReturn: Bool?

    package init(
        product: ProductID, sequence: Int, version: String, hardware: [String], sha256: Digest, size: Int,
        encryption: PayloadSecret? = nil, from: [String]? = nil, bootloader: [String]? = nil, network: [String]? = nil,
        sbom: Digest? = nil, provenance: Digest? = nil, mayReturn: Bool? = nil
    ) {
        self.product = product
        self.sequence = sequence
        self.version = version
        self.hardware = hardware
        self.sha256 = sha256
        self.size = size
        self.encryption = encryption
        self.from = from
        self.bootloader = bootloader
        self.network = network
        self.sbom = sbom
        self.provenance = provenance
        self.mayReturn = mayReturn
    }

    package struct Answer: Codable, Sendable, Equatable {
        /// SHA-256 of the manifest's payload: the release's name.
        package var release: Digest
    }

    package func perform(in house: House, as principal: Principal) async throws -> Answer {
        // The same bounds as in update metadata.
        _ = try ReleaseTerms(
            sequence: sequence, version: version, hardware: hardware, from: from ?? [], bootloader: bootloader ?? [],
            network: network ?? [], sbom: sbom, provenance: provenance)
        guard size > 0, sha256.bytes.count == 32 else {
            throw Refusal(
                .malformed, "The artifact's size or SHA-256 is out of range.", hint: "Give both of the file's bytes.")
        }
        try StoredArtifact.demand(sha256, size, in: house.settings.artifactFolder)
        let before = try await house.read { rows in try demandNext(in: rows) }
        let admission = try await ReleaseAdmission(
            product, layer: nil, version: version, artifact: encryption?.sha256 ?? sha256, sbom: sbom,
            provenance: provenance, in: house)
        let form = try await ArtifactForm.read(house.settings.artifactFolder + "/\(sha256)")
        let manifest = ReleaseManifest(
            product: product, sequence: sequence, version: version, hardware: hardware,
            sha256: encryption?.sha256 ?? sha256, size: encryption?.size ?? size, created: try house.time(),
            encrypted: encryption.map { EncryptedForm($0.kind, sha256: sha256, size: size) }, from: from,
            bootloader: bootloader, network: network, sbom: sbom, provenance: provenance, mayReturnTo: before)
        let secret = try await encryption?.admit(house.settings.artifactFolder + "/\(sha256)", of: size)
        let release = try await StoredRelease.seal(manifest, in: house)
        var prepared: PayloadKeys.Prepared?
        if let secret { prepared = try await PayloadKeys.prepare(secret, for: .release(release.digest), in: house) }
        let key = prepared
        return try await house.change(as: principal) { change in
            guard try demandNext(in: change.rows) == before else {
                throw Refusal(
                    .conflict, "Another release was published meanwhile.", hint: "Look at it, then publish again.")
            }
            try admission.demandSame(in: change.rows)
            if let key { try PayloadKeys.keep(key, in: change) }
            try release.store(form, in: change)
            return Answer(release: release.digest)
        }
    }

    /// - Returns: the release that devices may go back to from this one.
    private func demandNext(in rows: any Rows) throws -> Digest? {
        guard try rows.first("SELECT id FROM product WHERE id = $1", [Value(product)]) != nil else {
            throw Refusal(.notFound, "There is no product \"\(product)\".", hint: "Publish the product first.")
        }
        guard try UpdateDocuments.anchor(for: product, in: rows) == nil else {
            throw Refusal(
                .conflict, "Releases of \"\(product)\" are published in update metadata, which its devices demand.",
                hint: "Propose it, and have two persons sign: lifelong tuf propose", rule: "release: update metadata")
        }
        try StoredRelease.demandNext(sequence, of: product, in: rows)
        guard mayReturn == true else { return nil }
        let newest = try rows.first(
            "SELECT digest FROM release WHERE product = $1 ORDER BY sequence DESC LIMIT 1", [Value(product)])
        guard let before = try newest.flatMap({ Digest(hex: try $0.text("digest")) }) else {
            throw Refusal(
                .conflict, "There is no release before it to go back to.", hint: "Publish it without the way back.",
                rule: "release: return")
        }
        return before
    }
}
