import Crypto
import Wire

extension OCSP {
    /// Who signs responses: the authority itself, or a responder that it delegated (RFC 6960 §4.2.2.2).
    package struct Responder: Sendable {
        package let key: any SigningKey
        /// Sent along, so that clients can check the delegation; nil for the authority itself.
        package let certificate: [UInt8]?
        /// responderID byKey: SHA-1 of the public key's bits.
        let keyHash: [UInt8]

        package init(_ authority: Authority) throws(Refusal) {
            key = authority.key
            certificate = nil
            keyHash = try PublicKeys.keyIdentifier(authority.key.publicKeyDER)
        }

        /// Refuses a certificate that the authority did not issue directly for OCSP signing, or that is not the key's.
        package init(certificate: [UInt8], key: any SigningKey, under authority: Authority) throws(Refusal) {
            let parsed = try ParsedCertificate(certificate)
            try OCSP.checkDelegation(parsed, by: authority.parsed)
            guard parsed.tbs.spki == key.publicKeyDER else {
                throw Refusal(
                    .conflict, "The responder's certificate is for another key.",
                    hint: "Give the key and the certificate that were made together.", rule: "RFC 6960 §4.2.2.2")
            }
            self.key = key
            self.certificate = certificate
            keyHash = try PublicKeys.keyIdentifier(key.publicKeyDER)
        }
    }

    static func checkDelegation(_ responder: ParsedCertificate, by issuer: ParsedCertificate) throws(Refusal) {
        guard responder.tbs.issuer == issuer.tbs.subject, responder.isSigned(by: issuer),
            responder.tbs.extendedKeyUsage?.contains(.ocspSigning) ?? false,
            responder.tbs.keyUsage?.contains(KeyUsageBit.digitalSignature) ?? true
        else {
            throw Refusal(
                .unauthenticated, "The OCSP responder's certificate gives it no authority to answer.",
                hint: "Use a certificate for OCSP signing that the certificate's own issuer signed.",
                rule: "RFC 6960 §4.2.2.2")
        }
        try CertificateRules.leaf(responder)
    }

    /// A signed, successful OCSPResponse.
    /// - Parameters:
    ///   - nonce: `Request.nonce`, echoed as it is.
    ///   - nextUpdate: until when the answer may be kept; RFC 5019 wants one.
    package static func response(
        _ statuses: [(id: CertificateID, status: Status)], by responder: Responder, producedAt: Timestamp,
        thisUpdate: Timestamp, nextUpdate: Timestamp, nonce: [UInt8]? = nil
    ) throws -> [UInt8] {
        let times = DERTime.writeGeneralized(thisUpdate)
        let until = DERWriter.context(0, DERTime.writeGeneralized(nextUpdate))
        let singles = statuses.map { DERWriter.sequence($0.id.der, write($0.status), times, until) }
        let data = DERWriter.sequence(
            of: [
                DERWriter.context(2, DERWriter.octets(responder.keyHash)), DERTime.writeGeneralized(producedAt),
                DERWriter.sequence(of: singles),
            ] + (nonce.map { [DERWriter.context(1, nonceExtensions($0))] } ?? []))
        let certificates = responder.certificate.map { [DERWriter.context(0, DERWriter.sequence($0))] } ?? []
        let basic = try Authority.assemble(data, with: responder.key, extra: certificates)
        return DERWriter.sequence(
            DERWriter.primitive(.enumerated, [0]),
            DERWriter.context(0, DERWriter.sequence(DERWriter.oid(.ocspBasic), DERWriter.octets(basic))))
    }

    private static func write(_ status: Status) -> [UInt8] {
        switch status {
        case .good: return DERWriter.primitive(.context(0), [])
        case .unknown: return DERWriter.primitive(.context(2), [])
        case .revoked(let at, let reason):
            let time = DERTime.writeGeneralized(at)
            guard reason != .unspecified else { return DERWriter.context(1, time) }
            let code = DERWriter.primitive(.enumerated, [UInt8(reason.rawValue)])
            return DERWriter.context(1, time, DERWriter.context(0, code))
        }
    }
}
