import Ledger
import Passport
import Store
import Wire

extension Reading {
    package func ledger(as principal: Principal) async throws -> LedgerView {
        try Access.demand(.readLedger, of: principal)
        return try await house.read { try state($0) }
    }

    func state(_ rows: any Rows) throws -> LedgerView {
        let size = try rows.first("SELECT size, last_at FROM ledger_size WHERE one = 1")
        let published = try rows.first("SELECT size, note, root, at FROM checkpoint ORDER BY size DESC LIMIT 1")
        let count = size?.optionalInt("size") ?? 0
        return LedgerView(
            origin: verifierKey.name, size: count, publishedSize: published?.optionalInt("size") ?? 0,
            root: published?.optionalText("root").flatMap { Digest(hex: $0) },
            checkpoint: published?.optionalText("note"), publishedAt: published?.optionalTime("at"),
            vkey: verifierKey.description, lastEntryAt: count > 0 ? size?.optionalTime("last_at") : nil)
    }

    /// Who cosigns the checkpoints, and how far each is.
    package func witnesses(as principal: Principal) async throws -> WitnessList {
        try Access.demand(.readLedger, of: principal)
        let settings = house.settings
        return try await house.read { rows in
            let published = try Self.publishedSize(rows)
            let views = try settings.witnesses.map { address in
                let row = try rows.first(
                    "SELECT size, cosigned_at, failures, standing, trouble FROM witness WHERE vkey = $1",
                    [.text(address.key.description)])
                let size = row?.optionalInt("size") ?? 0
                return WitnessView(
                    name: address.key.name, vkey: address.key.description, url: address.url, size: size,
                    behind: max(0, published - size), cosignedAt: row?.optionalTime("cosigned_at"),
                    standing: row?.optionalText("standing").flatMap { Witnesses.Standing(rawValue: $0) } ?? .new,
                    failures: Int(row?.optionalInt("failures") ?? 0), trouble: row?.optionalText("trouble"))
            }
            return WitnessList(
                witnesses: views, quorum: settings.neededCosignatures, publishedSize: published,
                witnessedSize: try LedgerReader.witnessed(
                    quorum: settings.neededCosignatures, by: settings.witnesses, in: rows)?.size ?? 0)
        }
    }

    /// Entries behind `after`, oldest first.
    package func entries(
        after: Int64? = nil, limit: Int? = nil, as principal: Principal
    ) async throws -> LedgerEntryPage {
        try await page("l.idx > $1", "l.idx", from: after ?? -1, limit: limit, as: principal)
    }

    /// Entries before `before`, newest first.
    package func newestEntries(
        before: Int64? = nil, limit: Int? = nil, as principal: Principal
    ) async throws -> LedgerEntryPage {
        try await page("l.idx < $1", "l.idx DESC", from: before ?? .max, limit: limit, as: principal)
    }

    private func page(
        _ condition: String, _ order: String, from: Int64, limit: Int?, as principal: Principal
    ) async throws -> LedgerEntryPage {
        try Access.demand(.readLedger, of: principal)
        let size = try Self.pageSize(limit)
        return try await house.read { rows in
            let published = try Self.publishedSize(rows)
            let found = try rows.query(
                """
                SELECT l.idx, l.entry, d.serial FROM ledger l LEFT JOIN device d ON d.id = l.device
                WHERE \(condition) ORDER BY \(order) LIMIT $2
                """, [.int(from), Value(size + 1)])
            let entries = try found.prefix(size).map { try Self.entry($0, published: published) }
            return LedgerEntryPage(entries: entries, next: found.count > size ? entries.last?.index : nil)
        }
    }

    package func entry(_ index: Int64, as principal: Principal) async throws -> LedgerLeafView {
        try Access.demand(.readLedger, of: principal)
        return try await house.read { rows in
            let row = try Self.leaf(index, in: rows)
            let bytes = try row.bytes("entry")
            return LedgerLeafView(
                entry: try Self.entry(row, published: try Self.publishedSize(rows)), leaf: Base64.encode(bytes),
                hash: MerkleTree.leafHash(bytes), content: try CanonicalJSON.decode(Entry.self, from: bytes))
        }
    }

    /// A device's life, newest page first; the entries of a page in order.
    ///
    /// - Parameter before: `older` of the page before.
    package func life(
        _ name: String, before: Int64? = nil, limit: Int? = nil, as principal: Principal
    ) async throws -> LifeView {
        let size = try Self.pageSize(limit)
        return try await house.read { rows in
            let device = try Self.visible(name, to: principal, in: rows)
            let published = try Self.publishedSize(rows)
            let found = try rows.query(
                "SELECT idx, entry FROM ledger WHERE device = $1 AND idx < $2 ORDER BY idx DESC LIMIT $3",
                [Value(device.id), .int(before ?? .max), Value(size + 1)])
            let isCut = found.count > size
            let older = isCut ? found[size - 1].optionalInt("idx") : nil
            func told(_ found: some Collection<Row>) throws -> [LedgerEntryView] {
                try found.reversed().map { row in
                    var entry = try Self.entry(row, published: published)
                    entry.serial = device.serial
                    return entry
                }
            }
            return LifeView(
                device: device.id, serial: device.serial, product: device.passport.product,
                stage: device.passport.stage, entries: try told(found.prefix(size)), isCut: isCut, older: older,
                turns: try older.map { try told(Self.turns(of: device.id, before: $0, in: rows)) } ?? [])
        }
    }

    /// Entries looked through for changes of the stage, and changes told at most.
    private static let turnsWithin = 5000
    private static let turnsLimit = 40

    /// The last changes of a device's stage before an entry.
    private static func turns(of device: DeviceID, before index: Int64, in rows: any Rows) throws -> [Row] {
        try rows.query(
            """
            SELECT idx, entry FROM (
                SELECT idx, entry, kind FROM ledger WHERE device = $1 AND idx < $2 ORDER BY idx DESC
                LIMIT \(turnsWithin)) AS lately
            WHERE kind IN ('born', 'shipped', 'paired', 'quarantined', 'restored', 'offered', 'offerWithdrawn', 'wiped',
                'retired')
            ORDER BY idx DESC LIMIT \(turnsLimit)
            """, [Value(device), .int(index)])
    }

    /// The device's published entries, each with its proof: what `lifelong verify passport` takes.
    package func evidence(_ name: String, as principal: Principal) async throws -> Evidence {
        try await house.read { rows in
            let device = try Self.visible(name, to: principal, in: rows)
            return try LedgerReader.evidence(
                of: device.id, subject: "passport of \(device.id)", key: verifierKey,
                quorum: house.settings.neededCosignatures, in: rows)
        }
    }

    static func leaf(_ index: Int64, in rows: any Rows) throws -> Row {
        let row = try rows.first(
            """
            SELECT l.idx, l.entry, d.serial FROM ledger l LEFT JOIN device d ON d.id = l.device WHERE l.idx = $1
            """, [.int(index)])
        guard let row else {
            throw Refusal(
                .notFound, "The ledger has no entry \(index).",
                hint: "Ask for an index from 0 and below the ledger's size.")
        }
        return row
    }

    static func publishedSize(_ rows: any Rows) throws -> Int64 {
        try rows.first("SELECT MAX(size) AS size FROM checkpoint")?.optionalInt("size") ?? 0
    }

    static func entry(_ row: Row, published: Int64) throws -> LedgerEntryView {
        let entry = try CanonicalJSON.decode(Entry.self, from: row.bytes("entry"))
        let index = Int64(try row.int("idx"))
        return LedgerEntryView(
            index: index, at: entry.at, device: entry.device, serial: row.optionalText("serial"), byRole: entry.by.role,
            byPerson: entry.by.person, kind: entry.event.kind, sentence: Sentences.of(entry.event),
            isPublished: index < published)
    }
}
