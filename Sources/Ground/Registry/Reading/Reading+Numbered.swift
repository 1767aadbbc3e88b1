import Passport
import Store
import Wire

/// Pages by offset and releases by number, for interfaces that know no others (hawkBit's). Near the beginning only: what is far
/// down a long list is reached by key (`devices`).
extension Reading {
    package static let maximumOffset = 10_000

    package struct NumberedDevices: Sendable {
        package var found: [Device]
        /// Of all that fit, or `countLimit` if there are more.
        package var total: Int
    }

    /// Devices that the reader sees, by serial.
    /// - Parameter beginning: of the serial; the whole of it if `isWhole`.
    package func devices(
        from offset: Int, limit: Int, descending: Bool, serial beginning: String?, isWhole: Bool,
        as principal: Principal
    ) async throws -> NumberedDevices {
        let owner = try Self.confinement(of: principal)
        let size = try Self.pageSize(limit)
        guard (0...Self.maximumOffset).contains(offset) else {
            throw Refusal(
                .malformed, "Nobody counts \(offset) devices down a list.",
                hint: "Stay below \(Self.maximumOffset), or use GET /api/v1/devices with `after`.")
        }
        var conditions = Conditions()
        if let owner { conditions.add("owner = ?", Value(owner)) }
        if let beginning, isWhole {
            conditions.add("serial = ?", .text(beginning))
        } else if let beginning, !beginning.isEmpty {
            // Serials are ASCII: everything that begins so lies below the beginning and this.
            conditions.add("serial >= ?", .text(beginning))
            conditions.add("serial < ?", .text(beginning + "\u{10FFFF}"))
        }
        let asked = conditions
        return try await house.read { rows in
            var page = asked
            let (count, skip) = (page.argument(Value(size)), page.argument(Value(offset)))
            let found = try rows.query(
                """
                SELECT \(Device.columns) FROM device \(asked.sql) ORDER BY serial\(descending ? " DESC" : "")
                LIMIT \(count) OFFSET \(skip)
                """, page.arguments
            ).map { try Device($0) }
            let total = try rows.count(
                "SELECT COUNT(*) AS n FROM (SELECT 1 FROM device \(asked.sql) LIMIT \(Self.countLimit)) AS counted",
                asked.arguments)
            return NumberedDevices(found: found, total: total)
        }
    }

    /// When the device, and what calls for it, last made contact.
    package static func lastContact(of device: DeviceID, in rows: any Rows) throws -> Timestamp? {
        try rows.first("SELECT at FROM contact WHERE device = $1", [Value(device)])?.optionalTime("at")
    }

    /// A published release and its number: the index in the ledger of its publication.
    package struct NumberedRelease: Sendable, Equatable {
        package let number: Int64
        package let digest: Digest
        package let product: ProductID
        package let sequence: Int
        package let version: String
        /// Of the stored file.
        package let sha256: Digest
        package let size: Int
        package let publishedAt: Timestamp
    }

    /// Newest first; as many as a list without pages has.
    package func numberedReleases(as principal: Principal) async throws -> [NumberedRelease] {
        try Self.demand(.readFleet, .readOwnDevices, of: principal)
        return try await house.read { rows in
            try rows.query(
                """
                SELECT idx, entry FROM ledger WHERE kind = 'releasePublished' ORDER BY at DESC, idx DESC LIMIT $1
                """, [Value(Self.listLimit)]
            ).compactMap { try Self.numbered($0, in: rows) }
        }
    }

    package static func release(number: Int64, in rows: any Rows) throws -> NumberedRelease? {
        try rows.first(
            "SELECT idx, entry FROM ledger WHERE idx = $1 AND kind = 'releasePublished'", [.int(number)]
        ).flatMap { try numbered($0, in: rows) }
    }

    package static func number(of release: Digest, in rows: any Rows) throws -> NumberedRelease? {
        guard let at = try rows.first("SELECT at FROM release WHERE digest = $1", [Value(release)])?.time("at") else {
            return nil
        }
        // Many may be published at once.
        return try rows.query(
            "SELECT idx, entry FROM ledger WHERE kind = 'releasePublished' AND at = $1", [Value(at)]
        ).lazy.compactMap { try? numbered($0, in: rows) }.first { $0.digest == release }
    }

    private static func numbered(_ row: Row, in rows: any Rows) throws -> NumberedRelease? {
        let entry = try CanonicalJSON.decode(Entry.self, from: row.bytes("entry"))
        guard case .releasePublished(_, _, let digest) = entry.event,
            let release = try rows.first(
                "SELECT product, sequence, version, sha256, size, at FROM release WHERE digest = $1", [Value(digest)])
        else { return nil }
        guard let sha256 = Digest(hex: try release.text("sha256")) else { throw Row.damaged("sha256") }
        return NumberedRelease(
            number: Int64(try row.int("idx")), digest: digest, product: try release.id("product"),
            sequence: try release.int("sequence"), version: try release.text("version"), sha256: sha256,
            size: try release.int("size"), publishedAt: try release.time("at"))
    }
}
