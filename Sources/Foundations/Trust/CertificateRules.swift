import Wire

/// The rules that one certificate must keep by itself, whatever its path: STANDARDS §1 "Must reject".
enum CertificateRules {
    /// In every place of a path. Old public roots have the serial 0; nothing hangs on an anchor's.
    private static func common(_ certificate: ParsedCertificate, isAnchor: Bool = false) throws(Refusal) {
        let tbs = certificate.tbs
        guard tbs.version == 3 else {
            throw refuse("The certificate is not version 3.", "RFC 5280 §4.1.2.1")
        }
        // 20 octets of magnitude: a leading zero octet for the sign is not counted.
        let magnitude = tbs.serial.drop { $0 == 0 }
        guard isAnchor || (tbs.serial[0] & 0x80 == 0 && (1...20).contains(magnitude.count)) else {
            throw refuse("The serial number is zero, negative, or longer than 20 bytes.", "RFC 5280 §4.1.2.2")
        }
        guard !tbs.issuer.isEmpty else { throw refuse("The issuer's name is empty.", "RFC 5280 §4.1.2.4") }
        guard tbs.notBefore <= tbs.notAfter else {
            throw refuse("The certificate ends before it begins.", "RFC 5280 §4.1.2.5")
        }
        try criticality(tbs)
        try names(tbs)
        try keyUsage(tbs)
    }

    private static func criticality(_ tbs: TBSCertificate) throws(Refusal) {
        for item in tbs.extensions {
            if item.isCritical, !processed.contains(item.type) {
                let isFixed = neverCritical[item.type]
                throw refuse(
                    isFixed == nil
                        ? "The certificate has an unknown critical extension (\(item.type))."
                        : "The certificate marks the extension \(item.type) critical, which is forbidden.",
                    isFixed ?? "RFC 5280 §4.2")
            }
            if !item.isCritical, let rule = alwaysCritical[item.type] {
                throw refuse("The certificate does not mark the extension \(item.type) critical.", rule)
            }
        }
    }

    /// Processed here, and so allowed to be critical.
    private static let processed: Set<OID> = [
        .keyUsage, .subjectAlternativeName, .basicConstraints, .nameConstraints, .extendedKeyUsage,
    ]

    private static let neverCritical: [OID: String] = [
        .authorityKeyIdentifier: "RFC 5280 §4.2.1.1", .subjectKeyIdentifier: "RFC 5280 §4.2.1.2",
        .authorityInformationAccess: "RFC 5280 §4.2.2.1", .subjectInformationAccess: "RFC 5280 §4.2.2.2",
        .freshestCRL: "RFC 5280 §4.2.1.15", .noRevocationAvailable: "RFC 9608 §2",
    ]

    private static let alwaysCritical: [OID: String] = [
        .nameConstraints: "RFC 5280 §4.2.1.10", .policyConstraints: "RFC 5280 §4.2.1.11",
        .inhibitAnyPolicy: "RFC 5280 §4.2.1.14",
    ]

    private static func names(_ tbs: TBSCertificate) throws(Refusal) {
        guard tbs.subject.isEmpty else { return }
        guard !tbs.isAuthority else {
            throw refuse("The authority's certificate has no subject.", "RFC 5280 §4.1.2.6")
        }
        guard tbs.isCritical(.subjectAlternativeName) else {
            throw refuse(
                "The certificate has neither a subject nor a critical subjectAltName.", "RFC 5280 §4.2.1.6")
        }
    }

    private static func keyUsage(_ tbs: TBSCertificate) throws(Refusal) {
        let signsCertificates = tbs.keyUsage?.contains(KeyUsageBit.keyCertSign) ?? false
        guard tbs.isAuthority || !signsCertificates else {
            throw refuse("The certificate may sign certificates but is no authority's.", "RFC 5280 §4.2.1.9")
        }
        guard tbs.isAuthority || tbs.nameConstraints == nil else {
            throw refuse("The certificate has name constraints but is no authority's.", "RFC 5280 §4.2.1.10")
        }
        if tbs.basicConstraints?.pathLength != nil, tbs.isAuthority, let usage = tbs.keyUsage,
            !usage.contains(KeyUsageBit.keyCertSign)
        {
            throw refuse("The certificate has a path length but may not sign certificates.", "RFC 5280 §4.2.1.9")
        }
        guard tbs.basicConstraints?.pathLength == nil || tbs.isAuthority else {
            throw refuse("The certificate has a path length but is no authority's.", "RFC 5280 §4.2.1.9")
        }
    }

    /// In the place of an issuer, the anchor included.
    static func issuer(_ certificate: ParsedCertificate, isAnchor: Bool) throws(Refusal) {
        try common(certificate, isAnchor: isAnchor)
        let tbs = certificate.tbs
        guard tbs.isAuthority else {
            throw refuse("The issuer's certificate is not marked as an authority's (CA:TRUE).", "RFC 5280 §4.2.1.9")
        }
        guard tbs.isCritical(.basicConstraints) else {
            throw refuse("The issuer's basicConstraints are not critical.", "RFC 5280 §4.2.1.9")
        }
        guard tbs.keyUsage?.contains(KeyUsageBit.keyCertSign) ?? true else {
            throw refuse("The issuer's key may not sign certificates.", "RFC 5280 §6.1.4 (n)")
        }
        guard tbs.subjectKey != nil else {
            throw refuse("The issuer's certificate has no subjectKeyIdentifier.", "RFC 5280 §4.2.1.2")
        }
        // An anchor is trusted as it is, whoever else may have signed it (RFC 5280 §6.1.1 (d)).
        try authorityKey(certificate, mayBeAbsent: isAnchor)
    }

    /// In the place of the leaf.
    static func leaf(_ certificate: ParsedCertificate) throws(Refusal) {
        try common(certificate)
        try authorityKey(certificate, mayBeAbsent: false)
        _ = try certificate.signatureAlgorithm()
        _ = try PublicKey(spki: certificate.tbs.spki)
    }

    private static func authorityKey(_ certificate: ParsedCertificate, mayBeAbsent: Bool) throws(Refusal) {
        guard let aki = certificate.tbs.authorityKey else {
            guard !mayBeAbsent else { return }
            throw refuse("The certificate has no authorityKeyIdentifier.", "RFC 5280 §4.2.1.1")
        }
        guard aki.keyIdentifier != nil || mayBeAbsent, aki.isConsistent else {
            throw refuse("The authorityKeyIdentifier does not name the issuer's key.", "RFC 5280 §4.2.1.1")
        }
    }

    private static func refuse(_ detail: String, _ rule: String) -> Refusal {
        Refusal(.malformed, detail, hint: "Have the certificate issued anew, as the rule demands.", rule: rule)
    }
}
