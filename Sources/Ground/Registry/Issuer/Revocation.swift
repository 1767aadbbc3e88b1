import Keys
import Passport
import Store
import Trust
import Wire

/// Revoking certificates, and telling the world: CRLs. (OCSP answers are made from the same rows.)
package enum Revocation {
    /// Revokes every live operational certificate of the device: rows and events, in the caller's transaction.
    package static func revokeAll(of device: DeviceID, because cause: RevocationCause, in change: Change) throws {
        let rows = try change.rows.query(
            "SELECT serial FROM certificate WHERE device = $1 AND state IN ('issued', 'intended') AND kind = 'operational'",
            [Value(device)])
        for row in rows { try revoke(try row.text("serial"), of: device, because: cause, in: change) }
    }

    package static func revoke(
        _ serial: String, of device: DeviceID, because cause: RevocationCause, in change: Change
    ) throws {
        let changed = try change.rows.execute(
            """
            UPDATE certificate SET state = 'revoked', revoked_at = $1, reason = $2
            WHERE serial = $3 AND state IN ('issued', 'intended')
            """, [Value(change.now), .text(cause.rawValue), .text(serial)])
        if changed == 1 {
            try count(serial, because: cause, in: change)
            try change.record(.certificateRevoked(serial: serial, reason: cause), on: device)
        }
    }

    /// Lets the publisher know that its authority's list has to say more.
    /// - Parameter cause: nil for a certificate that was abandoned.
    static func count(_ serial: String, because cause: RevocationCause?, in change: Change) throws {
        let row = try change.rows.first("SELECT authority FROM certificate WHERE serial = $1", [.text(serial)])
        guard let authority = row?.optionalText("authority") else { return }
        change.count(cause == .superseded ? Tally.superseded(by: authority) : Tally.revoked(by: authority))
    }

    /// A CRL is valid so long, in seconds, and renewed at half of it; but for an authority's last (`LastList`).
    private static let validitySeconds: Int64 = 24 * 3600

    /// Publishes a new CRL for every authority whose key is here, if something was revoked since the last or half of its
    /// time is over.
    package static func publish(_ house: House) async throws {
        var failure: (any Error)?
        for known in house.authorities.all where known.kind != "birth" && known.kind != "service" {
            guard let authority = try? house.authorities.signing(known.name) else { continue }
            // One whose key does not answer keeps no list of another back.
            do { try await publish(known.name, authority, house) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }

    /// What a list was made from, and what it would be made from now.
    private struct Due {
        var number: UInt64
        /// Grow with every revocation, in the order of commits: a clock could not tell which of them the list holds.
        var urgent: Int
        var covered: Int
        var entries: [RevokedCertificate]
    }

    private static func publish(_ name: String, _ authority: Authority, _ house: House) async throws {
        let now = try house.time()
        guard let due = try await house.read({ try due(name, at: now, in: $0) }) else { return }
        let next = now.adding(seconds: validitySeconds)
        let der = try await house.keys.apart {
            try CertificateRevocationList.make(
                by: authority, number: due.number, thisUpdate: now, nextUpdate: next, entries: due.entries)
        }
        try await house.database.write { rows in
            try store(
                der, of: name, number: due.number, made: now, next: next, covering: (due.urgent, due.covered), in: rows)
        }
    }

    static func store(
        _ der: [UInt8], of name: String, number: UInt64, made: Timestamp, next: Timestamp,
        covering counts: (urgent: Int, covered: Int), in rows: any Rows
    ) throws {
        try rows.execute(
            """
            INSERT INTO crl (authority, number, der, this_update, next_update, covered, urgent)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (authority) DO UPDATE SET number = excluded.number, der = excluded.der,
                this_update = excluded.this_update, next_update = excluded.next_update, covered = excluded.covered,
                urgent = excluded.urgent
            WHERE crl.number < excluded.number
            """,
            [
                .text(name), .int(Int64(number)), .bytes(der), Value(made), Value(next), Value(counts.covered),
                Value(counts.urgent),
            ])
    }

    /// How much was revoked under the authority: what must be told at once, and all.
    static func counts(of name: String, in rows: any Rows) throws -> (urgent: Int, covered: Int) {
        let urgent = try Tally.read(Tally.revoked(by: name), in: rows)?.n ?? 0
        return (urgent, urgent + (try Tally.read(Tally.superseded(by: name), in: rows)?.n ?? 0))
    }

    /// A certificate that its own device replaced takes nobody's right away, and a million devices replace eleven a
    /// minute: a long list waits so many seconds for more of them. Every other revocation is published at once.
    private static let supersededSeconds: Int64 = 300
    /// A list of at most so many is made anew for each.
    private static let shortList = 10_000

    private static func due(_ name: String, at now: Timestamp, in rows: any Rows) throws -> Due? {
        let last = try rows.first(
            "SELECT number, this_update, covered, urgent FROM crl WHERE authority = $1", [.text(name)])
        let (urgent, covered) = try counts(of: name, in: rows)
        if let last {
            let age = now.seconds(since: try last.time("this_update"))
            let isLate = age > validitySeconds / 2
            let isUrgent = try last.int("urgent") != urgent
            let isStale = try last.int("covered") != covered && (covered <= shortList || age >= supersededSeconds)
            guard isLate || isUrgent || isStale else { return nil }
        }
        return Due(
            number: UInt64(try last?.int("number") ?? 0) + 1, urgent: urgent, covered: covered,
            entries: try entries(of: name, unexpiredAt: last?.time("this_update") ?? now, in: rows))
    }

    /// What belongs on the list: revoked or abandoned, and not expired when the list before it was made. So each stands on one
    /// list from after its end (RFC 5280 §3.3).
    static func entries(
        of name: String, unexpiredAt last: Timestamp, in rows: any Rows
    ) throws -> [RevokedCertificate] {
        try rows.query(
            """
            SELECT serial, revoked_at, reason FROM certificate
            WHERE authority = $1 AND state IN ('revoked', 'abandoned') AND not_after > $2
            """, [.text(name), Value(last)]
        ).map { row in
            RevokedCertificate(
                serial: try row.text("serial"), at: try row.time("revoked_at"),
                reason: reason(row.optionalText("reason")))
        }
    }

    package static func reason(_ text: String?) -> RevocationReason {
        text.flatMap { RevocationCause(rawValue: $0) }.flatMap { RevocationReason(rawValue: $0.code) } ?? .unspecified
    }

    /// What OCSP says of a serial, and whose certificate it is: good only if it was issued here, revoked if revoked or
    /// abandoned, else nil.
    package static func status(
        of serial: String, by authority: String, in rows: any Rows
    ) throws -> (status: OCSP.Status, device: DeviceID?)? {
        guard
            let row = try rows.first(
                "SELECT state, revoked_at, reason, device FROM certificate WHERE serial = $1 AND authority = $2",
                [.text(serial), .text(authority)])
        else { return nil }
        let device = try row.optionalText("device").map { try DeviceID($0) }
        switch try row.text("state") {
        case "issued": return (.good, device)
        case "revoked", "abandoned":
            return (.revoked(at: try row.time("revoked_at"), reason: reason(row.optionalText("reason"))), device)
        default: return nil
        }
    }
}
