import Wire

/// Certification path validation (RFC 5280 §6.1) against explicit anchors. Birth and operational certificates are
/// checked by two verifiers with different anchors: the maker's and the owner's.
///
/// Synchronous and bounded: at most `maximumDepth` intermediates, 64 signature checks a path search and 65,536 name
/// comparisons. Revocation is the caller's: the registry knows what it revoked.
package struct ChainVerifier: Sendable {
    private let anchors: [ParsedCertificate]
    private let intermediates: [ParsedCertificate]
    private let maximumDepth: Int

    /// - Parameters:
    ///   - anchors: DER of the trusted authorities' certificates. One that breaks a rule is kept, and refused with that
    ///     rule when a path ends in it; one that cannot be read is refused here.
    ///   - intermediates: DER of authorities that leaves need not bring along.
    ///   - maximumDepth: most intermediates between leaf and anchor, self-issued ones not counted.
    package init(anchors: [[UInt8]], intermediates: [[UInt8]], maximumDepth: Int = 4) throws(Refusal) {
        self.anchors = try Self.parse(anchors)
        self.intermediates = try Self.parse(intermediates)
        self.maximumDepth = maximumDepth
    }

    private static func parse(_ certificates: [[UInt8]]) throws(Refusal) -> [ParsedCertificate] {
        var out: [ParsedCertificate] = []
        for der in certificates { out.append(try ParsedCertificate(der, limit: 1 << 20)) }
        return out
    }

    /// Checks the leaf, finds a path to an anchor, and checks that.
    /// - Parameters:
    ///   - extraIntermediates: what the peer sent along; at most 128, anything unreadable among them is passed over.
    ///   - at: the instant for which the path is to be valid.
    package func verify(
        leaf: [UInt8], extraIntermediates: [[UInt8]] = [], at: Timestamp, purpose: Purpose
    ) -> Result<VerifiedCertificate, Refusal> {
        do throws(Refusal) {
            let certificate = try ParsedCertificate(leaf, limit: 256 << 10)
            try CertificateRules.leaf(certificate)
            try purpose.check(certificate.tbs)
            try Validity.check(certificate.tbs, at: at)
            guard extraIntermediates.count <= 128 else {
                throw Refusal(
                    .tooLarge, "\(extraIntermediates.count) intermediate certificates came along; 128 are allowed.",
                    hint: "Send only those of the path.", rule: "RFC 5280 §6.1")
            }
            let extra = extraIntermediates.compactMap { try? ParsedCertificate($0) }
            var search = PathSearch(
                anchors: anchors, intermediates: intermediates + extra, maximumDepth: maximumDepth, at: at,
                purpose: purpose)
            let path = try search.run(from: certificate)
            return .success(VerifiedCertificate(certificate, path: path))
        } catch {
            return .failure(error)
        }
    }
}

/// The period of validity, in whole seconds and with both ends included (RFC 5280 §4.1.2.5).
enum Validity {
    static func check(_ tbs: TBSCertificate, at: Timestamp, whose: String = "The certificate") throws(Refusal) {
        guard at.seconds <= tbs.notAfter.seconds else {
            throw Refusal(
                .unauthenticated, "\(whose) expired at \(tbs.notAfter).",
                hint: "Renew it, or check the clock.", rule: "RFC 5280 §6.1.3 (a)(2): expired")
        }
        // A fraction of a second before notBefore is before it.
        guard at >= tbs.notBefore else {
            throw Refusal(
                .unauthenticated, "\(whose) is not valid before \(tbs.notBefore).",
                hint: "Wait, or set the clock right.", rule: "RFC 5280 §6.1.3 (a)(2): not yet valid")
        }
    }
}

/// A certificate whose path was validated.
package struct VerifiedCertificate: Sendable {
    package let der: [UInt8]
    package let reference: CertificateReference
    /// As far as the certificate tells it by itself.
    package let kind: CertificateKind?
    /// The subject's serialNumber: a birth certificate's device serial.
    package let serialNumber: String?
    /// The subject's common name: an operational certificate's device.
    package let commonName: String?
    /// DER of the issuers, from the leaf's up to and including the anchor.
    package let chain: [[UInt8]]
    package let spki: [UInt8]
    package let subjectDER: [UInt8]
    /// GeneralNames of subjectAltName, if there is one.
    package let sanDER: [UInt8]?

    init(_ certificate: ParsedCertificate, path: [ParsedCertificate]) {
        let tbs = certificate.tbs
        der = certificate.der
        reference = certificate.reference()
        kind = tbs.kind
        serialNumber = tbs.subject.text(of: .serialNumber)
        commonName = tbs.subject.text(of: .commonName)
        chain = path.map(\.der)
        spki = tbs.spki
        subjectDER = tbs.subject.der
        sanDER = tbs.value(of: .subjectAlternativeName)
    }
}
