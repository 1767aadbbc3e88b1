import Foundation
import SwiftASN1
import Trust
import Wire
import X509

/// A permit that is the maker's, for this station, and in force.
package struct VerifiedPermit: Sendable {
    package let permit: Permit
    /// The birth CA: the maker's certificate over this station's key.
    let authority: Authority
    /// DER of the birth CA's certificate and of those above it, up to and including the root.
    let chain: [[UInt8]]
    /// The maker's name, as the birth CA's certificate gives it.
    let organisation: String

    /// - Parameters:
    ///   - makerKeys: SPKIs of the keys that the maker signs permits with.
    ///   - birthKey: the station's own key, which the permit's first certificate must be for.
    init(
        _ seal: Seal, makerKeys: [[UInt8]], birthKey: any SigningKey, manifestKey: any SigningKey, at now: Timestamp
    ) throws(Refusal) {
        permit = try Self.read(seal, makerKeys: makerKeys)
        guard permit.stationKey == Base64.encode(manifestKey.publicKeyDER) else { throw Self.foreign("manifest key") }
        chain = try Self.decode(permit.birthChain)
        organisation = try Self.checkAuthority(chain, key: birthKey, at: now)
        guard (1...10_000_000).contains(permit.quantity), Self.isName(permit.hardware) else {
            throw Refusal(
                .malformed, "The permit has no usable quantity or hardware name.",
                hint: "Ask the maker for another permit.")
        }
        authority = try Authority(certificate: chain[0], chain: Array(chain.dropFirst()), key: birthKey)
        try checkExpiry(at: now)
    }

    func checkExpiry(at now: Timestamp) throws(Refusal) {
        guard now < permit.expires else {
            throw Refusal(
                .gone, "The permit for batch \(permit.batch) ended at \(permit.expires); here it is \(now).",
                hint: "Ask the maker for a new permit for the same batch, or set the clock if it is wrong.",
                rule: "permit expires")
        }
    }

    private static func read(_ seal: Seal, makerKeys: [[UInt8]]) throws(Refusal) -> Permit {
        let payload: [UInt8]
        do throws(Refusal) {
            payload = try seal.verified(type: Seal.PayloadType.permit, by: makerKeys)
        } catch {
            guard error.code == .unauthenticated else { throw error }
            throw Refusal(
                .unauthenticated,
                "The permit is not signed by the maker's key \(makerKeys.map { PublicKeys.digest($0).description }.joined(separator: ", ")).",
                hint: "Check --maker-key, or ask the maker which key signed the permit.", rule: "permit signature")
        }
        return try CanonicalJSON.decode(Permit.self, from: payload)
    }

    private static func decode(_ certificates: [String]) throws(Refusal) -> [[UInt8]] {
        let chain = certificates.prefix(8).compactMap { Base64.decode($0) }
        guard chain.count == certificates.count, chain.count >= 2 else {
            throw Refusal(
                .malformed, "The permit's birth chain is not a birth CA and a root.",
                hint: "Ask the maker for another permit.", rule: "permit birthChain")
        }
        return chain
    }

    /// The first certificate must be ours, chain to the last, and be valid now. Returns its organisation.
    private static func checkAuthority(
        _ chain: [[UInt8]], key: any SigningKey, at now: Timestamp
    ) throws(Refusal) -> String {
        guard let certificate = try? X509.Certificate(derEncoded: chain[0]) else {
            throw Refusal(
                .malformed, "The permit's birth CA certificate cannot be read.",
                hint: "Ask the maker for another permit.")
        }
        let start = Timestamp(milliseconds: Int64(certificate.notValidBefore.timeIntervalSince1970 * 1000))
        guard now >= start else {
            throw Refusal(
                .unavailable, "The clock says \(now), before the birth CA's first day \(start).",
                hint: "Set this computer's clock and run the command again.", rule: "RFC 5280 §4.1.2.5")
        }
        let verifier = try ChainVerifier(
            anchors: [chain[chain.count - 1]], intermediates: Array(chain[1..<(chain.count - 1)]))
        let verified = try verifier.verify(leaf: chain[0], at: now, purpose: .any).get()
        guard verified.spki == key.publicKeyDER else { throw foreign("birth CA key") }
        for name in certificate.subject {
            for attribute in name where attribute.type == .RDNAttributeType.organizationName {
                return attribute.value.description
            }
        }
        throw Refusal(
            .malformed, "The birth CA's certificate names no organisation.",
            hint: "Ask the maker for a certificate with an organisation.", rule: "RFC 5280 §4.1.2.6")
    }

    private static func foreign(_ what: String) -> Refusal {
        Refusal(
            .forbidden, "The permit is for a station with another \(what).",
            hint: "Use the permit that answers this station's own station-request.json.", rule: "permit stationKey")
    }

    private static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count) && Printable.text(text) == text
    }
}
