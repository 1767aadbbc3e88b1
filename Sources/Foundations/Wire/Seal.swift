/// A signed statement: DSSE v1.0 (secure-systems-lab/dsse, envelope.md and protocol.md). The one envelope for all that
/// stations, devices and release keys sign, so that any DSSE tool can check it.
///
/// The signature is over the pre-authentication encoding of type and payload bytes; verification is `Trust`'s, which
/// knows keys. Payloads are decoded only after that.
package struct Seal: Codable, Sendable, Equatable {
    package struct Signature: Codable, Sendable, Equatable {
        /// SHA-256 of the signer's SubjectPublicKeyInfo, in hexadecimal. A hint, never trusted.
        package var keyid: String
        /// Base64 of the DER ECDSA signature (or of the raw 64 bytes for Ed25519).
        package var sig: String
        package init(keyid: String, sig: String) {
            self.keyid = keyid
            self.sig = sig
        }
    }

    package var payloadType: String
    /// Base64 of the payload bytes.
    package var payload: String
    package var signatures: [Signature]

    package init(payloadType: String, payload: [UInt8], signatures: [Signature]) {
        self.payloadType = payloadType
        self.payload = Base64.encode(payload)
        self.signatures = signatures
    }

    /// "DSSEv1 SP len(type) SP type SP len(body) SP body", lengths in decimal bytes.
    package static func preAuthenticationEncoding(type: String, payload: [UInt8]) -> [UInt8] {
        Array("DSSEv1 \(type.utf8.count) \(type) \(payload.count) ".utf8) + payload
    }

    package func payloadBytes() throws(Refusal) -> [UInt8] {
        guard let bytes = Base64.decode(payload) else {
            throw Refusal(
                .malformed, "The payload of the seal is not base64.", hint: "Send the DSSE envelope as signed.")
        }
        return bytes
    }

    /// Media types of the payloads that this project signs.
    package enum PayloadType {
        package static let receipt = "application/vnd.lifelong.receipt+json"
        package static let manifest = "application/vnd.lifelong.release-manifest+json"
        package static let permit = "application/vnd.lifelong.permit+json"
        package static let births = "application/vnd.lifelong.births+json"
        package static let succession = "application/vnd.lifelong.key-succession+json"
    }
}
