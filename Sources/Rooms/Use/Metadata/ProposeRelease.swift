import Passport
import Registry
import Store
import TUF
import Wire

/// A release of one layer is proposed: the next document of that layer's role, with one target more. The artifact was uploaded before.
/// Without a release it is proposed as it is, for longer; either way targets can be taken off.
///
/// 1. The artifact is looked for, and judged with what is attached to it; what opens it, if it is encrypted, is wrapped by the key store.
/// 2. In one transaction the document is composed and stored, unsigned.
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
        /// Of what was uploaded.
        package var sha256: Digest
        package var size: Int
        /// Missing: what was uploaded is installed as it is.
        package var encryption: PayloadSecret?
        /// A device that runs it may go back to the release of the layer that is listed before it; that stands in what is signed.
        package var mayReturn: Bool?
        /// SHA-256 of documents that were uploaded like artifacts.
        package var sbom: Digest?
        package var provenance: Digest?

        /// Of what is installed: that is what a target's length and hashes are of.
        var target: (sha256: Digest, size: Int) {
            encryption.map { ($0.sha256, $0.size) } ?? (sha256, size)
        }

        var terms: ReleaseTerms {
            get throws(Refusal) {
                try ReleaseTerms(
                    sequence: sequence, version: version, hardware: hardware, from: from ?? [],
                    bootloader: bootloader ?? [], network: network ?? [], sbom: sbom, provenance: provenance,
                    encrypted: encryption.map { EncryptedForm($0.kind, sha256: sha256, size: size) })
            }
        }

        package init(
            sequence: Int, version: String, hardware: [String], from: [String]? = nil, bootloader: [String]? = nil,
            network: [String]? = nil, sha256: Digest, size: Int, encryption: PayloadSecret? = nil,
            mayReturn: Bool? = nil, sbom: Digest? = nil, provenance: Digest? = nil
        ) {
            self.sequence = sequence
            self.version = version
            self.hardware = hardware
            self.from = from
            self.bootloader = bootloader
            self.network = network
            self.sha256 = sha256
            self.size = size
            self.encryption = encryption
            self.mayReturn = mayReturn
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
        let terms = try release?.terms
        var admission: ReleaseAdmission?
        var key: PayloadKeys.Proposed?
        if let release {
            let folder = house.settings.artifactFolder
            try StoredArtifact.demand(release.sha256, release.size, in: folder)
            admission = try await ReleaseAdmission(
                product, layer: layer, version: release.version, artifact: release.target.sha256, sbom: release.sbom,
                provenance: release.provenance, in: house)
            if let secret = try await release.encryption?.admit(folder + "/\(release.sha256)", of: release.size) {
                key = try await PayloadKeys.propose(secret, for: release.sha256, in: house)
            }
        }
        let (judged, proposed) = (admission, key)
        return try await house.change(as: principal) { change in
            try judged?.demandSame(in: change.rows)
            try proposed?.keep(in: change)
            for document in [release?.sha256, release?.sbom, release?.provenance] {
                if let document { try ArtifactRecords.demandHere(document, in: change.rows) }
            }
            return try compose(terms, in: change)
        }
    }

    /// The manifest of the release that is listed before this one, and stays so: a device proves it anew when it goes back.
    private func before(_ targets: [String: TargetFile], in rows: any Rows) throws -> Digest {
        let listed = targets.keys.compactMap { $0.split(separator: "/").last.flatMap { Int($0) } }
        guard let newest = listed.filter({ withdraws?.contains($0) != true }).max(),
            let release = try StoredRelease.find(newest, of: product, in: rows)
        else {
            throw Refusal(
                .conflict, "No release of \(product)/\(layer) is listed before it to go back to.",
                hint: "Propose it without the way back.", rule: "release: return")
        }
        return release.digest
    }

    private func compose(_ terms: ReleaseTerms?, in change: Change) throws -> Answer {
        let role = try UpdateRole.name(product, layer, in: change.rows)
        try UpdateSigner.demandEnough(UpdateSigner.all(of: role, in: change.rows).values, for: role)
        let present = try UpdateCompositions.targets(role, in: change.rows)
        var targets = present?.targets ?? [:]
        if let release, var terms {
            let newest = try UpdateReleases.newest(of: role, in: change.rows)
            guard terms.sequence > newest else {
                throw Refusal(
                    .conflict,
                    "Release \(terms.sequence) of \(product)/\(layer) is not above \(newest), the newest one.",
                    hint: "Use a higher sequence.", rule: "release: sequence grows")
            }
            if release.mayReturn == true { terms = terms.returning(to: try before(targets, in: change.rows)) }
            let path = ReleaseLayout.path(product, layer: layer, file: "\(terms.sequence)")
            targets[path] = TargetFile(
                path: path, length: release.target.size, hashes: FileHashes([.sha256: release.target.sha256]),
                custom: terms.custom)
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
