import Passport
import Registry
import Store
import Trust
import Wire

/// A device gets the operational certificate of its tenure, on its birth certificate or a one-time code (EST simpleenroll),
/// or on the certificate that it has (simplereenroll).
///
/// 1. Stage, tenure, request and key are judged, and the exact certificate is settled. 2. The issuing CA signs it once.
/// 3. Certificate and event are stored; older certificates of the tenure are revoked as superseded. (`Issuer` says how many
/// transactions that takes.)
package struct EnrolDevice: Sendable {
    /// How the device authenticated: with what certificate it spoke.
    package enum Proof: Sendable {
        case birth(VerifiedCertificate)
        case operational(VerifiedCertificate)
        /// None: its owner vouched for it with a one-time code.
        case code(EnrolmentCode)
    }

    package let device: DeviceID
    package let request: VerifiedRequest
    package let proof: Proof

    package init(device: DeviceID, request: VerifiedRequest, proof: Proof) {
        self.device = device
        self.request = request
        self.proof = proof
    }

    /// DER of the certificate.
    package func perform(in house: House) async throws -> [UInt8] {
        let replaced: String? = if case .operational(let shown) = proof { shown.reference.serial } else { nil }
        let authority = house.authorities.issuing
        return try await Issuer.issue(by: authority, as: .device(device), in: house) {
            change, issuer, serial in
            let passport = try change.passport(of: device)
            try passport.demand(.certificate)
            guard let tenure = passport.tenure else {
                throw Refusal(
                    .forbidden, "The device has no owner.", hint: passport.whatToDo, rule: "tenure: none open")
            }
            try demandSameSubject(change)
            if case .code(let code) = proof { try code.demand(in: change) }
            try KeyUse.claim(request.key, for: device, tenure: tenure.id, in: change)
            let settings = house.settings
            let intent = try Profile.operational(
                under: issuer, spki: request.spki, device: device.text, organisation: settings.organisation,
                serial: serial, notBefore: change.now.adding(seconds: -Issuer.backdateSeconds),
                notAfter: change.now.adding(seconds: settings.operationalLifeSeconds),
                urls: PublicURLs.of(authority, settings))
            return (intent, Issuer.Subject(device: device, tenure: tenure.id))
        } record: { change, certificate, der in
            // Here and not above: a certificate that is never issued costs no code.
            if case .code(let code) = proof { try code.use(in: change) }
            return try keep(certificate, der, replacing: replaced, change)
        }
    }

    private func keep(
        _ certificate: CertificateName, _ der: [UInt8], replacing replaced: String?, _ change: Change
    ) throws -> [UInt8] {
        // Between the steps the tenure may have ended: then the passport refuses, and the intent stays revoked.
        let live = try change.passport(of: device)
        guard let tenure = live.tenure?.id,
            let row = try change.rows.first(
                "SELECT tenure FROM certificate WHERE serial = $1", [.text(certificate.serial)]),
            row.optionalText("tenure") == tenure.text
        else {
            throw Refusal(.conflict, "The tenure ended meanwhile.", hint: "Ask for the status again.", rule: "tenure")
        }
        if let replaced {
            try change.record(.renewed(tenure: tenure, certificate: certificate, replaces: replaced), on: device)
        } else {
            try change.record(.enrolled(tenure: tenure, certificate: certificate), on: device)
        }
        for old in live.certificates {
            try Revocation.revoke(old.serial, of: device, because: .superseded, in: change)
        }
        return der
    }

    /// RFC 7030 §4.2.2: a renewal asks for the subject and names that it has; an enrolment asks for none, for the device's
    /// name here, or for the subject of its birth certificate.
    private func demandSameSubject(_ change: Change) throws {
        let asked = request.subject
        switch proof {
        case .operational(let shown):
            guard asked.der == shown.subjectDER,
                request.subjectAlternativeNames == nil || request.subjectAlternativeNames == shown.sanDER
            else { throw Self.otherSubject("the certificate that is renewed", rule: "RFC 7030 §4.2.2") }
        case .birth(let shown):
            guard try asked.der == shown.subjectDER || asksForItself(change) else {
                throw Self.otherSubject("the device that is connected", rule: "STANDARDS: EST subject")
            }
        case .code:
            guard try asksForItself(change) else {
                throw Self.otherSubject("the device that the code is for", rule: "STANDARDS: EST subject")
            }
        }
    }

    /// No subject, or the device's name or serial.
    private func asksForItself(_ change: Change) throws -> Bool {
        let asked = request.subject
        if asked.isEmpty || (asked.commonName == device.text && asked.serialNumber == nil) { return true }
        let serial = try change.device(device.text).serial
        let isOwnName = asked.commonName == device.text || asked.commonName == serial
        return isOwnName && asked.serialNumber.map { $0 == serial } ?? true
    }

    private static func otherSubject(_ whose: String, rule: String) -> Refusal {
        Refusal(
            .forbidden, "The request asks for another subject than that of \(whose).",
            hint: "Leave the subject empty, or send that one.", rule: rule)
    }
}
