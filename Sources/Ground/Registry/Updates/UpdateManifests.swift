import Passport
import TUF
import Trust
import Wire

/// The releases that a publication of update metadata brings, in the form in which devices, stock clients and rollouts are offered
/// them: each a sealed manifest that names its target (docs/decisions/0039-one-release-two-proofs.md).
struct UpdateManifests: Sendable {
    private struct Item {
        var release: StoredRelease
        var form: ArtifactForm
        var admission: ReleaseAdmission
    }
    private let releases: [Item]

    /// Seals one for each target that is listed for the first time, and is admitted; outside of transactions.
    /// - Parameter forms: artifacts that were read already, by their SHA-256; those that are read now come to it.
    static func make(
        _ approved: [MetadataDraft], after state: PublishedUpdates, at now: Timestamp, in house: House,
        reading forms: inout [Digest: ArtifactForm]
    ) async throws -> UpdateManifests {
        guard let root = approved.first(where: { $0.role == RootRole.type })?.document ?? state.roots.last else {
            return UpdateManifests(releases: [])
        }
        let version = try UpdateEdition.root(approved, state)?.version ?? 0
        let anchor = UpdateAnchor(version: version, sha256: LeafCertificate.sha256(root))
        var releases: [Item] = []
        for draft in approved {
            guard let place = ReleaseLayout.place(of: draft.role), let layer = place.layer else { continue }
            let present = try state.targets(draft.role)?.targets ?? [:]
            let next = try MetadataRefusal.explained { () throws(MetadataRefusal) in try draft.targets() }.targets
            for target in next.values where present[target.path] == nil {
                let manifest = try manifest(target, of: place.product, draft.role, anchor, at: now)
                let stored = manifest.encrypted?.sha256 ?? manifest.sha256
                let form: ArtifactForm
                if let known = forms[stored] {
                    form = known
                } else {
                    form = try await ArtifactForm.read(house.settings.artifactFolder + "/\(stored)")
                    forms[stored] = form
                }
                let admission = try await ReleaseAdmission(
                    place.product, layer: layer, version: manifest.version, artifact: manifest.sha256,
                    sbom: manifest.sbom, provenance: manifest.provenance, in: house)
                let release = try await StoredRelease.seal(manifest, in: house)
                releases.append(Item(release: release, form: form, admission: admission))
            }
        }
        return UpdateManifests(
            releases: releases.sorted { $0.release.manifest.sequence < $1.release.manifest.sequence })
    }

    private static func manifest(
        _ target: TargetFile, of product: ProductID, _ role: String, _ root: UpdateAnchor, at now: Timestamp
    ) throws(Refusal) -> ReleaseManifest {
        let terms = try MetadataRefusal.explained { () throws(MetadataRefusal) in
            try ReleaseTerms(target, of: role)
        }
        guard let sha256 = target.hashes.values[FileHashes.Algorithm.sha256.rawValue].flatMap({ Digest(hex: $0) })
        else {
            throw Refusal(
                .malformed, "The target \(target.path) has no SHA-256.", hint: "Propose it with: lifelong tuf propose")
        }
        func filled(_ list: [String]) -> [String]? { list.isEmpty ? nil : list }
        return ReleaseManifest(
            product: product, sequence: terms.sequence, version: terms.version, hardware: terms.hardware,
            sha256: sha256, size: target.length, created: now, encrypted: terms.encrypted, from: filled(terms.from),
            bootloader: filled(terms.bootloader), network: filled(terms.network), sbom: terms.sbom,
            provenance: terms.provenance, metadata: .init(target: target.path, root: root),
            mayReturnTo: terms.mayReturnTo)
    }

    /// In the transaction that publishes them.
    func store(in change: Change) throws {
        for item in releases {
            try item.admission.demandSame(in: change.rows)
            if let stored = item.release.manifest.encrypted?.sha256 {
                try PayloadKeys.demandProposed(stored, in: change.rows)
            }
            try item.release.store(item.form, in: change)
        }
    }
}
