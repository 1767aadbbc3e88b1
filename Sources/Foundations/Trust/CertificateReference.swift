import Wire

/// What the registry keeps of a certificate: enough to find, compare and revoke it.
package struct CertificateReference: Codable, Sendable, Equatable, Hashable {
    /// Certificate serialNumber: lower-case hexadecimal, two digits a byte, without a leading zero byte.
    package let serial: String
    /// The issuer's key identifier: the bytes of the certificate's AKI keyIdentifier, which are the issuer's SKI.
    package let issuerKey: Digest
    /// Of the whole DER.
    package let sha256: Digest
    /// SHA-256 of the SubjectPublicKeyInfo.
    package let key: Digest
    package let notBefore: Timestamp
    package let notAfter: Timestamp

    package init(
        serial: String, issuerKey: Digest, sha256: Digest, key: Digest, notBefore: Timestamp, notAfter: Timestamp
    ) {
        self.serial = serial
        self.issuerKey = issuerKey
        self.sha256 = sha256
        self.key = key
        self.notBefore = notBefore
        self.notAfter = notAfter
    }

    /// Of a certificate as it stands; nothing about it is verified.
    package init(of certificate: [UInt8]) throws(Refusal) {
        self = try ParsedCertificate(certificate).reference()
    }
}

extension Timestamp {
    /// 9999-12-31T23:59:59Z: "no well-defined expiration date" (RFC 5280 §4.1.2.5), the end of every birth certificate.
    package static let noExpiry = Timestamp(year: 9999, month: 12, day: 31, hour: 23, minute: 59, second: 59)
}

/// What a certificate is for. Decides its profile, and where it is accepted.
package enum CertificateKind: String, Codable, Sendable, CaseIterable {
    case root, authority, birth, operational, server, ocspResponder
}
