import Mender
import Passport
import Release
import Store
import TUF
import Trust
import Wire

/// A release as the house keeps it, however it was published: its manifest, sealed by the house's release key, under the SHA-256 of
/// the manifest's payload, by which offers, receipts and rollouts call it.
package struct StoredRelease: Sendable {
    /// SHA-256 of the manifest's payload: the release's name.
    package let digest: Digest
    package let manifest: ReleaseManifest
    private let seal: Seal

    private init(_ manifest: ReleaseManifest, _ seal: Seal, _ digest: Digest) {
        self.manifest = manifest
        self.seal = seal
        self.digest = digest
    }

    // MARK: - Publishing

    /// Sealed by the house; outside of transactions, because a key may take its time.
    package static func seal(_ manifest: ReleaseManifest, in house: House) async throws -> StoredRelease {
        let payload = try CanonicalJSON.encode(manifest)
        let seal = try await house.seal(payload, type: Seal.PayloadType.manifest, by: .release)
        return StoredRelease(manifest, seal, LeafCertificate.sha256(payload))
    }

    /// Sequences grow over all layers of a product, because a device has one that runs.
    package static func newest(of product: ProductID, in rows: any Rows) throws -> Int {
        let row = try rows.first("SELECT MAX(sequence) AS n FROM release WHERE product = $1", [Value(product)])
        return Int(row?.optionalInt("n") ?? 0)
    }

    package static func demandNext(_ sequence: Int, of product: ProductID, in rows: any Rows) throws {
        let newest = try newest(of: product, in: rows)
        guard sequence > newest else {
            throw Refusal(
                .conflict, "Release \(sequence) of \(product) is not above \(newest), the newest one.",
                hint: "Use a higher sequence.", rule: "release: sequence grows")
        }
    }

    /// In the transaction that publishes it.
    package func store(_ form: ArtifactForm, in change: Change) throws {
        try Self.demandNext(manifest.sequence, of: manifest.product, in: change.rows)
        // What devices of somebody else's kind verify themselves is verified here, too, where its keys are known.
        let named = try ProductAdmission.rules(of: manifest.product, in: change.rows).manifestKeys()
        let keys = try named.isEmpty ? UpdateSigner.publicKeys(of: manifest.product, in: change.rows) : named
        if !keys.isEmpty { try form.menderManifest?.demand(signedByOneOf: keys) }
        let stored = manifest.encrypted.map { ($0.sha256, $0.size) } ?? (manifest.sha256, manifest.size)
        for document in [stored.0, manifest.sbom, manifest.provenance] {
            if let document { try ArtifactRecords.demandHere(document, in: change.rows) }
        }
        try form.keep(for: stored.0, in: change.rows)
        try change.rows.execute(
            """
            INSERT INTO release (digest, product, sequence, version, manifest, sha256, size, at, encryption)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            """,
            [
                Value(digest), Value(manifest.product), Value(manifest.sequence), .text(manifest.version),
                .text(String(decoding: try CanonicalJSON.encode(seal), as: UTF8.self)), Value(stored.0),
                Value(stored.1), Value(change.now), Value(manifest.encrypted?.kind),
            ])
        try change.record(
            .releasePublished(product: manifest.product, sequence: manifest.sequence, manifest: digest))
    }

    // MARK: - Offering

    /// A release that may be offered: it is there, and was not taken off.
    package static func require(_ sequence: Int, of product: ProductID, in rows: any Rows) throws -> StoredRelease {
        guard let release = try find(sequence, of: product, in: rows) else {
            throw Refusal(.notFound, "There is no release \(sequence) of \"\(product)\".", hint: "Publish it first.")
        }
        guard try release.isOffered(in: rows) else {
            throw Refusal(
                .gone, "Release \(sequence) of \"\(product)\" was taken off update metadata.",
                hint: "Offer another one: devices would refuse it.", rule: "release: withdrawn")
        }
        try ArtifactRecords.demandHere(release.manifest.encrypted?.sha256 ?? release.manifest.sha256, in: rows)
        return release
    }

    /// Whether update metadata names it still, where it ever did.
    package func isOffered(in rows: any Rows) throws -> Bool {
        try manifest.metadata.map { try UpdateReleases.isListed($0.target, in: rows) } ?? true
    }

    /// Also one that was taken off.
    package static func find(_ sequence: Int, of product: ProductID, in rows: any Rows) throws -> StoredRelease? {
        try rows.first(
            "SELECT digest, manifest FROM release WHERE product = $1 AND sequence = $2",
            [Value(product), Value(sequence)]
        ).map { row in
            let seal = try CanonicalJSON.decode(Seal.self, from: Array(row.text("manifest").utf8))
            let manifest = try CanonicalJSON.decode(ReleaseManifest.self, from: seal.payloadBytes())
            guard let digest = Digest(hex: try row.text("digest")) else { throw Row.damaged("digest") }
            return StoredRelease(manifest, seal, digest)
        }
    }

    /// Why the release is not for this device, by all that is known of it; nil if it is.
    ///
    /// - Parameter isReturn: the device is to go back to it.
    package func misfit(_ device: Device, isReturn: Bool = false, in rows: any Rows) throws -> Refusal? {
        let asksMore = [isReturn ? nil : manifest.from, manifest.bootloader, manifest.network].contains {
            $0?.isEmpty == false
        }
        guard asksMore else { return ReleaseFit(hardware: device.hardware).misfit(manifest, isReturn: isReturn) }
        let facts = try DeviceFacts(device, in: rows)
        return ReleaseFit(
            hardware: device.hardware, version: facts.version, bootloader: facts.posture[ReleaseFit.bootloaderKey],
            network: facts.posture[ReleaseFit.networkKey]
        ).misfit(manifest, isReturn: isReturn)
    }
}

/// What a device, or its stock client, last said of itself.
private struct DeviceFacts {
    let version: String?
    let posture: [String: String]

    init(_ device: Device, in rows: any Rows) throws {
        let contact = try rows.first("SELECT version, posture FROM contact WHERE device = $1", [Value(device.id)])
        let client = try rows.first("SELECT attributes FROM stock_client WHERE device = $1", [Value(device.id)])
        let installed = try device.passport.installed.flatMap {
            try rows.first("SELECT version FROM release WHERE digest = $1", [Value($0.release)])
        }
        let said = contact?.optionalText("version").flatMap { $0.isEmpty ? nil : $0 }
        version = said ?? installed?.optionalText("version")
        posture = Self.texts(contact?.optionalText("posture")).merging(
            Self.texts(client?.optionalText("attributes")), uniquingKeysWith: { posture, _ in posture })
    }

    private static func texts(_ json: String?) -> [String: String] {
        json.flatMap { try? CanonicalJSON.decode([String: String].self, from: Array($0.utf8)) } ?? [:]
    }
}
