import Wire

/// One extension as it stands in a certificate, request, CRL or OCSP message (RFC 5280 §4.1.2.9).
struct Extension: Sendable {
    let type: OID
    let isCritical: Bool
    /// DER of the extension's own type.
    let value: [UInt8]

    init(type: OID, critical: Bool = false, value: [UInt8]) {
        self.type = type
        isCritical = critical
        self.value = value
    }

    init(_ node: DERNode) throws(Refusal) {
        var fields = try node.children()
        type = try fields.take().objectIdentifier()
        if let critical = fields.take(if: .boolean) {
            isCritical = try critical.boolean()
            guard isCritical else { throw node.wrong("an extension that writes out critical FALSE, its default") }
        } else {
            isCritical = false
        }
        value = Array(try fields.take().octets())
        try fields.end()
    }

    var der: [UInt8] {
        isCritical
            ? DERWriter.sequence(DERWriter.oid(type), DERWriter.boolean(true), DERWriter.octets(value))
            : DERWriter.sequence(DERWriter.oid(type), DERWriter.octets(value))
    }

    /// Extensions ::= SEQUENCE SIZE (1..MAX); at most 64 here, and no type twice.
    static func list(_ node: DERNode) throws(Refusal) -> [Extension] {
        let nodes = try node.children()
        guard (1...64).contains(nodes.count) else { throw node.wrong("no extensions, or more than 64") }
        var seen: Set<OID> = []
        var out: [Extension] = []
        for node in nodes {
            let next = try Extension(node)
            guard seen.insert(next.type).inserted else {
                throw Refusal(
                    .malformed, "The \(node.subject) has the extension \(next.type) twice.",
                    hint: "Write every extension once.", rule: "RFC 5280 §4.2")
            }
            out.append(next)
        }
        return out
    }
}

/// Bits of keyUsage (RFC 5280 §4.2.1.3).
enum KeyUsageBit {
    static let digitalSignature = 0
    static let keyCertSign = 5
    static let cRLSign = 6
}

/// basicConstraints (RFC 5280 §4.2.1.9).
struct BasicConstraints: Sendable {
    let isAuthority: Bool
    let pathLength: Int?

    init(_ value: [UInt8]) throws(Refusal) {
        let node = try DERNode.parse(value[...], as: "basicConstraints extension")
        var fields = try node.children()
        if let flag = fields.take(if: .boolean) {
            isAuthority = try flag.boolean()
            guard isAuthority else { throw node.wrong("cA FALSE written out, its default") }
        } else {
            isAuthority = false
        }
        pathLength = try fields.next().map { (n) throws(Refusal) in try n.smallInteger() }
        try fields.end()
    }
}

/// authorityKeyIdentifier (RFC 5280 §4.2.1.1).
struct AuthorityKeyIdentifier: Sendable {
    let keyIdentifier: [UInt8]?
    /// authorityCertIssuer and authorityCertSerialNumber are both there, or both absent.
    let isConsistent: Bool

    init(_ value: [UInt8]) throws(Refusal) {
        var fields = try DERNode.parse(value[...], as: "authorityKeyIdentifier extension").children()
        keyIdentifier = try fields.take(if: .context(0)).map { (n) throws(Refusal) in
            Array(try n.octets(of: .context(0)))
        }
        let issuer = fields.take(if: .context(1))
        let serial = fields.take(if: .context(2))
        isConsistent = (issuer == nil) == (serial == nil)
        try fields.end()
    }
}

/// Reading the simpler extension values.
enum ExtensionValues {
    static func keyUsage(_ value: [UInt8]) throws(Refusal) -> Set<Int> {
        let bits = try DERNode.parse(value[...], as: "keyUsage extension").namedBits()
        guard !bits.isEmpty else {
            throw Refusal(
                .malformed, "The keyUsage extension sets no bit.", hint: "Set at least one, or leave it out.",
                rule: "RFC 5280 §4.2.1.3")
        }
        return bits
    }

    static func extendedKeyUsage(_ value: [UInt8]) throws(Refusal) -> [OID] {
        let nodes = try DERNode.parse(value[...], as: "extKeyUsage extension").children()
        guard (1...64).contains(nodes.count) else {
            throw Refusal(
                .malformed, "The extKeyUsage extension names no purpose, or more than 64.",
                hint: "Name at least one, or leave it out.", rule: "RFC 5280 §4.2.1.12")
        }
        var purposes: [OID] = []
        for node in nodes { purposes.append(try node.objectIdentifier()) }
        return purposes
    }

    static func keyIdentifier(_ value: [UInt8]) throws(Refusal) -> [UInt8] {
        Array(try DERNode.parse(value[...], as: "subjectKeyIdentifier extension").octets())
    }
}
