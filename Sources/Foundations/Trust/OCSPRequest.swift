import Wire

extension OCSP {
    /// Reads an OCSPRequest (RFC 6960 §4.1.1). A signature on it is passed over: anybody may ask.
    /// - Parameters:
    ///   - limit: most bytes.
    ///   - mostCertificates: most CertIDs; each costs a look-up.
    package static func parseRequest(
        _ der: [UInt8], limit: Int = 16 << 10, mostCertificates: Int = 16
    ) throws(Refusal) -> Request {
        guard der.count <= limit else {
            throw Refusal(
                .tooLarge, "The OCSP request has \(der.count) bytes; \(limit) are allowed.",
                hint: "Ask for fewer certificates at a time.", rule: "RFC 6960 §4.1")
        }
        var outer = try DERNode.parse(der[...], as: "OCSP request").children()
        let tbs = try outer.take()
        _ = outer.take(if: .context(0))
        try outer.end()

        var fields = try tbs.children()
        // version [0] EXPLICIT DEFAULT v1: never written out.
        guard fields.take(if: .context(0)) == nil else { throw tbs.wrong("a version that is not 1, or its default") }
        _ = fields.take(if: .context(1))
        let list = try fields.take().children()
        guard (1...mostCertificates).contains(list.count) else {
            throw Refusal(
                .tooLarge,
                "The OCSP request asks for \(list.count) certificates; 1 to \(mostCertificates) are answered.",
                hint: "Ask for fewer at a time.", rule: "RFC 6960 §4.1.1")
        }
        var certificates: [CertificateID] = []
        for item in list { certificates.append(try certificate(item)) }
        let nonce = try nonce(in: fields.take(if: .context(2)), tag: 2)
        try fields.end()
        return Request(certificates: certificates, nonce: nonce.flatMap { (16...32).contains($0.count) ? $0 : nil })
    }

    private static func certificate(_ node: DERNode) throws(Refusal) -> CertificateID {
        var fields = try node.children()
        let id = try CertificateID(try fields.take())
        if let wrapper = fields.take(if: .context(0)) {
            var inside = try wrapper.children(of: .context(0))
            try refuseCritical(try Extension.list(try inside.take()), except: [])
            try inside.end()
        }
        try fields.end()
        return id
    }

    /// The nonce among the extensions under `[tag]`: 1 to 128 octets (RFC 9654 §2.1).
    static func nonce(in wrapper: DERNode?, tag: UInt) throws(Refusal) -> [UInt8]? {
        guard let wrapper else { return nil }
        var inside = try wrapper.children(of: .context(tag))
        let extensions = try Extension.list(try inside.take())
        try inside.end()
        try refuseCritical(extensions, except: [.ocspNonce])
        guard let item = extensions.first(where: { $0.type == .ocspNonce }) else { return nil }
        let octets = try DERNode.parse(item.value[...], as: "OCSP nonce").octets()
        guard (1...128).contains(octets.count) else {
            throw Refusal(
                .malformed, "The OCSP nonce has \(octets.count) octets.", hint: "Send 16 to 32 random octets.",
                rule: "RFC 9654 §2.1")
        }
        return Array(octets)
    }

    static func refuseCritical(_ extensions: [Extension], except known: Set<OID>) throws(Refusal) {
        guard let item = extensions.first(where: { $0.isCritical && !known.contains($0.type) }) else { return }
        throw Refusal(
            .malformed, "The OCSP message has a critical extension that is not understood (\(item.type)).",
            hint: "Leave it out, or mark it not critical.", rule: "RFC 6960 §4.4")
    }

    /// DER of an unsigned OCSPRequest.
    /// - Parameter nonce: 32 random octets for an answer that was not kept.
    package static func request(for ids: [CertificateID], nonce: [UInt8]? = nil) -> [UInt8] {
        let list = DERWriter.sequence(of: ids.map { DERWriter.sequence($0.der) })
        let extensions = nonce.map { [DERWriter.context(2, nonceExtensions($0))] } ?? []
        return DERWriter.sequence(DERWriter.sequence(of: [list] + extensions))
    }

    static func nonceExtensions(_ nonce: [UInt8]) -> [UInt8] {
        DERWriter.sequence(Extension(type: .ocspNonce, value: DERWriter.octets(nonce)).der)
    }
}
