import Passport
import Release
import Store
import Wire

extension Reading {
    /// Releases before this one that are looked through for the last of the same layer.
    private static let elders = 32
    /// Changes that are told; more are counted.
    private static let changesLimit = 500
    private static let rolloutsLimit = 20

    /// One release: who signed it, what it is made of, what became other since the one before, and where it went.
    package func release(_ name: String, as principal: Principal) async throws -> ReleaseDetail {
        let digest = try Self.releaseName(name, principal)
        let (found, before, rules) = try await house.read { rows in
            let found = try Self.stored(digest, in: rows)
            let before = try Self.elder(of: found.manifest, in: rows)
            return (found, before, try ProductAdmission.rules(of: found.manifest.product, in: rows))
        }
        var detail = found.detail
        let evidence = ReleaseEvidence(found.manifest, rules, in: house)
        detail.checks = evidence.checks
        detail.artifacts = evidence.artifacts(of: detail.release)
        detail.materials = evidence.bill.map {
            ReleaseDetail.Materials(
                sha256: found.manifest.sbom ?? Digest([]), format: "\($0.format.rawValue) \($0.specification)",
                subject: $0.subject.name, version: $0.subject.version, components: $0.components.count)
        }
        detail.provenance = found.manifest.provenance.map {
            .init(sha256: $0, builder: evidence.provenance?.builder, buildType: evidence.provenance?.buildType)
        }
        detail.difference = before.map { difference(of: found.manifest, evidence.bill, since: $0) }
        return detail
    }

    /// The components of its bill of materials whose names have the text in them.
    /// - Parameter limit: so many are told; all that there are if it is nil (`BillOfMaterials.Bound.components`).
    package func components(
        of name: String, matching text: String?, limit: Int? = nil, as principal: Principal
    ) async throws -> ReleaseComponents {
        let digest = try Self.releaseName(name, principal)
        let manifest = try await house.read { try Self.stored(digest, in: $0).manifest }
        guard let sbom = manifest.sbom else { return ReleaseComponents(components: [], count: 0) }
        let all = try BillOfMaterials(EvidenceFile.read(sbom, limit: BillOfMaterials.Bound.bytes, in: house)).components
        let wanted = text?.lowercased()
        let found = all.filter { component in wanted.map { component.name.lowercased().contains($0) } ?? true }
        return ReleaseComponents(
            components: found.prefix(limit ?? found.count).map {
                .init(name: $0.name, version: $0.version, sha256: $0.sha256)
            }, count: found.count)
    }

    private static func releaseName(_ name: String, _ principal: Principal) throws(Refusal) -> Digest {
        try Access.demand(.readFleet, of: principal)
        guard name.utf8.count == 64, let digest = Digest(hex: name) else {
            throw Refusal(
                .malformed, "\"\(name.prefix(80))\" is no SHA-256.", hint: "Use 64 hexadecimal digits.")
        }
        return digest
    }

    private struct Found: Sendable {
        var manifest: ReleaseManifest
        var detail: ReleaseDetail
    }

    private static func stored(_ digest: Digest, in rows: any Rows) throws -> Found {
        guard let row = try rows.first("\(ReleaseShelf.select) WHERE r.digest = $1", [Value(digest)]) else {
            throw Refusal(
                .notFound, "There is no release \(digest).", hint: "Look them up: lifelong release list")
        }
        let manifest = try ReleaseShelf.manifest(row)
        var shelf = ReleaseShelf(rows, isStaff: true)
        let before = try manifest.mayReturnTo.flatMap {
            try rows.first("SELECT sequence FROM release WHERE digest = $1", [Value($0)])?.int("sequence")
        }
        return Found(
            manifest: manifest,
            detail: ReleaseDetail(
                release: try shelf.view(row), from: manifest.from ?? [], bootloader: manifest.bootloader ?? [],
                network: manifest.network ?? [], target: manifest.metadata?.target,
                sealedBy: try ReleaseShelf.seal(row).signatures.first?.keyid,
                signatures: try ReleaseShelf.signatures(of: manifest, in: rows), mayReturnTo: before, checks: [],
                artifacts: [],
                rollouts: try StoredRollout.all(of: digest, in: rows).prefix(rolloutsLimit).map { RolloutView($0) }))
    }

    /// The release before it of the same layer.
    private static func elder(of manifest: ReleaseManifest, in rows: any Rows) throws -> ReleaseManifest? {
        let layer = ReleaseShelf.layer(of: manifest)
        let elders = try rows.query(
            "SELECT manifest FROM release WHERE product = $1 AND sequence < $2 ORDER BY sequence DESC LIMIT $3",
            [Value(manifest.product), Value(manifest.sequence), Value(elders)])
        for row in elders {
            let elder = try ReleaseShelf.manifest(row)
            if ReleaseShelf.layer(of: elder) == layer { return elder }
        }
        return nil
    }

    private func difference(
        of manifest: ReleaseManifest, _ bill: BillOfMaterials?, since before: ReleaseManifest
    ) -> ReleaseDetail.Difference {
        let terms: [(String, [String]?, [String]?)] = [
            ("hardware", before.hardware, manifest.hardware), ("from", before.from, manifest.from),
            ("bootloader", before.bootloader, manifest.bootloader), ("network", before.network, manifest.network),
        ]
        let elder = before.sbom.flatMap { ReleaseEvidence.bill($0, in: house) }
        let changes = elder.flatMap { elder in bill.map { $0.difference(from: elder).changes } }
        return ReleaseDetail.Difference(
            since: before.sequence,
            terms: terms.compactMap { term, old, new -> ReleaseDetail.TermChange? in
                let (before, after) = (old ?? [], new ?? [])
                return Set(before) == Set(after) ? nil : .init(term: term, before: before, after: after)
            }, changes: Array((changes ?? []).prefix(Self.changesLimit)), count: changes?.count ?? 0,
            isByMaterials: changes != nil)
    }
}
