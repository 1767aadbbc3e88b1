import Passport
import Registry
import Store
import Trust
import Wire

/// A device that proved who it is, on this request.
package struct Caller: Sendable {
    package let device: DeviceID
    /// As it stands at this request.
    package let passport: Passport
    package let shown: VerifiedCertificate
    /// The certificate is an operational one that is revoked, replaced or of a tenure that is over.
    package let isRevoked: Bool

    package var isBirth: Bool { shown.kind != .operational }

    /// Over the birth certificate, or a refusal.
    package func requireBirth() throws(Refusal) {
        guard isBirth else {
            throw Refusal(
                .forbidden, "This needs the birth certificate; an operational one was shown.",
                hint: "Connect with the certificate from the factory.", rule: "IEEE 802.1AR §6")
        }
    }

    /// Over a live operational certificate, or a refusal.
    package func requireOperational() throws(Refusal) {
        guard !isBirth else {
            throw Refusal(
                .forbidden, "This needs an operational certificate; a birth certificate was shown.",
                hint: "Ask /device/v1/status, enrol if it says so, and connect with what you then get.",
                rule: "IEEE 802.1AR §6")
        }
        guard !isRevoked else {
            throw Refusal(
                .forbidden, "This operational certificate is revoked or replaced.",
                hint: "Ask /device/v1/status with the birth certificate.", rule: "certificate: revoked")
        }
    }
}

/// Finds out who calls: at every request, because a handshake may be hours old and rights change in between.
///
/// What never changes is remembered (that a certificate's signatures are right, which device it names); what may change is
/// the device's passport, and that is asked of the registry at every request (`KnownPassports`).
package struct DeviceAuthentication: Sendable {
    let house: House
    private let certificates: ShownCertificates

    package init(house: House) {
        self.house = house
        certificates = ShownCertificates(authorities: house.authorities)
    }

    /// Who calls, if memory is enough to say so; nil if the database has to be asked.
    package func known(_ peer: PlanePeer) throws -> Caller? {
        let shown = try shown(of: peer)
        guard let device = shown.device, let passport = house.passports.known(device), !Contact.mayAlarm(passport)
        else { return nil }
        return try judge(passport, shown.certificate)
    }

    /// Who calls, asked of the database.
    /// - Parameter receipt: the payload of the receipt that the device brings. A device whose life has ended, and that
    ///   never had the answer to its last receipt, may bring that one again: nobody has to hear of it.
    package func caller(_ peer: PlanePeer, bringing receipt: (@Sendable () throws -> [UInt8])? = nil) async throws
        -> Caller
    {
        if let caller = try known(peer) { return caller }
        let shown = try shown(of: peer)
        let certificate = shown.certificate
        let mark = house.passports.mark
        guard let device = try await house.read({ rows in try Self.find(certificate, in: rows) }) else {
            throw Refusal(
                .forbidden, "The certificate is good, but the registry does not know the device.",
                hint: "Import the batch that it was made in: lifelong batch import.", rule: "registry: unknown device")
        }
        shown.device = device.id
        house.passports.remember(device.passport, readSince: mark)
        // A body that is no receipt is a contact like any other.
        if device.passport.stage == .retired, isSame(certificate, as: device.passport), let receipt = try? receipt?(),
            try await house.read({ rows in try Receipts.isKnown(receipt, of: device.id, in: rows) })
        {
            return Caller(device: device.id, passport: device.passport, shown: certificate, isRevoked: false)
        }
        if Contact.mayAlarm(device.passport) {
            guard isSame(certificate, as: device.passport) else { throw Self.unknown() }
            try await Contact.judge(device, from: peer.address, in: house)
        }
        return try judge(device.passport, certificate)
    }

    private func judge(_ passport: Passport, _ shown: VerifiedCertificate) throws(Refusal) -> Caller {
        guard isSame(shown, as: passport) else { throw Self.unknown() }
        guard passport.stage != .retired || passport.wipeOwed else {
            throw Refusal(
                .forbidden, "The device's life is over; it is not served any more.", hint: passport.whatToDo,
                rule: "stage retired: contact")
        }
        // What is neither revoked nor replaced stands in the passport; it changes with the certificate's row.
        let serial = shown.reference.serial
        let isRevoked = shown.kind == .operational && !passport.certificates.contains { $0.serial == serial }
        return Caller(device: passport.device, passport: passport, shown: shown, isRevoked: isRevoked)
    }

    /// A birth certificate is the one that the device was born with.
    private func isSame(_ shown: VerifiedCertificate, as passport: Passport) -> Bool {
        shown.kind == .operational || passport.birthCertificate.sha256 == shown.reference.sha256
    }

    private static func unknown() -> Refusal {
        Refusal(
            .forbidden, "The certificate is good, but the registry does not know the device.",
            hint: "Import the batch that it was made in: lifelong batch import.", rule: "registry: unknown device")
    }

    private static func find(_ shown: VerifiedCertificate, in rows: any Rows) throws -> Device? {
        let name = shown.kind == .operational ? shown.commonName : shown.serialNumber
        return try name.flatMap { try Device.find($0, in: rows) }
    }

    // MARK: - The certificate

    private func shown(of peer: PlanePeer) throws -> ShownCertificate {
        guard let der = peer.certificate, let sha256 = peer.sha256 else {
            throw Refusal(
                .unauthenticated, "No client certificate was shown.",
                hint: "Connect with the device's birth or operational certificate.", rule: "RFC 7030 §3.3.2")
        }
        let now = try house.time()
        if let shown = peer.shown, certificates.isCurrent(shown, at: now) { return shown }
        if let shown = certificates.find(sha256), certificates.isCurrent(shown, at: now) {
            peer.shown = shown
            return shown
        }
        let era = certificates.era
        let shown = ShownCertificate(try verify(der, at: now), era: era)
        certificates.keep(shown, as: sha256)
        peer.shown = shown
        return shown
    }

    /// Against the operational anchors, or the maker's: never the one for the other.
    private func verify(_ der: [UInt8], at now: Timestamp) throws -> VerifiedCertificate {
        let operational = try house.authorities.verifier(for: .operational)
            .verify(leaf: der, at: now, purpose: .operational)
        if case .success(let verified) = operational { return verified }
        let birth = try house.authorities.verifier(for: .birth).verify(leaf: der, at: now, purpose: .birth)
        switch (birth, operational) {
        case (.success(let verified), _): return verified
        // The operational check says "this is a birth certificate" of one that is bad as such, too.
        case (.failure(let refusal), .failure(let other)):
            throw Self.unauthenticated(other.rule == "IEEE 802.1AR §6" ? refusal : other)
        case (.failure(let refusal), _): throw Self.unauthenticated(refusal)
        }
    }

    /// Whatever is wrong with a certificate, it authenticated nobody.
    private static func unauthenticated(_ refusal: Refusal) -> Refusal {
        Refusal(.unauthenticated, refusal.detail, hint: refusal.hint, rule: refusal.rule)
    }
}
