import Ledger
import Passport
import Store
import Wire

/// The part of the audit that looks at documents: what the ledger names by a hash must lie in its table, with that hash.
///
/// Permits and releases here; what belongs to devices (receipts, configurations of open tenures, their own logs) while
/// `DeviceAudit` is at them, with `DeviceDocuments`; tiles in `TileWalk`; update metadata in `UpdateAudit`.
enum DocumentAudit {
    /// Documents that are no device's; the ledger's word about them, and the state of the database that it was read in.
    struct House {
        var permits: [String: Digest] = [:]
        /// With who published each, as the ledger may know it.
        var releases: [Digest: Actor] = [:]
        var withdrawn: Set<Digest> = []
        /// Products for whose devices one token may speak.
        var gateways: Set<ProductID> = []
        var updates = UpdateAudit()

        mutating func take(_ entry: Entry) {
            switch entry.event {
            case .permitGranted(let batch, _, _, let permit): permits[batch.text] = permit
            case .releasePublished(_, _, let manifest): releases[manifest] = entry.by
            case .releaseWithdrawn(_, _, let manifest): withdrawn.insert(manifest)
            case .gatewayTokenSet(let product, let allowed):
                if allowed { gateways.insert(product) } else { gateways.remove(product) }
            default: updates.take(entry.event)
            }
        }

        func compare(_ rows: any Rows, _ notes: Notes) throws {
            try comparePermits(rows, notes)
            try compareReleases(rows, notes)
            try compareGateways(rows, notes)
            try updates.compare(rows, notes)
        }

        private func comparePermits(_ rows: any Rows, _ notes: Notes) throws {
            var left = permits
            try pages("id, permit", of: "batch", by: "id", in: rows) { row in
                let id = try row.text("id")
                if left.removeValue(forKey: id) != sealed(row, "permit") {
                    notes.find("batch \(id)", "Its permit is not the one that was granted.")
                }
            }
            for id in left.keys { notes.find("batch \(id)", "Its row is gone from the registry.") }
        }

        private func compareGateways(_ rows: any Rows, _ notes: Notes) throws {
            var left = gateways
            for row in try rows.query("SELECT id FROM product WHERE gateway_token IS NOT NULL ORDER BY id") {
                let product: ProductID = try row.id("id")
                if left.remove(product) == nil {
                    notes.find("product \(product)", "It has a gateway token that nobody allowed.")
                }
            }
            for product in left { notes.find("product \(product)", "Its gateway token is gone from the registry.") }
        }

        private func compareReleases(_ rows: any Rows, _ notes: Notes) throws {
            var left = releases
            try pages("digest, manifest, published_by, withdrawn_at", of: "release", by: "digest", in: rows) { row in
                let name = try row.text("digest")
                guard let digest = Digest(hex: name), let publisher = left.removeValue(forKey: digest) else {
                    notes.find("release \(name)", "The ledger never heard of it.")
                    return
                }
                if sealed(row, "manifest") != digest {
                    notes.find("release \(name)", "Its manifest is not what was published.")
                }
                // Nobody wrote it down before there was a column for it.
                if let person = row.optionalText("published_by"), person != publisher.person?.text {
                    notes.find("release \(name)", "Who published it is not who did by the ledger.")
                }
                if withdrawn.contains(digest) != (row.optionalInt("withdrawn_at") != nil) {
                    notes.find("release \(name)", "Whether it was withdrawn differs from the ledger.")
                }
            }
            for digest in left.keys { notes.find("release \(digest)", "Its row is gone from the registry.") }
        }
    }

    /// The digest of what was signed; nil if that cannot be read.
    private static func sealed(_ row: Row, _ column: String) -> Digest? {
        guard let text = row.optionalText(column),
            let seal = try? CanonicalJSON.decode(Seal.self, from: Array(text.utf8), limit: 1 << 20),
            let payload = try? seal.payloadBytes()
        else { return nil }
        return LeafCertificate.sha256(payload)
    }

    private static func pages(
        _ columns: String, of table: String, by key: String, in rows: any Rows, each body: (Row) throws -> Void
    ) throws {
        var last = ""
        while true {
            let page = try rows.query(
                "SELECT \(columns) FROM \(table) WHERE \(key) > $1 ORDER BY \(key) LIMIT 1000", [.text(last)])
            guard let final = page.last else { return }
            last = try final.text(key)
            for row in page { try body(row) }
        }
    }

    // MARK: receipts

    /// The receipts by the first digit of their names, each part given to one worker.
    final class ReceiptParts: Sendable {
        private let taken = Locked(0)
        private static let digits = (1..<16).map { String($0, radix: 16) }

        /// Names behind `after` and before `end`; nil is the end of all names.
        func next() -> (after: String, end: String?)? {
            let part = taken.withLock { taken in
                taken += 1
                return taken - 1
            }
            guard part <= Self.digits.count else { return nil }
            return (part == 0 ? "" : Self.digits[part - 1], part < Self.digits.count ? Self.digits[part] : nil)
        }
    }

    /// Each receipt's bytes are those that its name is the hash of.
    static func receipts(_ database: any Database, _ parts: ReceiptParts, _ notes: Notes) async throws {
        while let part = parts.next() {
            var last: String? = part.after
            while let after = last {
                try Task.checkCancellation()
                let page = try await database.read { rows in
                    var conditions = Conditions()
                    conditions.add("sha256 > ?", .text(after))
                    if let end = part.end { conditions.add("sha256 <= ?", .text(end)) }
                    return try rows.query(
                        "SELECT sha256, seal FROM receipt \(conditions.sql) ORDER BY sha256 LIMIT 1000",
                        conditions.arguments)
                }
                for row in page {
                    let name = try row.text("sha256")
                    if sealed(row, "seal")?.description != name {
                        notes.find("receipt \(name)", "Its bytes are not what the device signed.")
                    }
                }
                last = page.count == 1000 ? page.last?.optionalText("sha256") : nil
            }
        }
    }

    /// Configurations that hang on no tenure; those of tenures are looked at with their devices.
    static func compareStrays(_ database: any Database, _ notes: Notes) async throws {
        let strays = try await database.read { rows in
            try rows.query(
                """
                SELECT c.device AS device, c.version AS version FROM configuration c
                WHERE NOT EXISTS (SELECT 1 FROM tenure t WHERE t.id = c.tenure) LIMIT 1000
                """)
        }
        for row in strays {
            notes.find(
                "configuration \(try row.int("version")) of \(try row.text("device"))",
                "It is not what its owner gave.")
        }
    }
}
