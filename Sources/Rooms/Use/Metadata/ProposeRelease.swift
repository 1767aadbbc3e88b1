import Passport
import Registry
import Store
import TUF
import Wire

/// A release of one layer is proposed: the next document of that layer's role, with one target more. The artifact was uploaded before.
/// Without a release it is proposed as it is, for longer; either way targets can be taken off.
///
/// 1. The artifact is looked for, and judged with what is attached to it. 2. In one transaction the document is composed and stored, unsigned.
package struct ProposeRelease: Ceremony {
    package static let name = "use/propose-release"
    package static let permission = Permission.publish
    /// Releases that one layer lists at once.
    package static let limit = 64

    package struct Release: Codable, Sendable {
        package var sequence: Int
        package var version: String
        package var hardware: [String]
        /// Versions that it may follow; left out: any.
        package var from: [String]?
        package var bootloader: [String]?
        package var network: [String]?
        package var sha256: Digest
        package var size: Int
        /// SHA-256 of documents that were uploaded like artifacts.
        package var sbom: Digest?
        package var provenance: Digest?

        package init(
            sequence: Int, version: String, hardware: [String], from: [String]? = nil, bootloader: [String]? = nil,
            network: [String]? = nil, sha256: Digest, size: Int, sbom: Digest? = nil, provenance: Digest? = nil
        ) {
            self.sequence = sequence
            self.version = version
            self.hardware = hardware
            self.from = from
            self.bootloader = bootloader
            self.network = network
            self.sha256 = sha256
            self.size = size
            self.sbom = sbom
            self.provenance = provenance
        }
    }

    package var product: ProductID
    /// "os", "app", "network".
    package var layer: String
    package var release: Release?
    /// Sequences of releases that are listed no more.
    package var withdraws: [Int]?
    /// Life of the document.
    package var days: Int

    package init(product: ProductID, layer: String, release: Release?, withdraws: [Int]? = nil, days: Int = 180) {
        self.product = product
        self.layer = layer
        self.release = release
        self.withdraws = withdraws
        self.days = days
    }

    package typealias Answer = ProposedMetadata

    package func perform(in house: House, as principal: Principal) async throws -> Answer {
        try MetadataDays.demand(days, atMost: 730)
        let terms = try release.map { release in
            try ReleaseTerms(
                sequence: release.sequence, version: release.version, hardware: release.hardware,
                from: release.from ?? [], bootloader: release.bootloader ?? [], network: release.network ?? [],
                sbom: release.sbom, provenance: release.provenance)
        }
        var admission: ReleaseAdmission?
        if let release {
            try StoredArtifact.demand(release.sha256, release.size, in: house.settings.artifactFolder)
            admission = try await ReleaseAdmission(
                product, layer: layer, version: release.version, artifact: release.sha256, sbom: release.sbom,
                provenance: release.provenance, in: house)
        }
        let judged = admission
        return try await house.change(as: principal) { change in
            try judged?.demandSame(in: change.rows)
            for document in [release?.sha256, release?.sbom, release?.provenance] {
                if let document { try ArtifactRecords.demandHere(document, in: change.rows) }
            }
            return try compose(terms, in: change)
        }
    }

    private func compose(_ terms: ReleaseTerms?, in change: Change) throws -> Answer {
        let role = try UpdateRole.name(product, layer, in: change.rows)
        try UpdateSigner.demandEnough(UpdateSigner.all(of: role, in: change.rows).values, for: role)
        let present = try UpdateCompositions.targets(role, in: change.rows)
        var targets = present?.targets ?? [:]
        if let release, let terms {
            let newest = try UpdateReleases.newest(of: role, in: change.rows)
            guard terms.sequence > newest else {
                throw Refusal(
                    .conflict,
                    "Release \(terms.sequence) of \(product)/\(layer) is not above \(newest), the newest one.",
                    hint: "Use a higher sequence.", rule: "release: sequence grows")
            }
            let path = ReleaseLayout.path(product, layer: layer, file: "\(terms.sequence)")
            targets[path] = TargetFile(
                path: path, length: release.size, hashes: FileHashes([.sha256: release.sha256]), custom: terms.custom)
        }
        for sequence in withdraws ?? [] {
            let path = ReleaseLayout.path(product, layer: layer, file: "\(sequence)")
            guard sequence != release?.sequence, targets.removeValue(forKey: path) != nil else {
                throw Refusal(
                    .notFound, "Release \(sequence) of \(product)/\(layer) is not listed.",
                    hint: "Look at what is published: lifelong tuf status")
            }
        }
        guard targets.count <= Self.limit else {
            throw Refusal(
                .conflict, "\(layer) of \(product) would list \(targets.count) releases; \(Self.limit) are allowed.",
                hint: "Take old ones off: --withdraw SEQUENCE", rule: "release: bounded")
        }
        let next = TargetsRole(
            version: (present?.version ?? 0) + 1, expires: change.now.adding(days: Int64(days)),
            targets: Array(targets.values))
        return try ProposedMetadata(MetadataDraft(next, as: role), in: change)
    }
}
