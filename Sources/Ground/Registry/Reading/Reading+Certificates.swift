import Foundation
import Passport
import Store
import SwiftASN1
import Wire
import X509

extension Reading {
    /// From the device's birth certificate up to the maker's root, as far as the house knows it.
    func birthChain(of device: Device, in rows: any Rows) throws -> [CertificateView] {
        let batch = try rows.first("SELECT authority FROM batch WHERE id = $1", [Value(device.passport.batch)])
        let authority = batch?.optionalText("authority").flatMap { house.authorities.known($0) }
        let now = house.clock()
        var chain = [
            Self.read(device.birthCertificate, kind: "birth", authority: authority?.name, at: now)
        ]
        if let authority {
            let above = [authority.certificate] + authority.chain
            for (index, der) in above.enumerated() {
                let kind = index == above.count - 1 ? "root" : "authority"
                chain.append(Self.read(der, kind: kind, authority: nil, at: now))
            }
        }
        return chain.compactMap { $0 }
    }

    static func operational(of device: DeviceID, at now: Timestamp, in rows: any Rows) throws -> [CertificateView] {
        try rows.query(
            """
            SELECT serial, authority, kind, tenure, state, der, not_before, not_after, revoked_at, reason FROM certificate
            WHERE device = $1 AND kind = 'operational' ORDER BY not_before DESC, serial LIMIT 50
            """, [Value(device)]
        ).map { row in
            let notAfter = try row.time("not_after")
            return CertificateView(
                kind: try row.text("kind"), serial: try row.text("serial"), authority: try row.text("authority"),
                subject: nil, notBefore: try row.time("not_before"), notAfter: notAfter,
                state: state(try row.text("state"), notAfter: notAfter, now), revokedAt: row.optionalTime("revoked_at"),
                reason: row.optionalText("reason"),
                sha256: (try? row.bytes("der")).map { LeafCertificate.sha256($0) },
                tenure: try row.optionalID("tenure"))
        }
    }

    private static func state(_ text: String, notAfter: Timestamp, _ now: Timestamp) -> CertificateView.State {
        switch text {
        case "intended": .intended
        case "revoked": .revoked
        case "abandoned": .abandoned
        default: notAfter < now ? .expired : .good
        }
    }

    /// What a certificate says by itself; nil for one that cannot be read.
    static func read(_ der: [UInt8], kind: String, authority: String?, at now: Timestamp) -> CertificateView? {
        guard let certificate = try? Certificate(derEncoded: der) else { return nil }
        let notAfter = timestamp(certificate.notValidAfter)
        return CertificateView(
            kind: kind, serial: Hex.encode(certificate.serialNumber.bytes),
            authority: authority ?? certificate.issuer.description, subject: certificate.subject.description,
            notBefore: timestamp(certificate.notValidBefore), notAfter: notAfter,
            state: notAfter < now ? .expired : .good, sha256: LeafCertificate.sha256(der))
    }

    private static func timestamp(_ date: Date) -> Timestamp {
        Timestamp(milliseconds: Int64((date.timeIntervalSince1970 * 1000).rounded()))
    }
}
