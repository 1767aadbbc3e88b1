import Hummingbird
import NIOCore
import Passport
import Registry
import Store
import Trust
import Wire

/// What a handler of the device plane knows of a request: the peer of its connection.
package struct DeviceContext: RequestContext {
    package typealias Source = ApplicationRequestContextSource
    package var coreContext: CoreRequestContextStorage
    package let peer: TLSPeer?

    package init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        peer = TLSPeer.current
    }
}

/// A device that proved who it is, on this request.
package struct Caller: Sendable {
    package let device: Device
    package let shown: VerifiedCertificate
    /// The certificate is an operational one that is revoked, replaced or of a tenure that is over.
    package let isRevoked: Bool
    package let address: String

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
package struct DeviceAuthentication: Sendable {
    let house: House

    package func caller(_ context: DeviceContext) async throws -> Caller {
        guard let peer = context.peer, let der = peer.certificate else {
            throw Refusal(
                .unauthenticated, "No client certificate was shown.",
                hint: "Connect with the device's birth or operational certificate.", rule: "RFC 7030 §3.3.2")
        }
        let shown = try verify(der, of: peer)
        let (device, state) = try await house.read { rows in
            try (Self.find(shown, in: rows), Self.state(of: shown, in: rows))
        }
        guard let device else {
            throw Refusal(
                .forbidden, "The certificate is good, but the registry does not know the device.",
                hint: "Import the batch that it was made in: lifelong batch import.", rule: "registry: unknown device")
        }
        try await Contact.judge(device, from: peer.address, in: house)
        guard device.passport.stage != .retired || device.passport.wipeOwed else {
            throw Refusal(
                .forbidden, "The device's life is over; it is not served any more.", hint: device.passport.whatToDo,
                rule: "stage retired: contact")
        }
        return Caller(
            device: device, shown: shown, isRevoked: shown.kind == .operational && state != "issued",
            address: peer.address)
    }

    private func verify(_ der: [UInt8], of peer: TLSPeer) throws -> VerifiedCertificate {
        let now = house.clock()
        if let known = peer.verified, known.der == der, known.reference.notBefore <= now,
            now <= known.reference.notAfter
        {
            return known
        }
        let verified = try Self.verify(der, at: now, house)
        peer.verified = verified
        return verified
    }

    /// Against the operational anchors, or the maker's: never the one for the other.
    private static func verify(_ der: [UInt8], at now: Timestamp, _ house: House) throws -> VerifiedCertificate {
        let operational = try house.authorities.verifier(for: .operational)
            .verify(leaf: der, at: now, purpose: .operational)
        if case .success(let verified) = operational { return verified }
        let birth = try house.authorities.verifier(for: .birth).verify(leaf: der, at: now, purpose: .birth)
        switch (birth, operational) {
        case (.success(let verified), _): return verified
        // The operational check says "this is a birth certificate" of one that is bad as such, too.
        case (.failure(let refusal), .failure(let other)):
            throw unauthenticated(other.rule == "IEEE 802.1AR §6" ? refusal : other)
        case (.failure(let refusal), _): throw unauthenticated(refusal)
        }
    }

    /// Whatever is wrong with a certificate, it authenticated nobody.
    private static func unauthenticated(_ refusal: Refusal) -> Refusal {
        Refusal(.unauthenticated, refusal.detail, hint: refusal.hint, rule: refusal.rule)
    }

    private static func find(_ shown: VerifiedCertificate, in rows: any Rows) throws -> Device? {
        if shown.kind == .operational { return try shown.commonName.flatMap { try Device.find($0, in: rows) } }
        guard let device = try shown.serialNumber.flatMap({ try Device.find($0, in: rows) }),
            device.passport.birthCertificate.sha256 == shown.reference.sha256
        else { return nil }
        return device
    }

    /// The registry's word about an operational certificate; nil if it never issued it.
    private static func state(of shown: VerifiedCertificate, in rows: any Rows) throws -> String? {
        guard shown.kind == .operational else { return nil }
        let row = try rows.first("SELECT state FROM certificate WHERE serial = $1", [.text(shown.reference.serial)])
        return row?.optionalText("state")
    }
}
