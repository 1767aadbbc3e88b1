import SwiftASN1
import Wire

/// One element of a DER encoding (X.690), already checked by SwiftASN1 for definite, minimal lengths and bounded depth.
/// The accessors check what a type's DER demands beyond that.
struct DERNode {
    /// What is being read ("certificate"), for the refusal.
    let subject: String
    private let node: ASN1Node

    private init(_ node: ASN1Node, of subject: String) {
        self.node = node
        self.subject = subject
    }

    /// Reads exactly one element; refuses trailing bytes.
    static func parse(_ bytes: ArraySlice<UInt8>, as subject: String) throws(Refusal) -> DERNode {
        do {
            return DERNode(try DER.parse(bytes), of: subject)
        } catch {
            throw Refusal(
                .malformed, "The \(subject) is not DER, is cut short, or has bytes after its end.",
                hint: "Encode it with DER (X.690) and send the whole of it, and nothing else.", rule: "X.690 §10")
        }
    }

    /// The whole element, tag and length included.
    var encoded: ArraySlice<UInt8> { node.encodedBytes }

    func has(_ tag: DERTag) -> Bool {
        node.identifier.tagNumber == tag.number
            && node.identifier.tagClass == (tag.isContext ? .contextSpecific : .universal)
    }

    /// The number of a context-specific tag, if it is one.
    var contextNumber: UInt? { node.identifier.tagClass == .contextSpecific ? node.identifier.tagNumber : nil }

    func wrong(_ what: String) -> Refusal {
        Refusal(
            .malformed, "The \(subject) has \(what).", hint: "Encode it as its standard says (DER, X.690).",
            rule: "X.690 §10")
    }

    /// The elements inside a constructed one.
    func children(of tag: DERTag = .sequence) throws(Refusal) -> DERCursor {
        guard has(tag), case .constructed(let inside) = node.content else {
            throw wrong("an element that is no \(tag)")
        }
        let subject = self.subject
        return DERCursor(inside.map { DERNode($0, of: subject) }, of: subject)
    }

    /// The content octets of a primitive element.
    func octets(of tag: DERTag = .octetString) throws(Refusal) -> ArraySlice<UInt8> {
        guard has(tag), case .primitive(let content) = node.content else { throw wrong("an element that is no \(tag)") }
        return content
    }

    func boolean() throws(Refusal) -> Bool {
        let content = try octets(of: .boolean)
        guard content.count == 1, let byte = content.first, byte == 0 || byte == 0xff else {
            throw wrong("a BOOLEAN that is not DER")
        }
        return byte == 0xff
    }

    /// Content octets of an INTEGER in minimal two's complement.
    func integer(_ tag: DERTag = .integer) throws(Refusal) -> ArraySlice<UInt8> {
        let content = try octets(of: tag)
        guard let first = content.first else { throw wrong("an empty INTEGER") }
        if content.count > 1, let second = content.dropFirst().first {
            let padded = (first == 0 && second & 0x80 == 0) || (first == 0xff && second & 0x80 != 0)
            guard !padded else { throw wrong("an INTEGER with superfluous leading bytes") }
        }
        return content
    }

    /// A non-negative INTEGER below 2^31.
    func smallInteger(_ tag: DERTag = .integer) throws(Refusal) -> Int {
        let content = try integer(tag)
        guard content.count <= 4, content.first.map({ $0 & 0x80 == 0 }) == true else {
            throw wrong("a number that is negative or too large")
        }
        return content.reduce(0) { $0 << 8 | Int($1) }
    }

    func objectIdentifier(_ tag: DERTag = .objectIdentifier) throws(Refusal) -> OID {
        let content = try octets(of: tag)
        var atStart = true
        for byte in content {
            guard !(atStart && byte == 0x80) else { throw wrong("an OBJECT IDENTIFIER that is not minimal") }
            atStart = byte & 0x80 == 0
        }
        guard !content.isEmpty, atStart, content.count <= 64 else { throw wrong("a broken OBJECT IDENTIFIER") }
        return OID(content: Array(content))
    }

    /// A BIT STRING of whole bytes.
    func bytesOfBitString(_ tag: DERTag = .bitString) throws(Refusal) -> ArraySlice<UInt8> {
        let content = try octets(of: tag)
        guard content.first == 0 else { throw wrong("a BIT STRING with unused bits where bytes are expected") }
        return content.dropFirst()
    }

    /// A named bit list: the numbers of the bits that are set. DER drops trailing zero bits (X.690 §11.2).
    func namedBits(_ tag: DERTag = .bitString) throws(Refusal) -> Set<Int> {
        let content = try octets(of: tag)
        guard let unused = content.first, unused < 8, content.count <= 5 else { throw wrong("a broken BIT STRING") }
        let bytes = content.dropFirst()
        guard let last = bytes.last else {
            guard unused == 0 else { throw wrong("a broken BIT STRING") }
            return []
        }
        guard last.trailingZeroBitCount == Int(unused) else { throw wrong("a BIT STRING that is not DER") }
        var set: Set<Int> = []
        for (index, byte) in bytes.enumerated() {
            for bit in 0..<8 where byte & (0x80 >> UInt8(bit)) != 0 { set.insert(index * 8 + bit) }
        }
        return set
    }
}

/// A tag as far as these standards use them.
struct DERTag: Equatable, CustomStringConvertible {
    let number: UInt
    let isContext: Bool
    let description: String

    private init(_ number: UInt, _ name: String) {
        self.number = number
        isContext = false
        description = name
    }

    /// `[number]` of a SEQUENCE or CHOICE.
    static func context(_ number: UInt) -> DERTag { DERTag(context: number) }

    private init(context number: UInt) {
        self.number = number
        isContext = true
        description = "[\(number)]"
    }

    static let boolean = DERTag(1, "BOOLEAN")
    static let integer = DERTag(2, "INTEGER")
    static let bitString = DERTag(3, "BIT STRING")
    static let octetString = DERTag(4, "OCTET STRING")
    static let null = DERTag(5, "NULL")
    static let objectIdentifier = DERTag(6, "OBJECT IDENTIFIER")
    static let enumerated = DERTag(10, "ENUMERATED")
    static let utf8String = DERTag(12, "UTF8String")
    static let sequence = DERTag(16, "SEQUENCE")
    static let set = DERTag(17, "SET")
    static let printableString = DERTag(19, "PrintableString")
    static let ia5String = DERTag(22, "IA5String")
    static let utcTime = DERTag(23, "UTCTime")
    static let generalizedTime = DERTag(24, "GeneralizedTime")

    static func == (a: DERTag, b: DERTag) -> Bool { a.number == b.number && a.isContext == b.isContext }
}

/// Walks the elements of a constructed one, in order.
struct DERCursor: Sequence, IteratorProtocol {
    private let nodes: [DERNode]
    private var at = 0
    private let subject: String

    fileprivate init(_ nodes: [DERNode], of subject: String) {
        self.nodes = nodes
        self.subject = subject
    }

    var count: Int { nodes.count - at }
    var isAtEnd: Bool { at == nodes.count }

    mutating func next() -> DERNode? {
        guard at < nodes.count else { return nil }
        defer { at += 1 }
        return nodes[at]
    }

    /// The next element, which must be there.
    mutating func take() throws(Refusal) -> DERNode {
        guard let node = next() else { throw broken("ends too early") }
        return node
    }

    /// The next element if it carries the tag.
    mutating func take(if tag: DERTag) -> DERNode? {
        guard at < nodes.count, nodes[at].has(tag) else { return nil }
        return next()
    }

    /// Refuses elements that the standard does not know.
    func end() throws(Refusal) {
        guard isAtEnd else { throw broken("holds more elements than its standard allows, or in another order") }
    }

    private func broken(_ what: String) -> Refusal {
        Refusal(
            .malformed, "The \(subject) \(what).", hint: "Encode it as its standard says (DER, X.690).",
            rule: "X.690 §10")
    }
}
