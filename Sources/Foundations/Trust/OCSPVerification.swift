import Wire

extension OCSP {
    /// Checks a response as a client does (RFC 6960 §3.2) and returns the status of the certificate asked for.
    /// - Parameters:
    ///   - issuer: DER of the certificate's issuer, itself already trusted.
    ///   - nonce: what was sent; nil accepts an answer that was kept for others.
    package static func verify(
        _ response: [UInt8], for id: CertificateID, issuer: [UInt8], nonce: [UInt8]?, at: Timestamp
    ) throws(Refusal) -> Status {
        let authority = try ParsedCertificate(issuer)
        let basic = try BasicResponse(response)
        let signer = try basic.signer(under: authority, at: at)
        guard
            try PublicKey(spki: signer.tbs.spki).verifies(
                basic.signature[...], over: basic.data[...], by: basic.algorithm)
        else {
            throw refuse("The signature of the OCSP response is wrong.", "RFC 6960 §3.2 (2)")
        }
        if let nonce, basic.nonce != nonce {
            throw refuse("The OCSP response does not echo the nonce.", "RFC 9654 §2.1")
        }
        guard let single = basic.singles.first(where: { $0.id.names(theSameAs: id) }) else {
            throw refuse("The OCSP response is about another certificate.", "RFC 6960 §3.2 (1)")
        }
        guard single.thisUpdate <= at, basic.producedAt <= at else {
            throw refuse("The OCSP response is from the future.", "RFC 6960 §4.2.2.1")
        }
        if let next = single.nextUpdate, next <= at {
            throw refuse("The OCSP response has been out of date since \(next).", "RFC 6960 §4.2.2.1")
        }
        return single.status
    }

    fileprivate static func refuse(_ detail: String, _ rule: String) -> Refusal {
        Refusal(.unauthenticated, detail, hint: "Ask the responder of the certificate's issuer anew.", rule: rule)
    }
}

private struct SingleResponse {
    let id: OCSP.CertificateID
    let status: OCSP.Status
    let thisUpdate: Timestamp
    let nextUpdate: Timestamp?

    init(_ node: DERNode) throws(Refusal) {
        var fields = try node.children()
        id = try OCSP.CertificateID(try fields.take())
        status = try Self.status(try fields.take())
        thisUpdate = try DERTime.readGeneralized(try fields.take())
        if let wrapper = fields.take(if: .context(0)) {
            var inside = try wrapper.children(of: .context(0))
            nextUpdate = try DERTime.readGeneralized(try inside.take())
            try inside.end()
        } else {
            nextUpdate = nil
        }
        if let wrapper = fields.take(if: .context(1)) {
            var inside = try wrapper.children(of: .context(1))
            try OCSP.refuseCritical(try Extension.list(try inside.take()), except: [])
            try inside.end()
        }
        try fields.end()
    }

    private static func status(_ node: DERNode) throws(Refusal) -> OCSP.Status {
        if node.has(.context(0)), try node.octets(of: .context(0)).isEmpty { return .good }
        if node.has(.context(2)), try node.octets(of: .context(2)).isEmpty { return .unknown }
        var fields = try node.children(of: .context(1))
        let at = try DERTime.readGeneralized(try fields.take())
        var reason = RevocationReason.unspecified
        if let wrapper = fields.take(if: .context(0)) {
            var inside = try wrapper.children(of: .context(0))
            let code = try inside.take().smallInteger(.enumerated)
            guard let known = RevocationReason(rawValue: code), inside.isAtEnd else {
                throw node.wrong("an unknown reason for revocation")
            }
            reason = known
        }
        try fields.end()
        return .revoked(at: at, reason: reason)
    }
}

/// BasicOCSPResponse (RFC 6960 §4.2.1) of at most 64 KiB, with at most 64 single answers.
private struct BasicResponse {
    let data: [UInt8]
    let producedAt: Timestamp
    let singles: [SingleResponse]
    let nonce: [UInt8]?
    let algorithm: SignatureAlgorithm
    let signature: [UInt8]
    let certificates: [ParsedCertificate]
    /// responderID: exactly one of the two.
    let responderName: DistinguishedName?
    let responderKey: [UInt8]?

    init(_ response: [UInt8]) throws(Refusal) {
        guard response.count <= 64 << 10 else {
            throw Refusal(
                .tooLarge, "The OCSP response has \(response.count) bytes.", hint: "Ask for one certificate at a time.",
                rule: "RFC 6960 §4.2.1")
        }
        var outer = try DERNode.parse(response[...], as: "OCSP response").children()
        let code = try outer.take().smallInteger(.enumerated)
        guard code == 0 else {
            throw Refusal(
                .unavailable, "The OCSP responder gave no answer (status \(code)).",
                hint: "Ask again later, or ask the responder of the certificate's issuer.", rule: "RFC 6960 §4.2.1")
        }
        var wrapper = try outer.take().children(of: .context(0))
        try outer.end()
        var typed = try wrapper.take().children()
        try wrapper.end()
        guard try typed.take().objectIdentifier() == .ocspBasic else {
            throw OCSP.refuse("The OCSP response is of an unknown type.", "RFC 6960 §4.2.1")
        }
        let basic = try typed.take().octets()
        try typed.end()

        var fields = try DERNode.parse(basic, as: "OCSP response").children()
        let tbs = try fields.take()
        algorithm = try SignatureAlgorithm(try AlgorithmIdentifier(try fields.take()), of: "OCSP response")
        signature = Array(try fields.take().bytesOfBitString())
        certificates = try Self.certificates(fields.take(if: .context(0)))
        try fields.end()

        data = Array(tbs.encoded)
        var inner = try tbs.children()
        guard inner.take(if: .context(0)) == nil else { throw tbs.wrong("a version that is not 1, or its default") }
        (responderName, responderKey) = try Self.responder(try inner.take())
        producedAt = try DERTime.readGeneralized(try inner.take())
        let list = try inner.take().children()
        guard (1...64).contains(list.count) else { throw tbs.wrong("no answers, or more than 64") }
        var singles: [SingleResponse] = []
        for item in list { singles.append(try SingleResponse(item)) }
        self.singles = singles
        nonce = try OCSP.nonce(in: inner.take(if: .context(1)), tag: 1)
        try inner.end()
    }

    private static func certificates(_ wrapper: DERNode?) throws(Refusal) -> [ParsedCertificate] {
        guard let wrapper else { return [] }
        var inside = try wrapper.children(of: .context(0))
        let list = try inside.take().children()
        try inside.end()
        guard list.count <= 8 else { throw wrapper.wrong("more than 8 certificates") }
        var out: [ParsedCertificate] = []
        for node in list { out.append(try ParsedCertificate(Array(node.encoded))) }
        return out
    }

    private static func responder(_ node: DERNode) throws(Refusal) -> (DistinguishedName?, [UInt8]?) {
        if node.has(.context(1)) {
            var inside = try node.children(of: .context(1))
            return (try DistinguishedName(try inside.take()), nil)
        }
        var inside = try node.children(of: .context(2))
        return (nil, Array(try inside.take().octets()))
    }

    /// The issuer itself, or a responder that it delegated and that is valid now.
    func signer(under authority: ParsedCertificate, at: Timestamp) throws(Refusal) -> ParsedCertificate {
        if try isResponder(authority) { return authority }
        for certificate in certificates where try isResponder(certificate) {
            try OCSP.checkDelegation(certificate, by: authority)
            try Validity.check(certificate.tbs, at: at, whose: "The OCSP responder's certificate")
            return certificate
        }
        throw OCSP.refuse("The OCSP response names a responder that it does not bring along.", "RFC 6960 §4.2.2.2")
    }

    private func isResponder(_ certificate: ParsedCertificate) throws(Refusal) -> Bool {
        if let responderName { return responderName == certificate.tbs.subject }
        return try PublicKeys.keyIdentifier(certificate.tbs.spki) == responderKey
    }
}
