import Passport
import Release
import Store
import TUF
import Wire

/// A page of releases.
package struct ReleasePage: Sendable {
    package var releases: [ReleaseView]
    /// Given back as `after`; nil at the end.
    package var next: String?
}

extension Reading {
    /// Newest first within a product.
    package func releases(product: ProductID? = nil, as principal: Principal) async throws -> [ReleaseView] {
        try await releases(product: product, after: nil, limit: Self.listLimit, as: principal).releases
    }

    /// - Parameter after: the last release of the page before, as "PRODUCT/SEQUENCE".
    package func releases(
        product: ProductID?, after: String?, limit: Int, as principal: Principal
    ) async throws -> ReleasePage {
        try Self.demand(.readFleet, .readOwnDevices, of: principal)
        var conditions = Conditions()
        if let product { conditions.add("r.product = ?", Value(product)) }
        if let after {
            let place = try Self.place(after)
            let (name, sequence) = (
                conditions.argument(Value(place.product)), conditions.argument(.int(place.sequence))
            )
            conditions.add("(r.product > \(name) OR (r.product = \(name) AND r.sequence < \(sequence)))")
        }
        let most = conditions.argument(Value(limit + 1))
        let (asked, isStaff) = (conditions, Access.allows(.readFleet, principal))
        return try await house.read { rows in
            var shelf = ReleaseShelf(rows, isStaff: isStaff)
            let found = try rows.query(
                "\(ReleaseShelf.select) \(asked.sql) ORDER BY r.product, r.sequence DESC LIMIT \(most)", asked.arguments
            )
            let releases = try found.prefix(limit).map { try shelf.view($0) }
            let last = found.count > limit ? releases.last : nil
            return ReleasePage(releases: releases, next: last.map { "\($0.product)/\($0.sequence)" })
        }
    }

    private static func place(_ text: String) throws(Refusal) -> (product: ProductID, sequence: Int64) {
        let parts = text.utf8.count <= 256 ? text.split(separator: "/").map(String.init) : []
        guard parts.count == 2, let product = try? ProductID(parts[0]), let sequence = Int64(parts[1]) else {
            throw Refusal(
                .malformed, "\"\(text.prefix(80))\" is no place in the list.", hint: "Begin with the list's first page."
            )
        }
        return (product, sequence)
    }
}

/// Makes views of releases from their rows; each document of update metadata is read once.
struct ReleaseShelf {
    static let select = """
        SELECT r.digest, r.product, r.sequence, r.version, r.manifest, r.sha256, r.size, r.at, r.encryption, r.withdrawn_at, f.suffix,
            p.name AS publisher, t.n AS running FROM release r LEFT JOIN artifact_form f ON f.sha256 = r.sha256
            LEFT JOIN person p ON p.id = r.published_by LEFT JOIN tally t ON t.name = 'runs ' || r.digest
        """

    private let rows: any Rows
    private let isStaff: Bool
    private var listed: [String: Set<String>] = [:]

    init(_ rows: any Rows, isStaff: Bool) {
        self.rows = rows
        self.isStaff = isStaff
    }

    mutating func view(_ row: Row) throws -> ReleaseView {
        let manifest = try Self.manifest(row)
        var view = ReleaseView(
            release: try Self.digest(row, "digest"), product: manifest.product, sequence: manifest.sequence,
            version: try row.text("version"), hardware: manifest.hardware, sha256: try Self.digest(row, "sha256"),
            size: try row.int("size"), publishedAt: try row.time("at"), layer: Self.layer(of: manifest),
            format: row.optionalText("suffix") ?? ".bin", encryption: row.optionalText("encryption"),
            isOffered: row.optionalInt("withdrawn_at") == nil,
            sbom: manifest.sbom, provenance: manifest.provenance)
        if let target = manifest.metadata?.target { view.isOffered = try isListed(target) }
        guard isStaff else { return view }
        view.publishedBy = row.optionalText("publisher")
        view.running = Int(row.optionalInt("running") ?? 0)
        var signers: [String] = []
        for name in try Self.signatures(of: manifest, in: rows).compactMap(\.person) where !signers.contains(name) {
            signers.append(name)
        }
        view.signers = signers
        return view
    }

    private mutating func isListed(_ target: String) throws -> Bool {
        guard let role = UpdateReleases.role(of: target) else { return false }
        if let targets = listed[role] { return targets.contains(target) }
        let targets = Set(try PublishedUpdates.targets(role, in: rows)?.targets.keys.map { $0 } ?? [])
        listed[role] = targets
        return targets.contains(target)
    }

    static func manifest(_ row: Row) throws -> ReleaseManifest {
        try CanonicalJSON.decode(ReleaseManifest.self, from: seal(row).payloadBytes())
    }

    static func seal(_ row: Row) throws -> Seal {
        try CanonicalJSON.decode(Seal.self, from: Array(row.text("manifest").utf8))
    }

    static func layer(of manifest: ReleaseManifest) -> String? {
        manifest.metadata?.target.split(separator: "/").dropFirst().first.map(String.init)
    }

    static func digest(_ row: Row, _ column: String) throws -> Digest {
        guard let digest = Digest(hex: try row.text(column)) else { throw Row.damaged(column) }
        return digest
    }

    /// Of the document that was the first to list it, in their order.
    static func signatures(of manifest: ReleaseManifest, in rows: any Rows) throws -> [ReleaseDetail.Signature] {
        guard let role = manifest.metadata.flatMap({ UpdateReleases.role(of: $0.target) }) else { return [] }
        return try rows.query(
            """
            SELECT s.keyid AS keyid, s.at AS at, p.name AS name, k.in_token AS in_token FROM tuf_release r
            JOIN tuf_document d ON d.role = r.role AND d.version = r.version
            JOIN tuf_signature s ON s.content = d.content
            LEFT JOIN person p ON p.id = s.person
            LEFT JOIN tuf_signer k ON k.role = r.role AND k.keyid = s.keyid
            WHERE r.role = $1 AND r.sequence = $2
            """, [.text(role), Value(manifest.sequence)]
        ).map { row in
            ReleaseDetail.Signature(
                key: Digest(hex: try row.text("keyid")) ?? Digest([]), person: row.optionalText("name"),
                isInToken: row.optionalInt("in_token").map { $0 != 0 }, at: try row.time("at"))
        }.sorted { ($0.at, $0.key.description) < ($1.at, $1.key.description) }
    }
}
