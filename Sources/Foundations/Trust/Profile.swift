import Wire

/// The certificates that this project issues, one function a kind. Each returns the intent: complete, checked,
/// unsigned.
///
/// `serial` is 16 to 20 bytes from a cryptographic generator (RFC 5280 §4.1.2.2); its first bits are set so that the
/// number is positive and always of that length.
package enum Profile {
    /// A self-signed trust anchor.
    package static func root(
        name: String, organisation: String, key: any SigningKey, serial: [UInt8], notBefore: Timestamp,
        notAfter: Timestamp
    ) throws(Refusal) -> CertificateIntent {
        let subject = try DistinguishedNames.encode([(.organizationName, organisation), (.commonName, name)])
        let identifier = try PublicKeys.keyIdentifier(key.publicKeyDER)
        let draft = Draft(
            kind: .root, algorithm: key.algorithm, issuer: subject, subject: subject, spki: key.publicKeyDER,
            serial: serial, notBefore: notBefore, notAfter: notAfter,
            extensions: Extensions.authority(pathLength: nil) + [Extensions.subjectKey(identifier)])
        return try draft.intent()
    }

    /// A root with the name of an older one and a key of its own: NewWithNew of a root's succession (RFC 4210 §4.4).
    package static func root(
        succeeding old: Authority, key: any SigningKey, serial: [UInt8], notBefore: Timestamp, notAfter: Timestamp
    ) throws(Refusal) -> CertificateIntent {
        let subject = old.parsed.tbs.subject.der
        return try Draft(
            kind: .root, algorithm: key.algorithm, issuer: subject, subject: subject, spki: key.publicKeyDER,
            serial: serial, notBefore: notBefore, notAfter: notAfter,
            extensions: Extensions.authority(pathLength: nil) + [
                Extensions.subjectKey(try PublicKeys.keyIdentifier(key.publicKeyDER))
            ]
        ).intent()
    }

    /// A link between two roots of one name: the key of one, certified by the other (RFC 4210 §4.4: NewWithOld, OldWithNew).
    ///
    /// It begins with the younger of both for NewWithOld, with the older for OldWithNew, as the key that it certifies did;
    /// and ends with whichever ends first.
    /// - Parameter root: DER of the certificate of the root whose key is certified.
    package static func link(
        of root: [UInt8], under issuer: Authority, serial: [UInt8], urls: AuthorityURLs = .init()
    ) throws(Refusal) -> CertificateIntent {
        let linked = try ParsedCertificate(root).tbs
        let name = issuer.parsed.tbs.subject
        guard linked.subject == name, linked.spki != issuer.parsed.tbs.spki else {
            throw Refusal(
                .conflict, "The two roots have not one name and two keys.", hint: "Link a root with its successor.",
                rule: "RFC 4210 §4.4")
        }
        return try Draft(
            kind: .root, algorithm: issuer.key.algorithm, issuer: name.der, subject: name.der, spki: linked.spki,
            serial: serial, notBefore: linked.notBefore, notAfter: min(linked.notAfter, issuer.notAfter),
            extensions: Extensions.authority(pathLength: nil) + [
                Extensions.authorityKey(issuer.keyIdentifier),
                Extensions.subjectKey(try PublicKeys.keyIdentifier(linked.spki)),
            ] + (try Extensions.places(urls))
        ).intent()
    }

    /// An authority below another: for births, for operations, for a customer.
    /// - Parameter pathLength: authorities allowed below it.
    package static func authority(
        under issuer: Authority, name: String, organisation: String, spki: [UInt8], pathLength: Int = 0,
        serial: [UInt8], notBefore: Timestamp, notAfter: Timestamp, urls: AuthorityURLs = .init()
    ) throws(Refusal) -> CertificateIntent {
        try Draft.under(
            issuer, kind: .authority, subject: [(.organizationName, organisation), (.commonName, name)], spki: spki,
            serial: serial, notBefore: notBefore, notAfter: notAfter, urls: urls,
            extensions: Extensions.authority(pathLength: pathLength)
        ).intent()
    }

    /// IEEE 802.1AR IDevID: says for ever which unit of which product this is.
    /// - Parameters:
    ///   - deviceSerial: subject serialNumber and hwSerialNum (RFC 4108), unique under the issuer.
    ///   - hardwareType: hwType, an arc of the maker's.
    package static func birth(
        under issuer: Authority, spki: [UInt8], deviceSerial: String, product: String, organisation: String,
        hardwareType: OID, serial: [UInt8], notBefore: Timestamp, notAfter: Timestamp = .noExpiry,
        urls: AuthorityURLs = .init()
    ) throws(Refusal) -> CertificateIntent {
        guard !deviceSerial.isEmpty else {
            throw Refusal(
                .malformed, "The device has no serial.", hint: "Give it one.", rule: "IEEE 802.1AR §8.6")
        }
        let name = Extensions.hardwareModuleName(type: hardwareType, serial: Array(deviceSerial.utf8))
        return try Draft.under(
            issuer, kind: .birth,
            subject: [(.organizationName, organisation), (.commonName, product), (.serialNumber, deviceSerial)],
            spki: spki, serial: serial, notBefore: notBefore, notAfter: notAfter, urls: urls,
            extensions: [Extensions.digitalSignature, Extensions.alternativeNames([name])]
        ).intent()
    }

    /// LDevID: lets a device work for its present owner. Bears no serial of the factory's.
    ///
    /// Without URLs and for at most seven days it says noRevAvail (RFC 9608): it expires sooner than a CRL would.
    /// - Parameters:
    ///   - device: the common name.
    ///   - unit: for what stands between: a fleet, a tenure.
    package static func operational(
        under issuer: Authority, spki: [UInt8], device: String, organisation: String, unit: String? = nil,
        serial: [UInt8], notBefore: Timestamp, notAfter: Timestamp, urls: AuthorityURLs = .init()
    ) throws(Refusal) -> CertificateIntent {
        var extensions = [Extensions.digitalSignature, Extensions.extendedKeyUsage([.clientAuthentication])]
        if urls.crl == nil, urls.ocsp == nil, notAfter <= notBefore.adding(days: 7) {
            extensions.append(Extension(type: .noRevocationAvailable, value: DERWriter.null))
        }
        return try Draft.under(
            issuer, kind: .operational,
            subject: [(.organizationName, organisation), (.organizationalUnitName, unit ?? ""), (.commonName, device)],
            spki: spki, serial: serial, notBefore: notBefore, notAfter: notAfter, urls: urls, extensions: extensions
        ).intent()
    }

    /// A TLS server of the platform. Its names stand in subjectAltName only (RFC 9525 §4.1).
    package static func server(
        under issuer: Authority, spki: [UInt8], dnsNames: [String], ipAddresses: [String] = [], organisation: String,
        serial: [UInt8], notBefore: Timestamp, notAfter: Timestamp, urls: AuthorityURLs = .init()
    ) throws(Refusal) -> CertificateIntent {
        var names: [[UInt8]] = []
        for name in dnsNames {
            guard HostName.isValidPattern(name) else { throw badName(name) }
            names.append(DERWriter.ia5(name, tag: .context(2)))
        }
        for text in ipAddresses {
            guard let address = HostName.address(text) else { throw badName(text) }
            names.append(DERWriter.primitive(.context(7), address))
        }
        guard !names.isEmpty else { throw badName("") }
        return try Draft.under(
            issuer, kind: .server, subject: [(.organizationName, organisation)], spki: spki, serial: serial,
            notBefore: notBefore, notAfter: notAfter, urls: urls,
            extensions: [
                Extensions.digitalSignature, Extensions.extendedKeyUsage([.serverAuthentication]),
                Extensions.alternativeNames(names, critical: organisation.isEmpty),
            ]
        ).intent()
    }

    /// A delegated OCSP responder, issued directly by the authority for which it answers (RFC 6960 §4.2.2.2).
    package static func ocspResponder(
        under issuer: Authority, spki: [UInt8], name: String, organisation: String, serial: [UInt8],
        notBefore: Timestamp, notAfter: Timestamp
    ) throws(Refusal) -> CertificateIntent {
        try Draft.under(
            issuer, kind: .ocspResponder, subject: [(.organizationName, organisation), (.commonName, name)], spki: spki,
            serial: serial, notBefore: notBefore, notAfter: notAfter, urls: .init(),
            extensions: [
                Extensions.digitalSignature, Extensions.extendedKeyUsage([.ocspSigning]),
                Extension(type: .ocspNoCheck, value: DERWriter.null),
            ]
        ).intent()
    }

    private static func badName(_ name: String) -> Refusal {
        Refusal(
            .malformed,
            name.isEmpty ? "The server has no name." : "\"\(name.prefix(253))\" is no DNS name and no address.",
            hint: "Give at least one DNS name or IP address by which clients reach it.", rule: "RFC 5280 §4.2.1.6")
    }
}
