import Crypto
import Keys
import Trust
import Wire

/// A unit's side of its birth: it makes its own key, shows a request for it, checks what it gets, keeps it, and says so.
///
/// Free of disk and line, so that a simulator can be born in memory: the caller brings messages, a key and a place to keep
/// the result. A conversation that broke off is begun again with the same key, and ends with the same identity.
package struct BeBorn {
    /// What a unit takes from its birth into its life.
    package struct Identity: Sendable, Equatable {
        package var unit: UnitRecord
        /// DER: the birth certificate, then its chain up to and including the root.
        package var chain: [[UInt8]]
        package var service: ServiceAnchor
    }

    private enum State { case silent, identified, requested(serial: String, ProductID), done }

    package let hardware: String
    /// The serial that the unit already carries, if any.
    package let serial: String?
    private let key: any SigningKey
    private var state = State.silent
    /// There once the birth certificate was accepted.
    package private(set) var identity: Identity?

    package init(hardware: String, serial: String?, key: any SigningKey) throws(Refusal) {
        guard (1...128).contains(hardware.utf8.count), hardware.unicodeScalars.allSatisfy({ $0.value >= 32 }) else {
            throw Refusal(
                .malformed, "A hardware name has 1 to 128 bytes and no control characters.",
                hint: "Use the name that the permit and the releases use, such as \"thermostat-2-rev-b\".")
        }
        if let serial { try Self.check(serial: serial) }
        self.hardware = hardware
        self.serial = serial
        self.key = key
    }

    /// What the station called the unit, once it has; durable before the request leaves, so that a unit that was cut off
    /// comes back under the same name.
    package var assignedSerial: String? {
        if case .requested(let serial, _) = state { return serial }
        return nil
    }

    /// The unit's answer to the station's message.
    /// - Parameter keep: makes the identity durable before `born` is said.
    package mutating func answer(
        _ message: LineMessage, at now: Timestamp, keep: (Identity) throws -> Void
    ) throws -> LineMessage {
        switch (message, state) {
        case (.identify, .silent):
            state = .identified
            return .hardware(name: hardware, serial: serial)
        case (.request(let wanted, let product), .identified):
            return try request(wanted, product)
        case (.birth(let certificate, let chain, let service), .requested(let serial, let product)):
            let identity = try accept(certificate, chain, service, serial, product, at: now)
            try keep(identity)
            self.identity = identity
            state = .done
            return .born(sha256: Wire.Digest(SHA256.hash(data: identity.chain[0])))
        case (.error(let refusal), _):
            throw Refusal(
                .unavailable, "The station gave up: \(refusal.detail.prefix(300))",
                hint: "Look at the station, and connect the unit again.")
        default:
            throw Refusal(
                .malformed, "The station said something out of turn.",
                hint: "Begin again; a birth is identify, request, birth.", rule: "birth: order")
        }
    }

    package var isDone: Bool { identity != nil }

    private mutating func request(_ wanted: String, _ product: ProductID) throws -> LineMessage {
        try Self.check(serial: wanted)
        if let serial, serial != wanted {
            throw Refusal(
                .conflict, "The station asks for serial \(wanted), and this unit carries \(serial).",
                hint: "Check the label and the station's list.", rule: "birth: serial")
        }
        state = .requested(serial: wanted, product)
        return .csr(Base64.encode(try CertificationRequest.birth(serial: wanted, key: key)))
    }

    private func accept(
        _ certificate: String, _ chain: [String], _ service: ServiceAnchor, _ serial: String, _ product: ProductID,
        at now: Timestamp
    ) throws -> Identity {
        guard (1...8).contains(chain.count) else {
            throw Self.wrong("comes without a chain, or with one of more than 8")
        }
        let ders = try ([certificate] + chain).map { text in
            guard let der = Base64.decode(text) else { throw Self.wrong("is not base64") }
            return der
        }
        let own = try HeldCertificate(ders[0])
        guard own.spki == key.publicKeyDER else { throw Self.wrong("is for another key than the one made here") }
        guard own.serialNumber == serial else { throw Self.wrong("is for another serial than \(serial)") }
        let verifier = try ChainVerifier(
            anchors: [ders[ders.count - 1]], intermediates: Array(ders[1..<(ders.count - 1)]))
        // A unit on the line may not know the hour yet: a certificate that was made just now is not from the future.
        switch verifier.verify(leaf: ders[0], at: max(now, own.notBefore), purpose: .birth) {
        case .failure(let refusal): throw refusal
        case .success: break
        }
        try check(service)
        return Identity(
            unit: UnitRecord(hardware: hardware, serial: serial, product: product, born: now), chain: ders,
            service: service)
    }

    /// Everything that the device will trust for the rest of its life is looked at now, while somebody stands beside it.
    private func check(_ service: ServiceAnchor) throws {
        guard (1...16).contains(service.anchors.count), service.releaseKeys.count <= 16 else {
            throw Self.wrong("brings no anchors of the service, or more than 16")
        }
        for anchor in service.anchors {
            guard let der = Base64.decode(anchor) else { throw Self.wrong("brings an anchor that is not base64") }
            _ = try HeldCertificate(der)
        }
        for releaseKey in service.releaseKeys {
            guard let spki = Base64.decode(releaseKey) else {
                throw Self.wrong("brings a release key that is not base64")
            }
            _ = try PublicKeys.algorithm(spki)
        }
        if let root = service.updates, root.version < 1 || root.sha256.bytes.count != 32 {
            throw Self.wrong("brings a root of update metadata that is none")
        }
        _ = try DeviceClient.base(service.url)
    }

    private static func check(serial: String) throws(Refusal) {
        let printable = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?".utf8)
        guard (1...64).contains(serial.utf8.count), serial.utf8.allSatisfy(printable.contains) else {
            throw Refusal(
                .malformed, "A serial has 1 to 64 characters of PrintableString.",
                hint: "Use letters, digits and hyphens.", rule: "IEEE 802.1AR §8.6")
        }
    }

    private static func wrong(_ what: String) -> Refusal {
        Refusal(
            .malformed, "The birth certificate \(what).",
            hint: "Check the station's permit, and connect the unit again.",
            rule: "birth: certificate")
    }
}
