import Wire

/// A certification request (PKCS#10, RFC 2986) that passed every check: its holder has the private key, the key is
/// sound, and it asks for nothing that only an authority may have.
package struct VerifiedRequest: Sendable {
    package struct Subject: Sendable, Equatable {
        /// For people ("O=y, CN=x").
        package let readable: String
        package let serialNumber: String?
        package let commonName: String?
        package let isEmpty: Bool
        package let der: [UInt8]
    }

    package let der: [UInt8]
    package let spki: [UInt8]
    /// SHA-256 of `spki`.
    package let key: Digest
    package let subject: Subject
    /// The value of the subjectAltName asked for: DER GeneralNames.
    package let subjectAlternativeNames: [UInt8]?
    /// PKCS#9 challengePassword: proof-of-possession linking (RFC 7030 §3.5).
    package let challengePassword: String?

    /// - Parameter limit: most bytes of DER.
    package init(der: [UInt8], limit: Int = 64 << 10) throws(Refusal) {
        guard der.count <= limit else { throw Self.tooLarge(der.count, limit) }
        var fields = try DERNode.parse(der[...], as: "certification request").children()
        let info = try fields.take()
        let algorithm = try SignatureAlgorithm(try AlgorithmIdentifier(try fields.take()), of: "certification request")
        let signature = try fields.take().bytesOfBitString()
        try fields.end()

        var inner = try info.children()
        guard try inner.take().smallInteger() == 0 else { throw info.wrong("a version that is not 1") }
        let name = try DistinguishedName(try inner.take())
        let spki = Array(try inner.take().encoded)
        let asked = try RequestedAttributes(inner.take(if: .context(0)))
        try inner.end()

        let key = try KeyQuality.check(spki)
        guard key.verifies(signature, over: info.encoded, by: algorithm) else {
            throw Refusal(
                .malformed, "The signature of the certification request is wrong.",
                hint: "Sign the request with the private key that belongs to its public key.", rule: "RFC 2986 §4.2")
        }
        self.der = der
        self.spki = spki
        self.key = PublicKeys.digest(spki)
        subject = Subject(
            readable: name.readable, serialNumber: name.text(of: .serialNumber), commonName: name.text(of: .commonName),
            isEmpty: name.isEmpty, der: name.der)
        subjectAlternativeNames = asked.alternativeNames
        challengePassword = asked.challengePassword
    }

    /// The body of an EST request: base64 with or without line breaks (RFC 8951 §3.1).
    package init(base64Body: [UInt8], limit: Int = 64 << 10) throws(Refusal) {
        // Four characters for three bytes, and at worst a CRLF after every four.
        guard base64Body.count <= limit * 2 + 16 else { throw Self.tooLarge(base64Body.count, limit) }
        let der = try Base64Body.decode(base64Body, as: "certification request")
        try self.init(der: der, limit: limit)
    }

    private static func tooLarge(_ count: Int, _ limit: Int) -> Refusal {
        Refusal(
            .tooLarge, "The certification request has \(count) bytes; \(limit) are allowed.",
            hint: "Send a smaller request: a key and a name are enough.", rule: "RFC 7030 §4.2.1")
    }
}

/// What a request's attributes ask for. Unknown attributes are passed over, as RFC 2986 allows; none may come twice.
private struct RequestedAttributes {
    var alternativeNames: [UInt8]?
    var challengePassword: String?

    init(_ node: DERNode?) throws(Refusal) {
        guard let node else { return }
        let attributes = try node.children(of: .context(0))
        guard attributes.count <= 32 else { throw node.wrong("more than 32 attributes") }
        var seen: Set<OID> = []
        for attribute in attributes {
            var fields = try attribute.children()
            let type = try fields.take().objectIdentifier()
            var values = try fields.take().children(of: .set)
            try fields.end()
            guard seen.insert(type).inserted else {
                throw Refusal(
                    .malformed, "The certification request has the attribute \(type) twice.",
                    hint: "Write every attribute once.", rule: "RFC 2986 §4.1")
            }
            guard type == .extensionRequest || type == .challengePassword else { continue }
            let value = try values.take()
            try values.end()
            if type == .extensionRequest {
                try read(try Extension.list(value))
            } else {
                challengePassword = try Self.password(value)
            }
        }
    }

    private mutating func read(_ extensions: [Extension]) throws(Refusal) {
        for item in extensions {
            switch item.type {
            case .basicConstraints:
                guard try !BasicConstraints(item.value).isAuthority else {
                    throw Self.forbidden("to be an authority (CA:TRUE)")
                }
            case .keyUsage:
                let bits = try ExtensionValues.keyUsage(item.value)
                guard bits.isDisjoint(with: [KeyUsageBit.keyCertSign, KeyUsageBit.cRLSign]) else {
                    throw Self.forbidden("to sign certificates or CRLs (keyCertSign, cRLSign)")
                }
            case .subjectAlternativeName:
                _ = try GeneralName.list(item.value, of: "subjectAltName asked for")
                alternativeNames = item.value
            default: break
            }
        }
    }

    private static func forbidden(_ what: String) -> Refusal {
        Refusal(
            .malformed, "The certification request asks \(what), which no device may.",
            hint: "Make the request without that extension.", rule: "RFC 5280 §4.2.1.9")
    }

    /// DirectoryString or IA5String, at most 255 characters (RFC 2985 §5.4.1).
    private static func password(_ node: DERNode) throws(Refusal) -> String {
        for tag in [DERTag.utf8String, .printableString, .ia5String] where node.has(tag) {
            let octets = try node.octets(of: tag)
            guard octets.count <= 255, let text = String(validating: octets, as: UTF8.self) else { break }
            return text
        }
        throw node.wrong("a challengePassword that is not a short text")
    }
}
