import Ledger
import Passport
import Store
import Wire

/// The part of the audit that looks at documents: what the ledger names by a hash must lie in its table, with that hash.
///
/// Permits, releases, receipts, configurations of open tenures, the device's own log, and the tiles that were published.
enum AuditDocuments {
    /// What the ledger says must be there.
    private struct Expected {
        var permits: [String: Digest] = [:]
        var releases: Set<Digest> = []
        var receipts: Set<Digest> = []
        /// By device and version; gone with the tenure.
        var configurations: [DeviceID: [Int: Digest]] = [:]
        /// By device: how much of its log was taken, of the open tenure.
        var logs: [DeviceID: (from: Int, to: Int, head: Digest)] = [:]
    }

    private static let kinds = [
        "permitGranted", "releasePublished", "updated", "updateFailed", "configurationApplied", "wiped", "configured",
        "logTaken", "tenureEnded",
    ]

    static func findings(in rows: any Rows) throws -> [Audit.Finding] {
        let expected = try expected(in: rows)
        return try permits(expected, rows) + releases(expected, rows) + receipts(expected, rows)
            + configurations(expected, rows) + logs(expected, rows) + tiles(rows)
    }

    private static func expected(in rows: any Rows) throws -> Expected {
        var expected = Expected()
        let list = kinds.map { "'\($0)'" }.joined(separator: ", ")
        var next: Int64 = 0
        while true {
            let page = try rows.query(
                "SELECT idx, entry FROM ledger WHERE idx >= $1 AND kind IN (\(list)) ORDER BY idx LIMIT 1000",
                [.int(next)])
            guard let last = page.last else { return expected }
            next = Int64(try last.int("idx")) + 1
            for row in page {
                // What is no entry is named by the replay.
                guard let entry = try? CanonicalJSON.decode(Entry.self, from: row.bytes("entry")) else { continue }
                take(entry, into: &expected)
            }
        }
    }

    private static func take(_ entry: Entry, into expected: inout Expected) {
        switch (entry.event, entry.device) {
        case (.permitGranted(let batch, _, _, let permit), _): expected.permits[batch.text] = permit
        case (.releasePublished(_, _, let manifest), _): expected.releases.insert(manifest)
        case (.updated(_, _, let receipt), _), (.updateFailed(_, _, _, let receipt), _),
            (.configurationApplied(_, let receipt), _), (.wiped(let receipt), _):
            expected.receipts.insert(receipt)
        case (.configured(let version, let document), let device?):
            expected.configurations[device, default: [:]][version] = document
        case (.logTaken(let from, let to, let head), let device?):
            expected.logs[device] = (expected.logs[device]?.from ?? from, to, head)
        case (.tenureEnded, let device?):
            expected.configurations[device] = nil
            expected.logs[device] = nil
        default: break
        }
    }

    private static func sealed(_ row: Row, _ column: String) -> Digest? {
        guard let text = row.optionalText(column),
            let seal = try? CanonicalJSON.decode(Seal.self, from: Array(text.utf8), limit: 1 << 20),
            let payload = try? seal.payloadBytes()
        else { return nil }
        return LeafCertificate.sha256(payload)
    }

    private static func permits(_ expected: Expected, _ rows: any Rows) throws -> [Audit.Finding] {
        var left = expected.permits
        var found: [Audit.Finding] = []
        for row in try rows.query("SELECT id, permit FROM batch ORDER BY id") {
            let id = try row.text("id")
            if left.removeValue(forKey: id) != sealed(row, "permit") {
                found.append(.init(what: "batch \(id)", finding: "Its permit is not the one that was granted."))
            }
        }
        return found
            + left.keys.sorted().map { .init(what: "batch \($0)", finding: "Its row is gone from the registry.") }
    }

    private static func releases(_ expected: Expected, _ rows: any Rows) throws -> [Audit.Finding] {
        var left = expected.releases
        var found: [Audit.Finding] = []
        for row in try rows.query("SELECT digest, manifest FROM release ORDER BY digest") {
            let name = try row.text("digest")
            guard let digest = Digest(hex: name), left.remove(digest) != nil else {
                found.append(.init(what: "release \(name)", finding: "The ledger never heard of it."))
                continue
            }
            if sealed(row, "manifest") != digest {
                found.append(.init(what: "release \(name)", finding: "Its manifest is not what was published."))
            }
        }
        return found
            + left.map(\.description).sorted().map {
                .init(what: "release \($0)", finding: "Its row is gone from the registry.")
            }
    }

    private static func receipts(_ expected: Expected, _ rows: any Rows) throws -> [Audit.Finding] {
        var left = expected.receipts
        var found: [Audit.Finding] = []
        var last = ""
        while true {
            let page = try rows.query(
                "SELECT sha256, seal FROM receipt WHERE sha256 > $1 ORDER BY sha256 LIMIT 1000", [.text(last)])
            guard let final = page.last else { break }
            last = try final.text("sha256")
            for row in page {
                let name = try row.text("sha256")
                if let digest = Digest(hex: name) { left.remove(digest) }
                if sealed(row, "seal")?.description != name {
                    found.append(.init(what: "receipt \(name)", finding: "Its bytes are not what the device signed."))
                }
            }
        }
        return found
            + left.map(\.description).sorted().map {
                .init(what: "receipt \($0)", finding: "Its row is gone from the registry.")
            }
    }

    private static func configurations(_ expected: Expected, _ rows: any Rows) throws -> [Audit.Finding] {
        var left = expected.configurations
        var found: [Audit.Finding] = []
        for row in try rows.query("SELECT device, version, document FROM configuration ORDER BY device, version") {
            let (device, version) = (try row.id("device", as: DeviceKind.self), try row.int("version"))
            let digest = left[device]?.removeValue(forKey: version)
            if digest != (try? row.bytes("document")).map({ LeafCertificate.sha256($0) }) {
                found.append(
                    .init(what: "configuration \(version) of \(device)", finding: "It is not what its owner gave."))
            }
        }
        for (device, versions) in left.sorted(by: { $0.key < $1.key }) {
            for version in versions.keys.sorted() {
                found.append(
                    .init(what: "configuration \(version) of \(device)", finding: "Its row is gone from the registry."))
            }
        }
        return found
    }

    /// The last entry that was taken has the hash that the ledger names, and none before it is missing.
    private static func logs(_ expected: Expected, _ rows: any Rows) throws -> [Audit.Finding] {
        try expected.logs.sorted { $0.key < $1.key }.compactMap { device, log in
            let count = try rows.count(
                "SELECT COUNT(*) AS n FROM device_log WHERE device = $1 AND idx >= $2 AND idx < $3",
                [Value(device), Value(log.from), Value(log.to)])
            let last = try rows.first(
                "SELECT entry FROM device_log WHERE device = $1 AND idx = $2", [Value(device), Value(log.to - 1)])
            let entry = try last.map { try CanonicalJSON.decode(DeviceLogEntry.self, from: $0.bytes("entry")) }
            if count == log.to - log.from, entry?.hash == log.head { return nil }
            return Audit.Finding(what: "log of \(device)", finding: "Entries are missing or changed.")
        }
    }

    /// Every stored tile against the entries below it, level by level as they were published.
    private static func tiles(_ rows: any Rows) throws -> [Audit.Finding] {
        guard let size = try rows.first("SELECT MAX(size) AS size FROM checkpoint")?.optionalInt("size"), size > 0
        else {
            return []
        }
        let leaves = try rows.query("SELECT entry FROM ledger WHERE idx < $1 ORDER BY idx", [.int(size)]).map {
            MerkleTree.leafHash(try $0.bytes("entry"))
        }
        guard leaves.count == size else { return [] }
        let grown = try Tiles.append(leaves: leaves, to: 0, reading: StoredTiles(rows))
        return try grown.changed.compactMap { id, hashes in
            let stored = try StoredTiles(rows).tile(id)
            if stored == hashes { return nil }
            return Audit.Finding(
                what: "tile \(id.level)/\(id.index)",
                finding: stored == nil ? "It is missing." : "It is not what the entries below it give.")
        }
    }
}
