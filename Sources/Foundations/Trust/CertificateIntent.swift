import Wire

/// What will be signed, complete except for the signature. It is stored before the key is used, so that no certificate
/// can exist of which the registry does not know (after boulder's issuance, with its pre-signing lint).
package struct CertificateIntent: Sendable, Equatable {
    package let kind: CertificateKind
    /// As in `CertificateReference.serial`.
    package let serial: String
    /// For people.
    package let subject: String
    /// SHA-256 of the SubjectPublicKeyInfo.
    package let key: Digest
    package let notBefore: Timestamp
    package let notAfter: Timestamp
    let issuer: DistinguishedName
    /// Key identifier of the issuer's key; nil if the certificate names none.
    let issuerKey: [UInt8]?
    /// DER TBSCertificate: exactly the bytes that the signature will be over.
    package let tbs: [UInt8]

    /// Reads everything else back out of a TBSCertificate; refuses one that `ChainVerifier` would refuse once signed.
    package init(kind: CertificateKind, tbs: [UInt8]) throws(Refusal) {
        let unsigned = DERWriter.sequence(tbs, try Self.algorithm(of: tbs), DERWriter.bits([]))
        let certificate = try ParsedCertificate(unsigned)
        switch kind {
        case .root: try CertificateRules.issuer(certificate, isAnchor: true)
        case .authority: try CertificateRules.issuer(certificate, isAnchor: false)
        case .birth, .operational, .server, .ocspResponder: try CertificateRules.leaf(certificate)
        }
        guard certificate.tbs.kind == kind else {
            throw Refusal(
                .malformed, "The certificate to be signed is not of kind \(kind.rawValue).",
                hint: "Build it with the profile of that kind.", rule: "certificate profile")
        }
        self.kind = kind
        self.tbs = tbs
        serial = certificate.tbs.serialText
        subject = certificate.tbs.subject.readable
        key = PublicKeys.digest(certificate.tbs.spki)
        notBefore = certificate.tbs.notBefore
        notAfter = certificate.tbs.notAfter
        issuer = certificate.tbs.issuer
        issuerKey = certificate.tbs.authorityKey?.keyIdentifier
    }

    /// The AlgorithmIdentifier inside the TBSCertificate.
    private static func algorithm(of tbs: [UInt8]) throws(Refusal) -> [UInt8] {
        var fields = try DERNode.parse(tbs[...], as: "certificate").children()
        _ = fields.take(if: .context(0))
        _ = try fields.take()
        return Array(try fields.take().encoded)
    }
}

/// The permission to sign exactly one intent, once: it cannot be copied, and signing consumes it.
package struct IssuanceToken: ~Copyable, Sendable {
    package let intent: CertificateIntent
    /// To be made only after the intent is durably stored; or, for a key in this process, in the transaction that stores the
    /// certificate, of which nothing leaves before its commit.
    package init(stored intent: CertificateIntent) { self.intent = intent }
}
