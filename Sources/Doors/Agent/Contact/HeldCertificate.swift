import Foundation
import SwiftASN1
import Trust
import Wire
import X509

/// A certificate that the device holds, as far as the device needs to read it. Says nothing about trust.
package struct HeldCertificate: Sendable, Equatable {
    package let der: [UInt8]
    /// SubjectPublicKeyInfo.
    package let spki: [UInt8]
    /// DER of the subject's Name.
    package let subjectDER: [UInt8]
    /// DER of the issuer's Name.
    package let issuerDER: [UInt8]
    /// DER of GeneralNames, if the certificate has a subjectAltName.
    package let alternativeNamesDER: [UInt8]?
    /// X.520 serialNumber of the subject.
    package let serialNumber: String?
    package let commonName: String?
    package let notBefore: Timestamp
    package let notAfter: Timestamp
    /// A root's own certificate; a link between two roots is self-issued only.
    package let isSelfSigned: Bool

    package init(_ der: [UInt8]) throws(Refusal) {
        guard der.count <= 64 * 1024, let certificate = try? Certificate(derEncoded: der),
            let spki = Self.encoded(certificate.publicKey), let subject = Self.encoded(certificate.subject),
            let issuer = Self.encoded(certificate.issuer)
        else {
            throw Refusal(
                .malformed, "A certificate cannot be read.", hint: "Send DER of an X.509 certificate.",
                rule: "RFC 5280 §4.1")
        }
        self.der = der
        isSelfSigned =
            subject == issuer && certificate.publicKey.isValidSignature(certificate.signature, for: certificate)
        self.spki = spki
        subjectDER = subject
        issuerDER = issuer
        alternativeNamesDER = certificate.extensions[oid: [2, 5, 29, 17]].map { Array($0.value) }
        serialNumber = Self.attribute([2, 5, 4, 5], of: certificate.subject)
        commonName = Self.attribute([2, 5, 4, 3], of: certificate.subject)
        notBefore = Timestamp(seconds: Int64(certificate.notValidBefore.timeIntervalSince1970))
        notAfter = Timestamp(seconds: Int64(certificate.notValidAfter.timeIntervalSince1970))
    }

    private static func encoded(_ value: some DERSerializable) -> [UInt8]? {
        var serializer = DER.Serializer()
        guard (try? serializer.serialize(value)) != nil else { return nil }
        return serializer.serializedBytes
    }

    /// When to renew: two thirds of its life.
    package var renewal: Timestamp {
        Timestamp(milliseconds: notBefore.milliseconds + (notAfter.milliseconds - notBefore.milliseconds) / 3 * 2)
    }

    package var isSelfIssued: Bool { subjectDER == issuerDER }

    private static func attribute(_ type: ASN1ObjectIdentifier, of name: DistinguishedName) -> String? {
        for rdn in name {
            for attribute in rdn where attribute.type == type { return attribute.value.description }
        }
        return nil
    }
}

extension CertificationRequest {
    package static func renewal(of certificate: HeldCertificate, key: any SigningKey) throws -> [UInt8] {
        try renewal(
            subjectDER: certificate.subjectDER, alternativeNamesDER: certificate.alternativeNamesDER, key: key)
    }
}
