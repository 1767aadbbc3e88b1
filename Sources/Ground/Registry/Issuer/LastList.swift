import Keys
import Passport
import Store
import Trust
import Wire

/// The last revocation list of an authority, made while its key still lives and served for ever.
///
/// Its nextUpdate is 99991231235959Z, which RFC 5280 §4.1.2.5 has for "no end" and ETSI EN 319 411-1 demands of a last CRL. The
/// alternative, the end of what is under the authority, would be as true: nothing more can be revoked once the key is gone. But
/// whoever looks later (an auditor with an old archive, a device that slept past a root's end) would be told that the list is
/// stale, as if another one were to be fetched somewhere. A root of the maker has no end anyway.
///
/// What had expired before is not on it, as on every list (§3.3); what is on it stays, expired or not.
struct LastList: Sendable {
    private let authority: String
    private let number: UInt64
    private let der: [UInt8]
    private let made: Timestamp
    private let urgent: Int
    private let covered: Int

    /// Signs the list. First gives up what was begun under the authority: it could not be listed any more.
    static func make(of name: String, in house: House) async throws -> LastList {
        let authority = try house.authorities.signing(name)
        let begun = try await house.read { rows in
            try rows.query(
                "SELECT serial FROM certificate WHERE authority = $1 AND state = 'intended'", [.text(name)]
            ).map { try $0.text("serial") }
        }
        if !begun.isEmpty { try await Issuer.abandon(begun, in: house) }
        let now = try house.time()
        let (last, counts, entries) = try await house.read { rows in
            let last = try rows.first("SELECT number, this_update FROM crl WHERE authority = $1", [.text(name)])
            let before = try last?.time("this_update") ?? now
            return (
                try last?.int("number") ?? 0, try Revocation.counts(of: name, in: rows),
                try Revocation.entries(of: name, unexpiredAt: before, in: rows)
            )
        }
        let number = UInt64(last) + 1
        let der = try await house.keys.apart {
            try CertificateRevocationList.make(
                by: authority, number: number, thisUpdate: now, nextUpdate: .noExpiry, entries: entries)
        }
        return LastList(
            authority: name, number: number, der: der, made: now, urgent: counts.urgent,
            covered: counts.covered)
    }

    /// In the transaction that takes the key out of use; refuses if something was revoked, or a list made, since.
    func keep(in change: Change) throws {
        let counts = try Revocation.counts(of: authority, in: change.rows)
        let isNewest =
            try change.rows.first("SELECT number FROM crl WHERE authority = $1", [.text(authority)])
            .map { try $0.int("number") < Int(number) } ?? true
        guard isNewest, counts == (urgent, covered) else {
            throw Refusal(
                .conflict, "Something was revoked under \(authority) meanwhile.",
                hint: "Stop every server on this database, and run the command again.", rule: "keys retire")
        }
        try Revocation.store(
            der, of: authority, number: number, made: made, next: .noExpiry, covering: counts, in: change.rows)
    }
}
