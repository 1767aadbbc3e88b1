import Foundation
import Registry
import SwiftASN1
import Wire
import X509

/// What a picture says of certificates.
enum CertificateWords {
    /// An authority's certificate, which is public, as a place in a chain.
    static func place(_ authority: Authorities.Known, role: String, now: Timestamp) -> ChainPicture.Link? {
        guard let certificate = try? Certificate(derEncoded: authority.certificate) else { return nil }
        let end = Timestamp(milliseconds: Int64((certificate.notValidAfter.timeIntervalSince1970 * 1000).rounded()))
        return ChainPicture.Link(
            role: role, name: commonName(certificate.subject.description),
            serial: Hex.encode(certificate.serialNumber.bytes), until: until(end, now: now),
            state: end < now ? .expired : .good)
    }

    /// "until 2027-02-01, in 80 days", "ended 2025-01-01, 30 days ago", "no end".
    static func until(_ end: Timestamp, now: Timestamp) -> String {
        if end.seconds(since: Times.noEnd) >= 0 { return "no end" }
        return "\(end < now ? "ended" : "until") \(Times.day(end)), \(Times.relative(end, now: now))"
    }

    /// The common name in a distinguished name as it is printed ("CN=Birth CA 1,O=Example" is "Birth CA 1").
    static func commonName(_ subject: String) -> String {
        for part in subject.split(separator: ",") {
            let trimmed = part.drop { $0 == " " }
            if trimmed.hasPrefix("CN=") { return String(trimmed.dropFirst(3)) }
        }
        return subject
    }
}
