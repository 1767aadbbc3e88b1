import Wire

/// AlgorithmIdentifier ::= SEQUENCE { algorithm OID, parameters ANY OPTIONAL } (RFC 5280 §4.1.1.2).
struct AlgorithmIdentifier {
    let oid: OID
    let parameters: DERNode?
    let encoded: ArraySlice<UInt8>

    init(_ node: DERNode) throws(Refusal) {
        var fields = try node.children()
        oid = try fields.take().objectIdentifier()
        parameters = fields.next()
        try fields.end()
        encoded = node.encoded
    }

    var parametersAreNull: Bool { parameters.map { Array($0.encoded) == DERWriter.null } ?? false }
}

/// The signature algorithms that are accepted; SHA-1 and MD5 are not among them (STANDARDS §1).
enum SignatureAlgorithm: Sendable, Equatable, CaseIterable {
    case ecdsaSHA256, ecdsaSHA384, ecdsaSHA512, ed25519
    case rsaSHA256, rsaSHA384, rsaSHA512, rsaPSSSHA256, rsaPSSSHA384, rsaPSSSHA512

    /// The AlgorithmIdentifier that this project writes.
    var der: [UInt8] {
        switch self {
        case .ecdsaSHA256: DERWriter.sequence(DERWriter.oid(.ecdsaSHA256))
        case .ecdsaSHA384: DERWriter.sequence(DERWriter.oid(.ecdsaSHA384))
        case .ecdsaSHA512: DERWriter.sequence(DERWriter.oid(.ecdsaSHA512))
        case .ed25519: DERWriter.sequence(DERWriter.oid(.ed25519))
        case .rsaSHA256: DERWriter.sequence(DERWriter.oid(.rsaSHA256), DERWriter.null)
        case .rsaSHA384: DERWriter.sequence(DERWriter.oid(.rsaSHA384), DERWriter.null)
        case .rsaSHA512: DERWriter.sequence(DERWriter.oid(.rsaSHA512), DERWriter.null)
        case .rsaPSSSHA256: Self.pss(.sha256, saltLength: 32)
        case .rsaPSSSHA384: Self.pss(.sha384, saltLength: 48)
        case .rsaPSSSHA512: Self.pss(.sha512, saltLength: 64)
        }
    }

    /// RSASSA-PSS-params with MGF1 over the same hash and a salt as long as it (RFC 4055 §3.1).
    private static func pss(_ hash: OID, saltLength: UInt64) -> [UInt8] {
        let hashing = DERWriter.sequence(DERWriter.oid(hash), DERWriter.null)
        return DERWriter.sequence(
            DERWriter.oid(.rsaPSS),
            DERWriter.sequence(
                DERWriter.context(0, hashing),
                DERWriter.context(1, DERWriter.sequence(DERWriter.oid(.mgf1), hashing)),
                DERWriter.context(2, DERWriter.integer(saltLength))))
    }

    /// Exactly the encodings above, so that parameters where a standard forbids them are refused. Others may
    /// leave out RSA's NULL (RFC 4055 §5: "MUST accept").
    init(_ identifier: AlgorithmIdentifier, of subject: String) throws(Refusal) {
        let encoded = Array(identifier.encoded)
        guard let known = Self.table[encoded] else {
            let name = Self.weak[identifier.oid] ?? identifier.oid.description
            throw Refusal(
                .malformed, "The \(subject) is signed with an algorithm that is not accepted: \(name).",
                hint: "Sign with ECDSA on P-256 and SHA-256, or with another SHA-2 algorithm.",
                rule: Self.weak[identifier.oid] == nil ? "RFC 5280 §4.1.1.2" : "RFC 6194 §3, RFC 6151 §2")
        }
        self = known
    }

    private static let table = Dictionary(uniqueKeysWithValues: allCases.map { ($0.der, $0) })
        .merging([
            DERWriter.sequence(DERWriter.oid(.rsaSHA256)): .rsaSHA256,
            DERWriter.sequence(DERWriter.oid(.rsaSHA384)): .rsaSHA384,
            DERWriter.sequence(DERWriter.oid(.rsaSHA512)): .rsaSHA512,
        ]) { first, _ in first }

    private static let weak: [OID: String] = [
        [1, 2, 840, 10045, 4, 1]: "ECDSA with SHA-1",
        [1, 2, 840, 113549, 1, 1, 5]: "RSA with SHA-1",
        [1, 3, 14, 3, 2, 29]: "RSA with SHA-1",
        [1, 2, 840, 113549, 1, 1, 4]: "RSA with MD5",
        [1, 2, 840, 113549, 1, 1, 2]: "RSA with MD2",
        [1, 2, 840, 113549, 1, 1, 3]: "RSA with MD4",
        [1, 2, 840, 10040, 4, 3]: "DSA with SHA-1",
    ]
}
