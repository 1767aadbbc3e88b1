import Keys
import Passport
import Store
import Trust
import Wire

/// Certificates that the house gives itself: its TLS server's and its OCSP responders'. Renewed when a third is left.
package enum ServiceCertificates {
    package struct Identity: Sendable {
        /// Leaf first, then what is above it without the root.
        package let chain: [[UInt8]]
        package let key: any SigningKey
    }

    /// The TLS server's certificate, made or renewed if need be.
    package static func server(_ house: House) async throws -> Identity {
        let settings = house.settings
        let key = try house.keys.require(house.authorities.label(of: .serviceTLS))
        let addresses = settings.serviceNames.filter(isAddress)
        let names = settings.serviceNames.filter { !isAddress($0) }
        let subject = "service-tls:" + settings.serviceNames.joined(separator: ",")
        let der = try await current(subject, kind: .server, authority: house.authorities.service, key: key, house) {
            change, authority, serial in
            try Profile.server(
                under: authority, spki: key.publicKeyDER, dnsNames: names, ipAddresses: addresses,
                organisation: settings.organisation, serial: serial,
                notBefore: change.now.adding(seconds: -Issuer.backdateSeconds),
                notAfter: change.now.adding(days: 365), urls: AuthorityURLs())
        }
        let known = house.authorities.known(house.authorities.service)
        // For whoever trusts only a root that was succeeded: the way from it to the one above the issuer.
        let links = house.authorities.links(Authorities.Name.operationalRoot).newWithOld
        return Identity(chain: [der] + ([known].compactMap { $0 } + links).map(\.certificate), key: key)
    }

    /// The delegated OCSP responder of an authority (RFC 6960 §4.2.2.2).
    package static func responder(of authority: String, _ house: House) async throws -> OCSP.Responder {
        let name = Authorities.Name.responder(of: authority)
        let key = try house.keys.findOrMake(KeyLabel(name), algorithm: .p256)
        let settings = house.settings
        let der = try await current(name, kind: .ocspResponder, authority: authority, key: key, house) {
            change, issuer, serial in
            try Profile.ocspResponder(
                under: issuer, spki: key.publicKeyDER, name: "\(settings.organisation) OCSP \(authority)",
                organisation: settings.organisation, serial: serial,
                notBefore: change.now.adding(seconds: -Issuer.backdateSeconds),
                notAfter: change.now.adding(days: 30))
        }
        return try OCSP.Responder(certificate: der, key: key, under: house.authorities.signing(authority))
    }

    private static func current(
        _ subject: String, kind: CertificateKind, authority: String, key: any SigningKey, _ house: House,
        make: @escaping @Sendable (Change, Authority, [UInt8]) throws -> CertificateIntent
    ) async throws -> [UInt8] {
        let now = house.clock()
        let row = try await house.read { rows in
            try rows.first(
                """
                SELECT der, not_before, not_after FROM certificate
                WHERE purpose = $1 AND key = $2 AND authority = $3 AND state = 'issued' ORDER BY not_after DESC LIMIT 1
                """, [.text(subject), Value(key.keyDigest), .text(authority)])
        }
        if let row, let der = try? row.bytes("der") {
            let life = try row.time("not_after").seconds(since: row.time("not_before"))
            if try row.time("not_after").seconds(since: now) > life / 3 { return der }
        }
        return try await Issuer.issue(by: authority, as: .system, in: house) { change, issuer, serial in
            let intent = try make(change, issuer, serial)
            return (intent, Issuer.Subject(purpose: subject))
        } record: { _, _, der in
            der
        }
    }

    private static func isAddress(_ name: String) -> Bool {
        name.contains(":") || name.allSatisfy { $0.isNumber || $0 == "." }
    }
}
