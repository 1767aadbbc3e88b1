import Wire

/// A certificate while it is put together.
struct Draft {
    let kind: CertificateKind
    /// Of the issuer's key.
    let algorithm: KeyAlgorithm
    /// DER Name.
    let issuer: [UInt8]
    /// DER Name.
    let subject: [UInt8]
    let spki: [UInt8]
    let serial: [UInt8]
    let notBefore: Timestamp
    let notAfter: Timestamp
    let extensions: [Extension]

    /// Below an authority: adds AKI, SKI and the places of revocation information. All but births end with the issuer
    /// at the latest; a birth certificate outlives it by intention (IEEE 802.1AR §8.5).
    static func under(
        _ authority: Authority, kind: CertificateKind, subject: [(OID, String)], spki: [UInt8], serial: [UInt8],
        notBefore: Timestamp, notAfter: Timestamp, urls: AuthorityURLs, extensions: [Extension]
    ) throws(Refusal) -> Draft {
        guard notBefore >= authority.parsed.tbs.notBefore, notBefore <= authority.notAfter,
            notAfter <= authority.notAfter || kind == .birth
        else {
            throw Refusal(
                .conflict, "The certificate would be valid outside its authority's own validity.",
                hint: "Choose a shorter time, or renew the authority first.", rule: "RFC 5280 §6.1.3 (a)(2)")
        }
        let keys = [
            Extensions.authorityKey(authority.keyIdentifier),
            Extensions.subjectKey(try PublicKeys.keyIdentifier(spki)),
        ]
        return Draft(
            kind: kind, algorithm: authority.key.algorithm, issuer: authority.parsed.tbs.subject.der,
            subject: try DistinguishedNames.encode(subject), spki: spki, serial: serial, notBefore: notBefore,
            notAfter: notAfter, extensions: extensions + keys + (try Extensions.places(urls)))
    }

    func intent() throws(Refusal) -> CertificateIntent {
        guard (16...20).contains(serial.count) else {
            throw Refusal(
                .malformed, "The serial number has \(serial.count) bytes.", hint: "Draw 16 to 20 random bytes.",
                rule: "RFC 5280 §4.1.2.2")
        }
        var number = serial
        number[0] = number[0] & 0x7f | 0x40
        let tbs = DERWriter.sequence(
            DERWriter.context(0, DERWriter.integer(2)), DERWriter.integer(number), algorithm.signatureAlgorithmDER,
            issuer, DERWriter.sequence(DERTime.write(notBefore), DERTime.write(notAfter)), subject, spki,
            DERWriter.context(3, DERWriter.sequence(of: extensions.map(\.der))))
        return try CertificateIntent(kind: kind, tbs: tbs)
    }
}

/// The extensions that the profiles use.
enum Extensions {
    static let digitalSignature = Extension(
        type: .keyUsage, critical: true, value: DERWriter.namedBits([KeyUsageBit.digitalSignature]))

    static func authority(pathLength: Int?) -> [Extension] {
        let length = pathLength.map { [DERWriter.integer(UInt64(max(0, $0)))] } ?? []
        return [
            Extension(
                type: .basicConstraints, critical: true,
                value: DERWriter.sequence(of: [DERWriter.boolean(true)] + length)),
            Extension(
                type: .keyUsage, critical: true,
                value: DERWriter.namedBits([KeyUsageBit.keyCertSign, KeyUsageBit.cRLSign])),
        ]
    }

    static func subjectKey(_ identifier: [UInt8]) -> Extension {
        Extension(type: .subjectKeyIdentifier, value: DERWriter.octets(identifier))
    }

    static func authorityKey(_ identifier: [UInt8]) -> Extension {
        Extension(
            type: .authorityKeyIdentifier, value: DERWriter.sequence(DERWriter.primitive(.context(0), identifier)))
    }

    static func extendedKeyUsage(_ purposes: [OID]) -> Extension {
        Extension(type: .extendedKeyUsage, value: DERWriter.sequence(of: purposes.map(DERWriter.oid)))
    }

    /// Of finished GeneralNames.
    static func alternativeNames(_ names: [[UInt8]], critical: Bool = false) -> Extension {
        Extension(type: .subjectAlternativeName, critical: critical, value: DERWriter.sequence(of: names))
    }

    /// otherName with HardwareModuleName ::= SEQUENCE { hwType OID, hwSerialNum OCTET STRING } (RFC 4108 §5).
    static func hardwareModuleName(type: OID, serial: [UInt8]) -> [UInt8] {
        DERWriter.context(
            0, DERWriter.oid(.hardwareModuleName),
            DERWriter.context(0, DERWriter.sequence(DERWriter.oid(type), DERWriter.octets(serial))))
    }

    /// cRLDistributionPoints and authorityInfoAccess (RFC 5280 §4.2.1.13, §4.2.2.1).
    static func places(_ urls: AuthorityURLs) throws(Refusal) -> [Extension] {
        var out: [Extension] = []
        if let crl = urls.crl {
            let name = DERWriter.context(0, DERWriter.context(0, try uri(crl)))
            out.append(Extension(type: .cRLDistributionPoints, value: DERWriter.sequence(DERWriter.sequence(name))))
        }
        var methods: [[UInt8]] = []
        if let ocsp = urls.ocsp { methods.append(DERWriter.sequence(DERWriter.oid(.accessOCSP), try uri(ocsp))) }
        if let issuer = urls.issuer {
            methods.append(DERWriter.sequence(DERWriter.oid(.accessIssuers), try uri(issuer)))
        }
        if !methods.isEmpty {
            out.append(Extension(type: .authorityInformationAccess, value: DERWriter.sequence(of: methods)))
        }
        return out
    }

    private static func uri(_ text: String) throws(Refusal) -> [UInt8] {
        let isASCII = text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
        guard isASCII, text.hasPrefix("http://") || text.hasPrefix("https://"), text.utf8.count <= 1024 else {
            throw Refusal(
                .malformed, "\"\(text.prefix(80))\" cannot stand as a URL in a certificate.",
                hint: "Give an http URL in ASCII.", rule: "RFC 5280 §4.2.1.13")
        }
        return DERWriter.ia5(text, tag: .context(6))
    }
}
