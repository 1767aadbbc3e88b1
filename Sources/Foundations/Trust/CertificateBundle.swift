import Wire

/// Certificates without a signature around them: the certs-only SignedData of RFC 5652 §5.1 that EST answers with
/// (RFC 7030 §4.1.3), `application/pkcs7-mime; smime-type=certs-only`.
package enum CertificateBundle {
    /// DER ContentInfo. The certificates keep the order given: clients take the first for their own.
    package static func encode(_ certificates: [[UInt8]]) -> [UInt8] {
        let signedData = DERWriter.sequence(
            of: [
                DERWriter.integer(1), DERWriter.set([]), DERWriter.sequence(DERWriter.oid(.pkcs7Data)),
                DERWriter.constructed(.context(0), certificates), DERWriter.set([]),
            ])
        return DERWriter.sequence(DERWriter.oid(.pkcs7SignedData), DERWriter.context(0, signedData))
    }

    /// The certificates of a certs-only SignedData, at most 64; anything signed or encapsulated is refused.
    package static func decode(_ der: [UInt8], limit: Int = 1 << 20) throws(Refusal) -> [[UInt8]] {
        guard der.count <= limit else {
            throw Refusal(
                .tooLarge, "The bundle has \(der.count) bytes; \(limit) are allowed.",
                hint: "Send fewer certificates.", rule: "RFC 7030 §4.1.3")
        }
        var info = try DERNode.parse(der[...], as: "certificate bundle").children()
        guard try info.take().objectIdentifier() == .pkcs7SignedData else { throw notCertificatesOnly }
        var wrapper = try info.take().children(of: .context(0))
        try info.end()
        var fields = try wrapper.take().children()
        try wrapper.end()
        guard try fields.take().smallInteger() == 1, try fields.take().children(of: .set).isAtEnd else {
            throw notCertificatesOnly
        }
        var content = try fields.take().children()
        guard try content.take().objectIdentifier() == .pkcs7Data, content.isAtEnd else { throw notCertificatesOnly }
        var certificates: [[UInt8]] = []
        if let list = fields.take(if: .context(0)) {
            for node in try list.children(of: .context(0)) { certificates.append(Array(node.encoded)) }
        }
        _ = fields.take(if: .context(1))
        guard try fields.take().children(of: .set).isAtEnd, certificates.count <= 64 else { throw notCertificatesOnly }
        try fields.end()
        return certificates
    }

    private static var notCertificatesOnly: Refusal {
        Refusal(
            .malformed, "The PKCS#7 is not a certs-only SignedData.",
            hint: "Send certificates without signers and content.", rule: "RFC 7030 §4.1.3")
    }
}

/// What `/csrattrs` tells a device to put into its request (RFC 7030 §4.5.2; RFC 9908 keeps the form).
package enum RequestAttributes {
    /// DER CsrAttrs: the kind of key with its curve, and the signature algorithm.
    package static func encode(key: KeyAlgorithm) -> [UInt8] {
        switch key {
        case .p256: encode(curve: .secp256r1, signature: .ecdsaSHA256)
        case .p384: encode(curve: .secp384r1, signature: .ecdsaSHA384)
        case .ed25519: DERWriter.sequence(DERWriter.oid(.ed25519))
        }
    }

    private static func encode(curve: OID, signature: OID) -> [UInt8] {
        let key = DERWriter.sequence(DERWriter.oid(.ecPublicKey), DERWriter.set([DERWriter.oid(curve)]))
        return DERWriter.sequence(key, DERWriter.oid(signature))
    }
}
