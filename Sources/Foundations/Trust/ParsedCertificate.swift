import Crypto
import Wire

/// A certificate read strictly (RFC 5280 §4.1): what cannot be read is refused here, what breaks a rule is refused by
/// `CertificateRules`, so that an anchor of an older time can still be named when it is not used.
struct ParsedCertificate: Sendable {
    let der: [UInt8]
    let tbs: TBSCertificate
    /// AlgorithmIdentifier, DER; the same inside and outside the signed part.
    let algorithm: [UInt8]
    let signature: [UInt8]

    /// - Parameter limit: most bytes; a device's certificate has under 2 KiB.
    init(_ der: [UInt8], limit: Int = 64 << 10) throws(Refusal) {
        guard der.count <= limit else {
            throw Refusal(
                .tooLarge, "The certificate has \(der.count) bytes; \(limit) are allowed.",
                hint: "Send a smaller certificate.", rule: "RFC 5280 §4.1")
        }
        var fields = try DERNode.parse(der[...], as: "certificate").children()
        tbs = try TBSCertificate(try fields.take())
        algorithm = Array(try AlgorithmIdentifier(try fields.take()).encoded)
        signature = Array(try fields.take().bytesOfBitString())
        try fields.end()
        self.der = der
        guard algorithm == tbs.innerAlgorithm else {
            throw Refusal(
                .malformed, "The certificate names two different signature algorithms.",
                hint: "Have it issued anew: both fields must be the same.", rule: "RFC 5280 §4.1.1.2")
        }
    }

    var isSelfIssued: Bool { tbs.subject == tbs.issuer }

    /// Whether `issuer`'s key made the signature.
    func isSigned(by issuer: ParsedCertificate) -> Bool {
        guard let key = try? PublicKey(spki: issuer.tbs.spki), let algorithm = try? signatureAlgorithm() else {
            return false
        }
        return key.verifies(signature[...], over: tbs.der[...], by: algorithm)
    }

    func signatureAlgorithm() throws(Refusal) -> SignatureAlgorithm {
        let node = try DERNode.parse(algorithm[...], as: "certificate")
        return try SignatureAlgorithm(try AlgorithmIdentifier(node), of: "certificate")
    }

    func reference() -> CertificateReference {
        CertificateReference(
            serial: tbs.serialText, issuerKey: Wire.Digest(tbs.authorityKey?.keyIdentifier ?? tbs.subjectKey ?? []),
            sha256: Wire.Digest(SHA256.hash(data: der)), key: PublicKeys.digest(tbs.spki), notBefore: tbs.notBefore,
            notAfter: tbs.notAfter)
    }
}

/// TBSCertificate of RFC 5280 §4.1.2, with the extensions that path validation processes.
struct TBSCertificate: Sendable {
    let der: [UInt8]
    /// 1 or 3.
    let version: Int
    /// Content octets of the INTEGER: two's complement.
    let serial: [UInt8]
    let innerAlgorithm: [UInt8]
    let issuer: DistinguishedName
    let notBefore: Timestamp
    let notAfter: Timestamp
    let subject: DistinguishedName
    let spki: [UInt8]
    let extensions: [Extension]
    let basicConstraints: BasicConstraints?
    let keyUsage: Set<Int>?
    let extendedKeyUsage: [OID]?
    let alternativeNames: [GeneralName]
    let nameConstraints: NameConstraints?
    let authorityKey: AuthorityKeyIdentifier?
    let subjectKey: [UInt8]?

    init(_ node: DERNode) throws(Refusal) {
        var fields = try node.children()
        version = try Self.version(fields.take(if: .context(0)))
        serial = Array(try fields.take().integer())
        innerAlgorithm = Array(try AlgorithmIdentifier(try fields.take()).encoded)
        issuer = try DistinguishedName(try fields.take())
        var validity = try fields.take().children()
        notBefore = try DERTime.read(try validity.take())
        notAfter = try DERTime.read(try validity.take())
        try validity.end()
        subject = try DistinguishedName(try fields.take())
        spki = Array(try fields.take().encoded)
        // Unique identifiers [1] and [2] are forbidden to conforming authorities (§4.1.2.8): end() refuses them.
        var extensions: [Extension] = []
        if let wrapper = fields.take(if: .context(3)) {
            guard version == 3 else { throw node.wrong("extensions without being version 3") }
            var inside = try wrapper.children(of: .context(3))
            extensions = try Extension.list(try inside.take())
            try inside.end()
        }
        try fields.end()
        der = Array(node.encoded)
        self.extensions = extensions
        let values = Dictionary(uniqueKeysWithValues: extensions.map { ($0.type, $0.value) })
        basicConstraints = try values[.basicConstraints].map { (v) throws(Refusal) in try BasicConstraints(v) }
        keyUsage = try values[.keyUsage].map { (v) throws(Refusal) in try ExtensionValues.keyUsage(v) }
        extendedKeyUsage = try values[.extendedKeyUsage].map { (v) throws(Refusal) in
            try ExtensionValues.extendedKeyUsage(v)
        }
        alternativeNames =
            try values[.subjectAlternativeName].map { (v) throws(Refusal) in
                try GeneralName.list(v, of: "subjectAltName extension")
            } ?? []
        nameConstraints = try values[.nameConstraints].map { (v) throws(Refusal) in try NameConstraints(v) }
        authorityKey = try values[.authorityKeyIdentifier].map { (v) throws(Refusal) in try AuthorityKeyIdentifier(v) }
        subjectKey = try values[.subjectKeyIdentifier].map { (v) throws(Refusal) in try ExtensionValues.keyIdentifier(v)
        }
    }

    private static func version(_ node: DERNode?) throws(Refusal) -> Int {
        guard let node else { return 1 }
        var inside = try node.children(of: .context(0))
        let number = try inside.take().smallInteger()
        try inside.end()
        // 0 is the default and never written out; 1 is version 2, which nobody issued.
        guard number == 2 else { throw node.wrong("a version that is neither 1 nor 3") }
        return 3
    }

    func value(of type: OID) -> [UInt8]? { extensions.first { $0.type == type }?.value }
    func isCritical(_ type: OID) -> Bool { extensions.contains { $0.type == type && $0.isCritical } }

    var serialText: String { SerialText.text(serial) }
    var isAuthority: Bool { basicConstraints?.isAuthority ?? false }

    /// The kind as far as the certificate tells it by itself.
    var kind: CertificateKind? {
        if isAuthority { return subject == issuer ? .root : .authority }
        let purposes = extendedKeyUsage ?? []
        let names = alternativeNames.contains { name in
            if case .other(let type, _) = name { return type == .hardwareModuleName || type == .permanentIdentifier }
            return false
        }
        if names || (notAfter == .noExpiry && subject.text(of: .serialNumber) != nil) { return .birth }
        if purposes.contains(.ocspSigning) { return .ocspResponder }
        if purposes.contains(.serverAuthentication) { return .server }
        if purposes.contains(.clientAuthentication) { return .operational }
        return nil
    }
}

/// Serial numbers as text: lower-case hexadecimal of the magnitude, two digits a byte.
package enum SerialText {
    /// From the content octets of a positive INTEGER, or from raw bytes.
    package static func text(_ bytes: some Collection<UInt8>) -> String {
        let magnitude = bytes.drop { $0 == 0 }
        return magnitude.isEmpty ? "00" : Hex.encode(magnitude)
    }

    /// The bytes of a serial in text; nil for anything that is not 1 to 20 bytes.
    static func bytes(_ text: String) -> [UInt8]? {
        guard let bytes = Hex.decode(text), (1...20).contains(bytes.count) else { return nil }
        return bytes
    }
}

extension PublicKeys {
    /// The SubjectPublicKeyInfo of a certificate that is known to be good (one that the registry keeps); no rule
    /// is checked.
    package static func ofCertificate(_ der: [UInt8]) throws(Refusal) -> [UInt8] { try ParsedCertificate(der).tbs.spki }
}
