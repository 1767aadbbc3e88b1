import Crypto
import Foundation
import Wire

/// A small secret for the holder of one P-256 key: HPKE (RFC 9180) in base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256,
/// AES-256-GCM.
package struct KeyEnvelope: Sendable, Equatable {
    /// The encapsulated key: a point, uncompressed.
    package let encapsulated: [UInt8]
    package let ciphertext: [UInt8]

    /// Bounds of what is opened.
    package static let encapsulatedBytes = 65
    package static let largestCiphertext = 1024

    private static let suite = HPKE.Ciphersuite.P256_SHA256_AES_GCM_256
    private static let info = Data("lifelong key envelope v1".utf8)

    package init(encapsulated: [UInt8], ciphertext: [UInt8]) {
        self.encapsulated = encapsulated
        self.ciphertext = ciphertext
    }

    /// - Parameters:
    ///   - spki: SubjectPublicKeyInfo of the key that is to open it.
    ///   - context: what it is for; authenticated with it, and the same when it is opened.
    package static func seal(_ secret: [UInt8], to spki: [UInt8], context: [UInt8]) throws(Refusal) -> KeyEnvelope {
        guard case .p256(let key) = try PublicKey(spki: spki) else {
            throw Refusal(
                .unsupported, "Envelopes are made for keys on P-256 only.", hint: "Enrol with a key on P-256.",
                rule: "RFC 9180 §7.1")
        }
        do {
            var sender = try HPKE.Sender(
                recipientKey: P256.KeyAgreement.PublicKey(x963Representation: key.x963Representation),
                ciphersuite: suite, info: info)
            let ciphertext = try sender.seal(secret, authenticating: context)
            return KeyEnvelope(encapsulated: Array(sender.encapsulatedKey), ciphertext: Array(ciphertext))
        } catch {
            throw Refusal(.internal, "The envelope could not be made.", hint: "Report this with the server's log.")
        }
    }

    package func open(with key: P256.Signing.PrivateKey, context: [UInt8]) throws(Refusal) -> [UInt8] {
        guard encapsulated.count == Self.encapsulatedBytes, ciphertext.count <= Self.largestCiphertext else {
            throw Self.notOurs
        }
        do {
            var recipient = try HPKE.Recipient(
                privateKey: P256.KeyAgreement.PrivateKey(rawRepresentation: key.rawRepresentation),
                ciphersuite: Self.suite, info: Self.info, encapsulatedKey: Data(encapsulated))
            return Array(try recipient.open(ciphertext, authenticating: context))
        } catch {
            throw Self.notOurs
        }
    }

    private static let notOurs = Refusal(
        .unauthenticated, "The envelope does not open with this key.", hint: "Ask for one for the present certificate.",
        rule: "RFC 9180 §5.2")
}

/// A signing key that also opens envelopes. One key for both is safe here: the two uses never see the same input, and each
/// stays secure beside the other (docs/decisions/0041).
package protocol OpeningKey: SigningKey {
    func open(_ envelope: KeyEnvelope, context: [UInt8]) throws -> [UInt8]
}

extension Refusal {
    package static let opensNothing = Refusal(
        .unsupported, "This key opens no envelopes.",
        hint: "Use a key on P-256 in a key store that can agree on keys (docs/encrypted-updates.md).",
        rule: "RFC 9180 §7.1")
}
