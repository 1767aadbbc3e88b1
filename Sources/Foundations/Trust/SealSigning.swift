import Wire

extension Seal {
    /// Signs `payload` (DSSE v1.0, protocol.md): one signature over the pre-authentication encoding.
    package static func sign(type: String, payload: [UInt8], with key: any SigningKey) throws -> Seal {
        try sign(type: type, payload: payload, with: [key])
    }

    /// A signature by each: while one key succeeds another, whoever knows either is content.
    package static func sign(type: String, payload: [UInt8], with keys: [any SigningKey]) throws -> Seal {
        let message = preAuthenticationEncoding(type: type, payload: payload)
        let signatures = try keys.map { key in
            Signature(keyid: key.keyDigest.description, sig: Base64.encode(try key.signature(over: message)))
        }
        return Seal(payloadType: type, payload: payload, signatures: signatures)
    }

    /// The payload's bytes, after at least one signature has proven right under one of the SubjectPublicKeyInfos.
    ///
    /// `keyid` is a hint and never trusted: every signature is tried under every key, at most 16 of each.
    /// - Parameter limit: most bytes that the payload may have.
    package func verified(type: String, by spkis: [[UInt8]], limit: Int = 1 << 20) throws(Refusal) -> [UInt8] {
        guard payloadType == type else {
            throw Refusal(
                .malformed, "The seal holds \"\(payloadType.prefix(80))\" where \"\(type)\" is expected.",
                hint: "Send the document of that type.", rule: "DSSE protocol")
        }
        guard payload.utf8.count <= limit / 3 * 4 + 1024, signatures.count <= 16, spkis.count <= 16 else {
            throw Refusal(
                .tooLarge, "The seal is larger than allowed (\(limit) bytes of payload, 16 signatures).",
                hint: "Split the document.", rule: "DSSE envelope")
        }
        let bytes = try payloadBytes()
        guard bytes.count <= limit else {
            throw Refusal(
                .tooLarge, "The payload has \(bytes.count) bytes; \(limit) are allowed.", hint: "Split the document.",
                rule: "DSSE envelope")
        }
        let message = Self.preAuthenticationEncoding(type: type, payload: bytes)
        for signature in signatures {
            guard let raw = Base64.decode(signature.sig) else { continue }
            if spkis.contains(where: { PublicKeys.verify(signature: raw, over: message, spki: $0) }) { return bytes }
        }
        throw Refusal(
            .unauthenticated, "No signature of the seal is by an expected key.",
            hint: "Sign with a key that is registered for this purpose.", rule: "DSSE protocol")
    }
}
