import Logging
import Release
import TUF
import Wire

/// Releases are proven by update metadata (docs/updates.md), once the device knows a root of it.
extension Agent {
    /// Whether update metadata names the release, with its length, its hash and its terms, for this device's product and layer. By
    /// then nothing but metadata was fetched and written.
    ///
    /// Steps: 1. a manifest that names a root gives a device without one its root, durably and for ever. 2. metadata is fetched,
    /// proven and kept. 3. the target is compared with the manifest.
    func prove(_ release: VerifiedRelease, over client: DeviceClient) async throws -> Updates.Verdict {
        let manifest = release.manifest
        // 1.
        if let root = manifest.metadata?.root, service.updates == nil {
            var next = service
            next.updates = root
            try disk.write(next, as: home.service)
            service = next
            try note("keys", "Releases are proven by update metadata, from root \(root.version) on.")
        }
        guard let anchor = service.updates else { return .proven }
        guard let target = manifest.metadata?.target else {
            return .refused(
                Refusal(
                    .forbidden, "The release is not in update metadata, which this device demands.",
                    hint: "Publish it with: lifelong tuf", rule: "release: update metadata"))
        }
        let path = ReleaseLayout.path(unit.product, layer: settings.layer, file: "\(manifest.sequence)")
        guard target == path else {
            return .refused(
                Refusal(
                    .forbidden,
                    "The release is \(target.prefix(160)), and this device takes \(path) under that number.",
                    hint: "Offer a release of the layer \"\(settings.layer)\".", rule: "release: layer"))
        }
        do {
            // 2.
            guard let found = try await search(path, from: anchor, over: client) else {
                return .unproven(
                    Refusal(
                        .notFound, "Update metadata does not list \(path).",
                        hint: "It was taken off, or is not there yet: offer another release, or wait.",
                        rule: "TUF 1.0.34 §5.7.2"))
            }
            // 3.
            return try TargetMatch.verdict(manifest, found)
        } catch let refusal as MetadataRefusal {
            return .unproven(refusal.refusal)
        } catch let failure as ContactFailure {
            if case .local = failure { throw failure }
            return .unproven(failure.refusal)
        }
    }

    private func search(
        _ path: String, from anchor: UpdateAnchor, over client: DeviceClient
    ) async throws -> FoundTarget? {
        let (repository, present) = try await refresh(from: anchor, over: client)
        return try await repository.find(path, in: present)
    }

    private func refresh(
        from anchor: UpdateAnchor, over client: DeviceClient
    ) async throws -> (RepositoryClient, TrustedRepository) {
        metadataTried = now
        let folder = MetadataFolder(on: disk, at: home.metadata)
        // The service says what time it is; it cannot make a device believe again what had run out here before.
        let instant = max(now, folder.believed() ?? now)
        let repository = RepositoryClient(folder: folder, fetch: client.repository(), now: instant)
        try await repository.begin(with: anchor)
        let present = try await repository.refresh()
        try folder.believe(at: instant)
        return (repository, present)
    }

    /// Metadata is believed anew once a day, whether something is offered or not: a device that looked with its offers only would know a
    /// time and a root of a year ago, and whoever stole the keys of that time could use them again. What goes wrong is told as it is
    /// with an offer, and tried again in an hour.
    func keepMetadata(over client: DeviceClient) async throws {
        guard let anchor = service.updates else { return }
        let believed = MetadataFolder(on: disk, at: home.metadata).believed()
        if let believed, now.seconds(since: believed) < Self.metadataSeconds { return }
        if let metadataTried, now.seconds(since: metadataTried) < Self.metadataRetrySeconds { return }
        do {
            _ = try await refresh(from: anchor, over: client)
            try tell(unproven: nil)
        } catch let refusal as MetadataRefusal {
            try tell(unproven: refusal.refusal)
        } catch let failure as ContactFailure {
            if case .local = failure { throw failure }
            try tell(unproven: failure.refusal)
        }
    }

    private static let metadataSeconds: Int64 = 86_400
    private static let metadataRetrySeconds: Int64 = 3600

    /// In the log once, and not at every contact; in the posture as long as it holds.
    func tell(unproven refusal: Refusal?) throws {
        if let refusal, unproven?.rule != refusal.rule {
            try note("refused", "Update metadata was refused: \(refusal.detail)")
        }
        unproven = refusal
    }
}

/// Whether update metadata and a sealed manifest say the same of one release.
enum TargetMatch {
    static func verdict(_ manifest: ReleaseManifest, _ found: FoundTarget) throws(MetadataRefusal) -> Updates.Verdict {
        let terms = try ReleaseTerms(found.file, of: found.role)
        let isSame =
            terms.sequence == manifest.sequence && terms.version == manifest.version
            && terms.hardware == manifest.hardware && terms.from == manifest.from ?? []
            && terms.bootloader == manifest.bootloader ?? [] && terms.network == manifest.network ?? []
            && terms.sbom == manifest.sbom && terms.provenance == manifest.provenance
            && terms.encrypted == manifest.encrypted && terms.mayReturnTo == manifest.mayReturnTo
            && found.file.length == manifest.size
            && found.file.hashes.values[FileHashes.Algorithm.sha256.rawValue] == manifest.sha256.description
        guard isSame else {
            return .refused(
                Refusal(
                    .forbidden,
                    "Update metadata says something else of release \(manifest.sequence) than its manifest.",
                    hint: "Publish the release anew; if this came over a mirror, do not use the mirror.",
                    rule: "release: one release"))
        }
        return .proven
    }
}
