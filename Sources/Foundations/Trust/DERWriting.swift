/// Writes DER (X.690) by joining finished elements.
enum DERWriter {
    static func primitive(_ tag: DERTag, _ content: some Collection<UInt8>) -> [UInt8] {
        element(UInt8(tag.number) | (tag.isContext ? 0x80 : 0), content)
    }

    static func constructed(_ tag: DERTag, _ parts: [[UInt8]]) -> [UInt8] {
        element(UInt8(tag.number) | (tag.isContext ? 0xa0 : 0x20), Array(parts.joined()))
    }

    static func sequence(_ parts: [UInt8]...) -> [UInt8] { constructed(.sequence, parts) }
    static func sequence(of parts: [[UInt8]]) -> [UInt8] { constructed(.sequence, parts) }
    /// `[number]` around one finished element (EXPLICIT), or around the parts of an IMPLICIT constructed type.
    static func context(_ number: UInt, _ parts: [UInt8]...) -> [UInt8] { constructed(.context(number), parts) }

    /// SET OF: the elements in ascending order of their encodings (X.690 §11.6).
    static func set(_ parts: [[UInt8]]) -> [UInt8] {
        constructed(.set, parts.sorted { $0.lexicographicallyPrecedes($1) })
    }

    static func boolean(_ value: Bool) -> [UInt8] { primitive(.boolean, [value ? 0xff : 0]) }
    static let null: [UInt8] = [5, 0]
    static func octets(_ bytes: some Collection<UInt8>) -> [UInt8] { primitive(.octetString, bytes) }
    static func bits(_ bytes: [UInt8]) -> [UInt8] { primitive(.bitString, [0] + bytes) }
    static func oid(_ oid: OID) -> [UInt8] { primitive(.objectIdentifier, oid.content) }
    static func utf8(_ text: String) -> [UInt8] { primitive(.utf8String, Array(text.utf8)) }
    static func ia5(_ text: String, tag: DERTag = .ia5String) -> [UInt8] { primitive(tag, Array(text.utf8)) }
    static func printable(_ text: String) -> [UInt8] { primitive(.printableString, Array(text.utf8)) }

    /// A non-negative INTEGER from big-endian bytes of any length.
    static func integer(_ magnitude: some Collection<UInt8>) -> [UInt8] {
        var content = Array(magnitude.drop { $0 == 0 })
        if content.first.map({ $0 & 0x80 != 0 }) ?? true { content.insert(0, at: 0) }
        return primitive(.integer, content)
    }

    static func integer(_ value: UInt64) -> [UInt8] {
        integer((0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * $0)) })
    }

    /// A named bit list with trailing zero bits dropped (X.690 §11.2).
    static func namedBits(_ bits: Set<Int>) -> [UInt8] {
        guard let highest = bits.max() else { return primitive(.bitString, [0]) }
        var bytes = [UInt8](repeating: 0, count: highest / 8 + 1)
        for bit in bits { bytes[bit / 8] |= 0x80 >> UInt8(bit % 8) }
        return primitive(.bitString, [UInt8(7 - highest % 8)] + bytes)
    }

    private static func element(_ tag: UInt8, _ content: some Collection<UInt8>) -> [UInt8] {
        var out: [UInt8] = [tag]
        let count = content.count
        out.reserveCapacity(count + 6)
        if count < 128 {
            out.append(UInt8(count))
        } else {
            let length = (0..<8).map { UInt8(truncatingIfNeeded: count >> (56 - 8 * $0)) }.drop { $0 == 0 }
            out.append(0x80 | UInt8(length.count))
            out += length
        }
        out += content
        return out
    }
}
