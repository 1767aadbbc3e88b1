import Passport
import Rollout
import Store
import TUF
import Wire

/// Which artifacts somebody may still want, and why: looked at in two steps, because a fleet is large. The devices page by page,
/// beside everything else; the house's own tables in one state of the database. What happened since is read from the ledger
/// (`isStale`), at last in the transaction that acts on it.
package struct ArtifactNeeds: Sendable {
    package struct Terms: Sendable {
        /// Days for which everything that was published or uploaded stays.
        package var days: Int64
        /// Releases of each layer, the newest, that stay.
        package var releases: Int
        package init(days: Int64, releases: Int) { (self.days, self.releases) = (days, releases) }
    }

    /// An upload is published a while after it came.
    private static let uploadSeconds: Int64 = 3600

    /// Sentences of an artifact that stays; most of one are told.
    package private(set) var reasons: [Digest: [String]] = [:]
    /// The releases whose artifact it is: "thermostat-2 7".
    package private(set) var releases: [Digest: [String]] = [:]
    package let records: [Digest: ArtifactRecords.Record]
    /// When the house's tables were read.
    package let at: Timestamp
    private let terms: Terms
    /// Releases whose artifacts stay.
    private var neededReleases: Set<Digest> = []
    private var known: [KnownRelease] = []
    /// Ledger entries before these were seen: those of devices, and the house's own.
    private var devicesSeen: Int64
    private let houseSeen: Int64

    private static let mostReasons = 3

    package static func read(_ terms: Terms, in house: House) async throws -> ArtifactNeeds {
        let start = try await house.read { try Self.ledgerSize($0) }
        let field = try await FieldReleases.read(in: house)
        return try await house.read { rows in
            try ArtifactNeeds(terms, field, devicesSeen: start, at: house.instant(in: rows), in: rows)
        }
    }

    private static func ledgerSize(_ rows: any Rows) throws -> Int64 {
        Int64(try rows.first("SELECT size FROM ledger_size WHERE one = 1")?.int("size") ?? 0)
    }

    private init(
        _ terms: Terms, _ field: FieldReleases, devicesSeen: Int64, at now: Timestamp, in rows: any Rows
    ) throws {
        self.terms = terms
        self.devicesSeen = devicesSeen
        at = now
        houseSeen = try Self.ledgerSize(rows)
        records = try ArtifactRecords.all(in: rows)
        known = try KnownRelease.all(in: rows)
        keepYoung()
        keepNewest()
        keepUsed(field)
        try keepOpenRollouts(rows)
        try keepHolds(rows)
        // Of what stays so far.
        keepWaysBack()
        try keepMetadata(rows)
        try keepDrafts(rows)
        keepEvidence()
        for release in known { releases[release.stored, default: []].append(release.name) }
    }

    /// Artifacts that were uploaded later than this stay.
    package func limit(at now: Timestamp) -> Timestamp {
        now.adding(seconds: -max(terms.days * 86_400, Self.uploadSeconds))
    }

    /// Whether something that happened since it was looked changed what is needed. Reads on where it stopped before.
    package mutating func isStale(in rows: any Rows) throws -> Bool {
        while true {
            let page = try rows.query(
                "SELECT idx, entry, kind FROM ledger WHERE idx >= $1 ORDER BY idx LIMIT 1000", [.int(devicesSeen)])
            guard let last = page.last else { return false }
            for row in page where try isNews(row) { return true }
            devicesSeen = Int64(try last.int("idx")) + 1
        }
    }

    private func isNews(_ row: Row) throws -> Bool {
        guard Self.watched.contains(try row.text("kind")) else { return false }
        let entry = try CanonicalJSON.decode(Entry.self, from: row.bytes("entry"), limit: Entry.maximumBytes)
        switch entry.event {
        case .updateOffered(let release, _), .returnOffered(let release, _, _), .updated(let release, _, _),
            .updateObserved(let release, _, .installed):
            return !neededReleases.contains(release)
        case .updateObserved: return false
        default: return Int64(try row.int("idx")) >= houseSeen
        }
    }

    private static let watched: Set<String> = [
        "updateOffered", "returnOffered", "updated", "updateObserved", "releasePublished", "rolloutPlanned",
        "updatesHeld",
        "updateMetadataProposed", "updateMetadataPublished",
    ]

    // MARK: - What stays

    private mutating func keep(_ artifact: Digest, _ reason: String) {
        let told = reasons[artifact, default: []]
        guard told.count < Self.mostReasons, !told.contains(reason) else { return }
        reasons[artifact] = told + [reason]
    }

    private mutating func keep(_ release: KnownRelease, _ reason: String) {
        neededReleases.insert(release.digest)
        keep(release.stored, reason)
    }

    private mutating func keepYoung() {
        let limit = limit(at: at)
        let ago = terms.days > 0 ? "less than \(terms.days) days ago" : "just now"
        for release in known where release.at > limit { keep(release, "published \(ago)") }
        for (artifact, record) in records where record.uploadedAt > limit && record.state != .removing {
            keep(artifact, "uploaded \(ago)")
        }
    }

    private mutating func keepNewest() {
        var counts: [String: Int] = [:]
        for release in known.sorted(by: { $0.sequence > $1.sequence }) {
            counts[release.line, default: 0] += 1
            guard let count = counts[release.line], count <= terms.releases else { continue }
            keep(
                release,
                count == 1 ? "the newest of \(release.line)" : "number \(count) from the newest of \(release.line)")
        }
    }

    private mutating func keepUsed(_ field: FieldReleases) {
        func devices(_ count: Int) -> String { count == 1 ? "1 device" : "\(count) devices" }
        for release in known {
            if let count = field.runs[release.digest] { keep(release, "runs on \(devices(count))") }
            if let count = field.offered[release.digest] { keep(release, "offered to \(devices(count))") }
            if let count = field.said[release.name] { keep(release, "runs on \(devices(count)), as they say") }
        }
    }

    /// Stopped and closed is for ever; whoever joins a complete one late gets the release at once.
    private mutating func keepOpenRollouts(_ rows: any Rows) throws {
        let open = try rows.query(
            "SELECT release FROM rollout WHERE status <> $1 AND status <> $2",
            [.text(RolloutState.Status.stopped.rawValue), .text(RolloutState.Status.closed.rawValue)]
        ).map { try $0.text("release") }
        let names = Set(open)
        for release in known where names.contains(release.digest.description) { keep(release, "in an open rollout") }
    }

    /// What a held device may still be offered: the highest release that its hold allows.
    private mutating func keepHolds(_ rows: any Rows) throws {
        let holds = try rows.query(
            """
            SELECT d.product AS product, h.highest AS highest, COUNT(*) AS n FROM update_hold h
            JOIN device d ON d.id = h.device WHERE d.stage <> 'retired' GROUP BY d.product, h.highest
            """)
        for hold in holds {
            let (product, highest) = (try hold.text("product"), try hold.int("highest"))
            let lines = Dictionary(
                grouping: known.filter { $0.product.text == product && $0.sequence <= highest }, by: \.line)
            for line in lines.values {
                guard let release = line.max(by: { $0.sequence < $1.sequence }) else { continue }
                keep(release, "held devices may have it")
            }
        }
    }

    /// The way back of every release that stays.
    private mutating func keepWaysBack() {
        let byName = Dictionary(known.map { ($0.digest, $0) }, uniquingKeysWith: { first, _ in first })
        for release in known where neededReleases.contains(release.digest) {
            guard let before = release.mayReturnTo.flatMap({ byName[$0] }) else { continue }
            keep(before, "the way back from \(release.name)")
        }
    }

    /// What update metadata lists, or will if a draft gets its signatures.
    private mutating func keepMetadata(_ rows: any Rows) throws {
        for role in try UpdateDocuments.versions(in: rows).keys.sorted() where Self.listsReleases(role) {
            guard let targets = try PublishedUpdates.targets(role, in: rows) else { continue }
            try keep(targets, of: role, "listed in update metadata")
        }
        let drafts = try rows.query("SELECT role, document FROM tuf_draft WHERE expires > $1", [Value(at)])
        for row in drafts {
            let role = try row.text("role")
            guard Self.listsReleases(role) else { continue }
            let document = try row.bytes("document")
            let targets = try MetadataRefusal.explained { () throws(MetadataRefusal) in
                try MetadataDraft(document: document, as: role).targets()
            }
            try keep(targets, of: role, "in a draft of update metadata")
        }
    }

    private mutating func keepDrafts(_ rows: any Rows) throws {
        let drafts = try rows.query("SELECT product, version, sha256 FROM release_draft WHERE sha256 IS NOT NULL")
        for row in drafts {
            guard let sha256 = Digest(hex: try row.text("sha256")) else { throw Row.damaged("sha256") }
            keep(sha256, "in the draft \(try row.text("version")) of \(try row.text("product"))")
        }
    }

    private static func listsReleases(_ role: String) -> Bool { ReleaseLayout.place(of: role)?.layer != nil }

    private mutating func keep(_ targets: TargetsRole, of role: String, _ reason: String) throws {
        let paths = Dictionary(
            known.compactMap { release in release.target.map { ($0, release) } }, uniquingKeysWith: { $1 })
        for target in targets.targets.values {
            if let release = paths[target.path] { keep(release, reason) }
            if let sha256 = target.hashes.values[FileHashes.Algorithm.sha256.rawValue].flatMap({ Digest(hex: $0) }) {
                keep(sha256, reason)
            }
            let terms = try MetadataRefusal.explained { () throws(MetadataRefusal) in
                try ReleaseTerms(target, of: role)
            }
            for document in [terms.encrypted?.sha256, terms.sbom, terms.provenance] {
                if let document { keep(document, reason) }
            }
        }
    }

    /// Documents about releases are small, and asked for long after: they stay.
    private mutating func keepEvidence() {
        for release in known {
            if let sbom = release.sbom { keep(sbom, "the bill of materials of \(release.name)") }
            if let provenance = release.provenance { keep(provenance, "the provenance of \(release.name)") }
        }
    }
}

/// A release, as far as its artifact is concerned.
private struct KnownRelease: Sendable {
    let digest: Digest
    let product: ProductID
    let sequence: Int
    let at: Timestamp
    /// SHA-256 of the file in the store.
    let stored: Digest
    let mayReturnTo: Digest?
    let sbom: Digest?
    let provenance: Digest?
    let target: String?

    /// "thermostat-2 7"
    var name: String { "\(product) \(sequence)" }

    /// What its sequence is compared in: the layer of a product, or all of it.
    var line: String {
        guard let target, let cut = target.lastIndex(of: "/") else { return product.text }
        return String(target[..<cut])
    }

    static func all(in rows: any Rows) throws -> [KnownRelease] {
        try rows.query("SELECT digest, product, sequence, manifest, sha256, at FROM release ORDER BY product, sequence")
            .map { row in
                let seal = try CanonicalJSON.decode(Seal.self, from: Array(row.text("manifest").utf8))
                let manifest = try CanonicalJSON.decode(ReleaseManifest.self, from: seal.payloadBytes())
                guard let digest = Digest(hex: try row.text("digest")), let stored = Digest(hex: try row.text("sha256"))
                else { throw Row.damaged("digest") }
                return KnownRelease(
                    digest: digest, product: try row.id("product"), sequence: try row.int("sequence"),
                    at: try row.time("at"), stored: stored, mayReturnTo: manifest.mayReturnTo, sbom: manifest.sbom,
                    provenance: manifest.provenance, target: manifest.metadata?.target)
            }
    }
}

/// What the devices that live run and are offered, each counted.
private struct FieldReleases: Sendable {
    var runs: [Digest: Int] = [:]
    var offered: [Digest: Int] = [:]
    /// By their own word, "thermostat-2 7": of devices that came with it.
    var said: [String: Int] = [:]

    /// Devices of one read.
    private static let step = 1000

    static func read(in house: House) async throws -> FieldReleases {
        var field = FieldReleases()
        var after = ""
        while true {
            try Task.checkCancellation()
            let behind = after
            let page = try await house.read { rows in
                try rows.query(
                    """
                    SELECT d.id AS id, d.product AS product, d.passport AS passport, c.sequence AS sequence FROM device d
                    LEFT JOIN contact c ON c.device = d.id WHERE d.id > $1 AND d.stage <> 'retired'
                    ORDER BY d.id LIMIT $2
                    """, [.text(behind), Value(step)])
            }
            guard let last = page.last else { return field }
            after = try last.text("id")
            for row in page { try field.count(row) }
        }
    }

    private mutating func count(_ row: Row) throws {
        let passport = try Passport(json: row.text("passport").utf8)
        if let installed = passport.installed { runs[installed.release, default: 0] += 1 }
        if let offer = passport.offeredUpdate { offered[offer.release, default: 0] += 1 }
        if let sequence = row.optionalInt("sequence"), sequence > 0, sequence != passport.installed?.sequence ?? 0 {
            said["\(try row.text("product")) \(sequence)", default: 0] += 1
        }
    }
}
