import Mender
import Passport
import Registry
import Store
import Trust
import Wire

/// A release becomes available. The artifact was uploaded before.
///
/// 1. The release is judged, and its manifest is sealed with the release key; nobody has it yet. 2. In one transaction it is
/// judged again, and stored.
package struct PublishRelease: Ceremony {
    package static let name = "use/publish-release"
    package static let permission = Permission.publish

    package var product: ProductID
    package var sequence: Int
    package var version: String
    package var hardware: [String]
    package var sha256: Digest
    package var size: Int

    package init(product: ProductID, sequence: Int, version: String, hardware: [String], sha256: Digest, size: Int) {
        self.product = product
        self.sequence = sequence
        self.version = version
        self.hardware = hardware
        self.sha256 = sha256
        self.size = size
    }

    package struct Answer: Codable, Sendable, Equatable {
        /// SHA-256 of the manifest's payload: the release's name.
        package var release: Digest
    }

    package func perform(in house: House, as principal: Principal) async throws -> Answer {
        guard sequence > 0, (1...64).contains(version.utf8.count), (1...64).contains(hardware.count), size > 0,
            sha256.bytes.count == 32
        else {
            throw Refusal(
                .malformed, "A field of the release is out of range.",
                hint: "Use a sequence above 0, a version of 1 to 64 bytes and 1 to 64 hardware names.")
        }
        try StoredArtifact.demand(sha256, size, in: house.settings.artifactFolder)
        try await house.read { rows in try demandNext(in: rows) }
        let form = try await ArtifactForm.read(house.settings.artifactFolder + "/\(sha256)")
        let manifest = ReleaseManifest(
            product: product, sequence: sequence, version: version, hardware: hardware, sha256: sha256, size: size,
            created: try house.time())
        let payload = try CanonicalJSON.encode(manifest)
        let seal = try await house.seal(payload, type: Seal.PayloadType.manifest, by: .release)
        return try await house.change(as: principal) { change in
            try demandNext(in: change.rows)
            // What devices of somebody else's kind verify themselves is verified here, too, where its signers are known.
            let keys = try UpdateSigner.publicKeys(of: product, in: change.rows)
            if !keys.isEmpty { try form.menderManifest?.demand(signedByOneOf: keys) }
            try form.keep(for: sha256, in: change.rows)
            return try store(seal, LeafCertificate.sha256(payload), in: change)
        }
    }

    private func demandNext(in rows: any Rows) throws {
        guard try rows.first("SELECT id FROM product WHERE id = $1", [Value(product)]) != nil else {
            throw Refusal(.notFound, "There is no product \"\(product)\".", hint: "Publish the product first.")
        }
        let newest = try rows.first("SELECT MAX(sequence) AS n FROM release WHERE product = $1", [Value(product)])
        guard sequence > (newest?.optionalInt("n") ?? 0) else {
            throw Refusal(
                .conflict, "Release \(sequence) is not above the newest one.", hint: "Use a higher sequence.",
                rule: "release: sequence grows")
        }
    }

    private func store(_ seal: Seal, _ digest: Digest, in change: Change) throws -> Answer {
        try change.rows.execute(
            """
            INSERT INTO release (digest, product, sequence, version, manifest, sha256, size, at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """,
            [
                Value(digest), Value(product), Value(sequence), .text(version),
                .text(String(decoding: try CanonicalJSON.encode(seal), as: UTF8.self)), Value(sha256), Value(size),
                Value(change.now),
            ])
        try change.record(.releasePublished(product: product, sequence: sequence, manifest: digest))
        return Answer(release: digest)
    }
}
