/// A JSON document as it was received, whatever fields it has: a signature covers also those that nobody here knows (TUF
/// §4.1). Numbers are whole: canonical JSON has no others.
package indirect enum JSONValue: Sendable, Equatable {
    case null
    case flag(Bool)
    case integer(Int64)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    /// What a document may cost to read.
    package enum Bound {
        /// Objects and lists within each other; TUF's own documents need 6.
        package static let depth = 24
    }

    /// Canonical JSON (the OLPC form, wiki.laptop.org/go/Canonical_JSON): keys in the order of their UTF-8, no white space, only
    /// quote and backslash escaped. These are the bytes that are signed and hashed, and never a document as it was sent.
    package var canonical: [UInt8] {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return bytes
    }

    private func write(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes += "null".utf8
        case .flag(let flag): bytes += (flag ? "true" : "false").utf8
        case .integer(let number): bytes += String(number).utf8
        case .text(let text): Self.write(text, to: &bytes)
        case .list(let values):
            bytes.append(UInt8(ascii: "["))
            for (place, value) in values.enumerated() {
                if place > 0 { bytes.append(UInt8(ascii: ",")) }
                value.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let fields):
            bytes.append(UInt8(ascii: "{"))
            // Swift's own order of strings is another one.
            let sorted = fields.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            for (place, field) in sorted.enumerated() {
                if place > 0 { bytes.append(UInt8(ascii: ",")) }
                Self.write(field.key, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                field.value.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func write(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(byte)
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

extension JSONValue {
    /// The document as ordinary JSON (RFC 8259): canonical JSON is not always that, because it leaves line ends in a text as
    /// they are.
    package var document: [UInt8] {
        var bytes: [UInt8] = []
        writeDocument(to: &bytes)
        return bytes
    }

    private func writeDocument(to bytes: inout [UInt8]) {
        switch self {
        case .null, .flag, .integer: bytes += canonical
        case .text(let text): Self.writeEscaped(text, to: &bytes)
        case .list(let values):
            bytes.append(UInt8(ascii: "["))
            for (place, value) in values.enumerated() {
                if place > 0 { bytes.append(UInt8(ascii: ",")) }
                value.writeDocument(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let fields):
            bytes.append(UInt8(ascii: "{"))
            let sorted = fields.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            for (place, field) in sorted.enumerated() {
                if place > 0 { bytes.append(UInt8(ascii: ",")) }
                Self.writeEscaped(field.key, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                field.value.writeDocument(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func writeEscaped(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): bytes += "\\n".utf8
            case 0..<0x20: bytes += "\\u00".utf8 + [hexadecimal(byte >> 4), hexadecimal(byte & 15)]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func hexadecimal(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 48 + nibble : 87 + nibble }
}
