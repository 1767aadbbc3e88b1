import Wire

/// A Name of X.501 (RFC 5280 §4.1.2.4).
struct DistinguishedName: Sendable, Equatable {
    struct Attribute: Sendable {
        let type: OID
        /// Universal tag number of the value.
        let tag: UInt
        let value: [UInt8]
    }

    let der: [UInt8]
    /// Relative names in the order of the encoding; each is a set of attributes.
    let relative: [[Attribute]]
    /// What is compared (RFC 5280 §7.1): strings without regard to case, kind of string and repeated spaces.
    private let comparable: [[UInt8]]

    init(_ node: DERNode) throws(Refusal) {
        var relative: [[Attribute]] = []
        for set in try node.children() {
            var attributes: [Attribute] = []
            for pair in try set.children(of: .set) { attributes.append(try Self.attribute(pair)) }
            guard !attributes.isEmpty, attributes.count <= 16 else { throw node.wrong("an empty or overlong RDN") }
            relative.append(attributes)
        }
        guard relative.count <= 64 else { throw node.wrong("a name of more than 64 parts") }
        der = Array(node.encoded)
        self.relative = relative
        comparable = relative.map(Self.comparable)
    }

    private static func attribute(_ pair: DERNode) throws(Refusal) -> Attribute {
        var fields = try pair.children()
        let type = try fields.take().objectIdentifier()
        let value = try fields.take()
        try fields.end()
        for (number, tag) in textTags where value.has(tag) {
            return Attribute(type: type, tag: number, value: Array(try value.octets(of: tag)))
        }
        return Attribute(type: type, tag: 0, value: Array(value.encoded))
    }

    /// String types of DirectoryString, with IA5String for domainComponent and emailAddress.
    private static let textTags: [(UInt, DERTag)] = [
        (12, .utf8String), (19, .printableString), (22, .ia5String),
    ]

    var isEmpty: Bool { relative.isEmpty }

    /// The last value of the type, if it is text.
    func text(of type: OID) -> String? { texts(of: type).last }

    func texts(of type: OID) -> [String] {
        relative.joined().filter { $0.type == type && $0.tag != 0 }.map { String(decoding: $0.value, as: UTF8.self) }
    }

    /// For people: "O=Example, CN=Device 7", in the order of the encoding.
    var readable: String {
        relative.map { set in
            set.map { attribute in
                let name = Self.names[attribute.type] ?? attribute.type.description
                guard attribute.tag != 0 else { return "\(name)=#\(Hex.encode(attribute.value))" }
                let text = String(decoding: attribute.value.prefix(256), as: UTF8.self)
                return "\(name)=\(String(text.map { $0.isNewline || $0 == "\0" ? " " : $0 }))"
            }.joined(separator: "+")
        }.joined(separator: ", ")
    }

    private static let names: [OID: String] = [
        .commonName: "CN", .serialNumber: "serialNumber", .countryName: "C", .localityName: "L",
        .stateOrProvinceName: "ST", .organizationName: "O", .organizationalUnitName: "OU", .domainComponent: "DC",
        .emailAddress: "emailAddress",
    ]

    static func == (a: Self, b: Self) -> Bool { a.comparable == b.comparable }

    /// Whether this name lies in the subtree of `base` (RFC 5280 §4.2.1.10, directoryName).
    func isWithin(_ base: DistinguishedName) -> Bool { comparable.starts(with: base.comparable) }

    private static func comparable(_ set: [Attribute]) -> [UInt8] {
        let parts = set.map { attribute -> [UInt8] in
            guard attribute.tag != 0, let text = String(validating: attribute.value, as: UTF8.self) else {
                return attribute.type.content + [0, UInt8(truncatingIfNeeded: attribute.tag)] + attribute.value
            }
            let words = text.lowercased().split(separator: " ", omittingEmptySubsequences: true)
            return attribute.type.content + [0, 0xff] + Array(words.joined(separator: " ").utf8)
        }
        return Array(parts.sorted { $0.lexicographicallyPrecedes($1) }.joined(separator: [0, 0]))
    }
}

/// Builds the names that this project issues.
enum DistinguishedNames {
    /// DER of a Name, one attribute a part; empty texts are left out.
    static func encode(_ parts: [(OID, String)]) throws(Refusal) -> [UInt8] {
        var relative: [[UInt8]] = []
        for (type, text) in parts where !text.isEmpty {
            let value: [UInt8]
            if type == .serialNumber || type == .countryName {
                guard isPrintable(text) else { throw badText(text, "letters, digits, space and '()+,-./:=? only") }
                value = DERWriter.printable(text)
            } else {
                guard text.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 }) else {
                    throw badText("", "no control characters")
                }
                value = DERWriter.utf8(text)
            }
            guard text.unicodeScalars.count <= 64 else { throw badText(text, "at most 64 characters") }
            relative.append(DERWriter.set([DERWriter.sequence(DERWriter.oid(type), value)]))
        }
        return DERWriter.sequence(of: relative)
    }

    static func isPrintable(_ text: String) -> Bool {
        text.utf8.allSatisfy { c in
            (48...57).contains(c) || (65...90).contains(c) || (97...122).contains(c)
                || Array(" '()+,-./:=?".utf8).contains(c)
        }
    }

    private static func badText(_ text: String, _ demand: String) -> Refusal {
        Refusal(
            .malformed, "\"\(text.prefix(80))\" cannot stand in a certificate's name.", hint: "Use \(demand).",
            rule: "RFC 5280 appendix A.1")
    }
}
