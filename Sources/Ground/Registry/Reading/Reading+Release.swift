import Passport
import Release
import Store
import TUF
import Wire

extension Reading {
    /// Releases before this one that are looked through for the last of the same layer.
    private static let elders = 32
    /// Changes that are told; more are counted.
    private static let changesLimit = 500

    /// One release: who signed it, what it is made of, and what became other since the one before.
    package func release(_ name: String, as principal: Principal) async throws -> ReleaseDetail {
        try Access.demand(.readFleet, of: principal)
        guard name.utf8.count == 64, let digest = Digest(hex: name) else {
            throw Refusal(
                .malformed, "\"\(name.prefix(80))\" is no SHA-256.", hint: "Use 64 hexadecimal digits.")
        }
        let (found, before, keys) = try await house.read { rows in
            let found = try Self.stored(digest, in: rows)
            let before = try Self.elder(of: found, in: rows)
            return (found, before, try ProductAdmission.rules(of: found.manifest.product, in: rows).builderKeys())
        }
        var detail = found.detail
        let materials = found.manifest.sbom.flatMap { bill($0) }
        detail.materials = materials.map {
            ReleaseDetail.Materials(
                sha256: found.manifest.sbom ?? Digest([]), format: "\($0.format.rawValue) \($0.specification)",
                subject: $0.subject.name, version: $0.subject.version, components: $0.components.count)
        }
        if let sha256 = found.manifest.provenance {
            let bytes = try? EvidenceFile.read(sha256, limit: Provenance.Bound.bytes, in: house)
            let provenance = bytes.flatMap { try? Provenance($0, builders: keys) }
            detail.provenance = .init(sha256: sha256, builder: provenance?.builder, buildType: provenance?.buildType)
        }
        if let materials, let before {
            let changes = materials.difference(from: before.manifest.sbom.flatMap { bill($0) }).changes
            detail.difference = .init(
                since: before.manifest.sequence, changes: Array(changes.prefix(Self.changesLimit)),
                count: changes.count)
        }
        return detail
    }

    /// Nil if it is no more in the store, or was changed there.
    private func bill(_ sha256: Digest) -> BillOfMaterials? {
        guard let bytes = try? EvidenceFile.read(sha256, limit: BillOfMaterials.Bound.bytes, in: house) else {
            return nil
        }
        return try? BillOfMaterials(bytes)
    }

    private struct Found: Sendable {
        var manifest: ReleaseManifest
        var detail: ReleaseDetail
    }

    private static let releaseColumns = "digest, product, sequence, version, manifest, sha256, size, at"

    private static func stored(_ digest: Digest, in rows: any Rows) throws -> Found {
        guard
            let row = try rows.first("SELECT \(releaseColumns) FROM release WHERE digest = $1", [Value(digest)])
        else {
            throw Refusal(
                .notFound, "There is no release \(digest).", hint: "Look them up: lifelong release list")
        }
        let manifest = try manifest(row)
        var detail = ReleaseDetail(
            release: try release(row), from: manifest.from ?? [], bootloader: manifest.bootloader ?? [],
            network: manifest.network ?? [], target: manifest.metadata?.target, signatures: [])
        if let target = manifest.metadata?.target {
            detail.isListed = try UpdateReleases.isListed(target, in: rows)
            detail.signatures = try signatures(of: manifest, target, in: rows)
        }
        return Found(manifest: manifest, detail: detail)
    }

    private static func manifest(_ row: Row) throws -> ReleaseManifest {
        let seal = try CanonicalJSON.decode(Seal.self, from: Array(row.text("manifest").utf8))
        return try CanonicalJSON.decode(ReleaseManifest.self, from: seal.payloadBytes())
    }

    /// Of the document that was the first to list it.
    private static func signatures(
        of manifest: ReleaseManifest, _ target: String, in rows: any Rows
    ) throws -> [ReleaseDetail.Signature] {
        let layer = target.split(separator: "/").dropFirst().first.map(String.init) ?? ""
        let role = ReleaseLayout.role(of: manifest.product, layer: layer)
        return try rows.query(
            """
            SELECT s.keyid AS keyid, s.at AS at, p.name AS name, k.in_token AS in_token FROM tuf_release r
            JOIN tuf_document d ON d.role = r.role AND d.version = r.version
            JOIN tuf_signature s ON s.content = d.content
            LEFT JOIN person p ON p.id = s.person
            LEFT JOIN tuf_signer k ON k.role = r.role AND k.keyid = s.keyid
            WHERE r.role = $1 AND r.sequence = $2 ORDER BY s.at, s.keyid
            """, [.text(role), Value(manifest.sequence)]
        ).map { row in
            ReleaseDetail.Signature(
                key: Digest(hex: try row.text("keyid")) ?? Digest([]), person: row.optionalText("name"),
                isInToken: row.optionalInt("in_token").map { $0 != 0 }, at: try row.time("at"))
        }
    }

    /// The release before it of the same layer.
    private static func elder(of found: Found, in rows: any Rows) throws -> Found? {
        func layer(_ manifest: ReleaseManifest) -> Substring? {
            manifest.metadata?.target.split(separator: "/").dropFirst().first
        }
        let elders = try rows.query(
            """
            SELECT digest, manifest FROM release WHERE product = $1 AND sequence < $2 ORDER BY sequence DESC LIMIT $3
            """, [Value(found.manifest.product), Value(found.manifest.sequence), Value(elders)])
        for row in elders {
            let manifest = try manifest(row)
            if layer(manifest) == layer(found.manifest) { return Found(manifest: manifest, detail: found.detail) }
        }
        return nil
    }
}
