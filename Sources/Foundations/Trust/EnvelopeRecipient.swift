import Crypto
import Wire

/// Whom an envelope is for: named as its certificate names it, with the key that opens it (RFC 5652 §6.2).
package struct EnvelopeRecipient: Sendable {
    enum Name: Sendable {
        /// By the subjectKeyIdentifier, which a renewal of the certificate for the same key does not change.
        case key([UInt8])
        /// IssuerAndSerialNumber, DER; where the certificate has no key identifier.
        case certificate([UInt8])
    }

    /// SHA-256 of the certificate.
    package let sha256: Wire.Digest
    let name: Name
    let key: PublicKey

    /// - Parameter der: of a certificate that is known to be good; no rule of paths is checked here.
    package init(certificate der: [UInt8]) throws(Refusal) {
        let tbs = try ParsedCertificate(der).tbs
        key = try PublicKey(spki: tbs.spki)
        switch key {
        case .p256, .p384, .rsa: break
        case .p521, .ed25519:
            throw Refusal(
                .unsupported, "Nothing can be encrypted to this kind of key.",
                hint: "Enrol with a key on P-256 or P-384, or with RSA.", rule: "RFC 5753 §7")
        }
        if let identifier = tbs.subjectKey {
            name = .key(identifier)
        } else {
            name = .certificate(
                DERWriter.sequence(tbs.issuer.der, DERWriter.primitive(.integer, tbs.serial)))
        }
        sha256 = Wire.Digest(SHA256.hash(data: der))
    }

    /// Whether the same content and seed always give the same envelope: RSA's padding is random (`EnvelopedData.carried`), an elliptic
    /// curve's exchange is made from the seed.
    package var isRepeatable: Bool {
        if case .rsa = key { false } else { true }
    }
}
