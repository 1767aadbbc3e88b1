import Wire
// Signatures first; the bodies move to their own files within the hour.
private let pending = Refusal(.unavailable, "Not written yet.", hint: "Wait.")

package struct VerifiedRequest: Sendable {
    package struct Subject: Sendable, Equatable {
        /// For people ("CN=x, O=y").
        package let readable: String
        package let serialNumber: String?
        package let commonName: String?
        package let isEmpty: Bool
        package let der: [UInt8]
    }
    package let spki: [UInt8]
    package let key: Digest
    package let subject: Subject
    /// Value of the subjectAltName asked for, DER of GeneralNames.
    package let subjectAlternativeNames: [UInt8]?
    package let challengePassword: String?
    package let der: [UInt8]
    package init(der: [UInt8], limit: Int = 64 << 10) throws(Refusal) { throw pending }
    package init(base64Body: [UInt8], limit: Int = 64 << 10) throws(Refusal) { throw pending }
}

/// RFC 5280 §5.3.1; 0 (unspecified) is written by leaving the extension out.
package enum RevocationReason: Int, Codable, Sendable, CaseIterable {
    case unspecified = 0, keyCompromise = 1, cACompromise = 2, affiliationChanged = 3, superseded = 4
    case cessationOfOperation = 5, certificateHold = 6, privilegeWithdrawn = 9, aACompromise = 10
}

package struct RevokedCertificate: Sendable, Equatable {
    package let serial: String
    package let at: Timestamp
    package let reason: RevocationReason
    package init(serial: String, at: Timestamp, reason: RevocationReason) {
        self.serial = serial
        self.at = at
        self.reason = reason
    }
}

package struct CertificateRevocationList: Sendable {
    package let number: UInt64
    package let thisUpdate: Timestamp
    package let nextUpdate: Timestamp
    package let entries: [RevokedCertificate]
    /// DER of a new list.
    package static func make(
        by authority: Authority, number: UInt64, thisUpdate: Timestamp, nextUpdate: Timestamp,
        entries: [RevokedCertificate]
    ) throws -> [UInt8] { throw pending }
    /// Parses and verifies under the issuer's certificate.
    package init(der: [UInt8], issuer: [UInt8], at: Timestamp, limit: Int = 64 << 20) throws(Refusal) { throw pending }
    package func isRevoked(serial: String) -> RevokedCertificate? { nil }
}

package enum OCSP {
    package struct CertificateID: Sendable, Equatable {
        package enum Hash: Sendable, Equatable { case sha1, sha256 }
        package let hash: Hash
        package let issuerNameHash: [UInt8]
        package let issuerKeyHash: [UInt8]
        package let serial: String
        package let der: [UInt8]
        /// Whether it names a certificate of this authority.
        package func isIssued(by authority: Authority) -> Bool { false }
        package init(of serial: String, issuer: [UInt8], hash: Hash = .sha256) throws(Refusal) { throw pending }
    }
    package struct Request: Sendable {
        package let certificates: [CertificateID]
        /// To be echoed: only those of 16 to 32 octets.
        package let nonce: [UInt8]?
    }
    package enum Status: Sendable, Equatable {
        case good
        case revoked(at: Timestamp, reason: RevocationReason)
        case unknown
    }
    package enum Failure: UInt8, Sendable { case malformedRequest = 1, internalError = 2, tryLater = 3, sigRequired = 5, unauthorized = 6 }
    /// A delegated responder, or the authority itself.
    package struct Responder: Sendable {
        package let certificate: [UInt8]
        package let key: any SigningKey
        package init(certificate: [UInt8], key: any SigningKey, under authority: Authority) throws(Refusal) { throw pending }
    }
    package static func parseRequest(_ der: [UInt8], limit: Int = 16 << 10, mostCertificates: Int = 16) throws(Refusal) -> Request { throw pending }
    package static func request(for ids: [CertificateID], nonce: [UInt8]? = nil) -> [UInt8] { [] }
    package static func response(
        _ statuses: [(id: CertificateID, status: Status)], by responder: Responder, producedAt: Timestamp,
        thisUpdate: Timestamp, nextUpdate: Timestamp, nonce: [UInt8]? = nil
    ) throws -> [UInt8] { throw pending }
    package static func failure(_ failure: Failure) -> [UInt8] { [0x30, 0x03, 0x0a, 0x01, failure.rawValue] }
    /// Checks a response as a client does and returns the status of the certificate asked for.
    package static func verify(
        _ response: [UInt8], for id: CertificateID, issuer: [UInt8], nonce: [UInt8]?, at: Timestamp
    ) throws(Refusal) -> Status { throw pending }
}

/// certs-only SignedData (RFC 7030 §4.1.3).
package enum CertificateBundle {
    package static func encode(_ certificates: [[UInt8]]) -> [UInt8] { [] }
    package static func decode(_ der: [UInt8], limit: Int = 1 << 20) throws(Refusal) -> [[UInt8]] { throw pending }
}

/// RFC 7030 §4.5.2, RFC 9908.
package enum RequestAttributes {
    /// What /csrattrs answers: which key and which hash a request is to use.
    package static func encode(key: KeyAlgorithm) -> [UInt8] { [] }
}
