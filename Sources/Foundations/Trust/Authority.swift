import Crypto
import Wire

/// A certification authority: its certificate, those above it, and its key.
package struct Authority: Sendable {
    /// DER.
    package let certificate: [UInt8]
    /// DER of the issuers above it, up to and including the root; empty for a root.
    package let chain: [[UInt8]]
    package let key: any SigningKey
    let parsed: ParsedCertificate

    /// Refuses a certificate that is no authority's, that is not the key's, or whose chain does not join.
    package init(certificate: [UInt8], chain: [[UInt8]], key: any SigningKey) throws(Refusal) {
        let parsed = try ParsedCertificate(certificate)
        try CertificateRules.issuer(parsed, isAnchor: chain.isEmpty)
        guard parsed.tbs.spki == key.publicKeyDER else {
            throw Refusal(
                .conflict, "The authority's certificate is for another key.",
                hint: "Give the key and the certificate that were made together.", rule: "RFC 5280 §4.1.2.7")
        }
        var child = parsed
        for der in chain {
            let issuer = try ParsedCertificate(der)
            try CertificateRules.issuer(issuer, isAnchor: der == chain.last)
            guard child.tbs.issuer == issuer.tbs.subject, child.isSigned(by: issuer) else {
                throw Refusal(
                    .conflict, "The chain of the authority's certificate does not join.",
                    hint: "Give the issuers in order, from the authority's own up to the root.",
                    rule: "RFC 5280 §6.1.3")
            }
            child = issuer
        }
        self.certificate = certificate
        self.chain = chain
        self.key = key
        self.parsed = parsed
    }

    /// A new root, which signs its own certificate.
    package init(root token: consuming IssuanceToken, key: any SigningKey) throws {
        let intent = token.intent
        guard intent.kind == .root, intent.key == key.keyDigest else {
            throw Refusal(
                .conflict, "The intent is not a root's under this key.", hint: "Build it with Profile.root.",
                rule: "certificate profile")
        }
        try self.init(certificate: try Self.assemble(intent.tbs, with: key), chain: [], key: key)
    }

    /// For people.
    package var subject: String { parsed.tbs.subject.readable }
    /// The bytes of the certificate's subjectKeyIdentifier: what its certificates name in `issuerKey`.
    package var keyIdentifier: [UInt8] { parsed.tbs.subjectKey ?? [] }
    package var notAfter: Timestamp { parsed.tbs.notAfter }
    package var reference: CertificateReference { parsed.reference() }

    /// Signs the one certificate that the token permits; returns DER. The signature is checked before it leaves, so
    /// that a faulty key store is noticed here and not in the field.
    package func sign(_ token: consuming IssuanceToken) throws -> [UInt8] { try issue(token).der }

    /// The same, with what the registry keeps of the certificate.
    package func issue(_ token: consuming IssuanceToken) throws -> (der: [UInt8], reference: CertificateReference) {
        let intent = token.intent
        // Everything was read back out of these bytes when the intent was made: nothing is left to be read once it is signed.
        guard intent.issuer == parsed.tbs.subject, intent.issuerKey == parsed.tbs.subjectKey else {
            throw Refusal(
                .conflict, "The certificate to be signed names another issuer.",
                hint: "Sign it with the authority under which it was built.", rule: "RFC 5280 §4.1.2.4")
        }
        let der = try Self.assemble(intent.tbs, with: key)
        let reference = CertificateReference(
            serial: intent.serial, issuerKey: Wire.Digest(keyIdentifier), sha256: Wire.Digest(SHA256.hash(data: der)),
            key: intent.key, notBefore: intent.notBefore, notAfter: intent.notAfter)
        return (der, reference)
    }

    /// Of a certificate that this authority issued; refuses any other.
    package func reference(_ certificate: [UInt8]) throws(Refusal) -> CertificateReference {
        let child = try ParsedCertificate(certificate)
        guard child.tbs.issuer == parsed.tbs.subject, child.isSigned(by: parsed) else {
            throw Refusal(
                .conflict, "The certificate was not issued by \(subject).", hint: "Ask the authority that issued it.",
                rule: "RFC 5280 §6.1.3")
        }
        return child.reference()
    }

    /// SEQUENCE { tbs, algorithm, signature }: a certificate, CRL or the like. The signature is checked.
    static func assemble(_ tbs: [UInt8], with key: any SigningKey, extra: [[UInt8]] = []) throws -> [UInt8] {
        let signature = try key.signature(over: tbs)
        guard PublicKeys.verify(signature: signature, over: tbs, spki: key.publicKeyDER) else {
            throw Refusal(
                .internal, "The key store returned a signature that does not verify.",
                hint: "Stop issuing and examine the key store.", rule: "RFC 5280 §4.1.1.3")
        }
        return DERWriter.sequence(
            of: [tbs, key.algorithm.signatureAlgorithmDER, DERWriter.bits(signature)] + extra)
    }
}

/// Where relying parties find revocation information; absent parts are left out of the certificate.
package struct AuthorityURLs: Codable, Sendable, Equatable {
    /// CRL distribution point.
    package var crl: String?
    /// OCSP responder.
    package var ocsp: String?
    /// The issuer's certificate (DER).
    package var issuer: String?

    package init(crl: String? = nil, ocsp: String? = nil, issuer: String? = nil) {
        self.crl = crl
        self.ocsp = ocsp
        self.issuer = issuer
    }
}
