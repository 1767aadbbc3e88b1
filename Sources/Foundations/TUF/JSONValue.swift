import Wire

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
    package var canonical: [UInt8] { written(escapingControls: false) }

    /// The document as ordinary JSON (RFC 8259): canonical JSON is not always that, because it leaves line ends in a text as
    /// they are.
    package var document: [UInt8] { written(escapingControls: true) }

    private func written(escapingControls: Bool) -> [UInt8] {
        var writer = JSONWriter(escapesControls: escapingControls)
        writer.write(self)
        return writer.bytes
    }
}

private struct JSONWriter {
    let escapesControls: Bool
    private(set) var bytes: [UInt8] = []

    init(escapesControls: Bool) { self.escapesControls = escapesControls }

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: bytes += "null".utf8
        case .flag(let flag): bytes += (flag ? "true" : "false").utf8
        case .integer(let number): bytes += String(number).utf8
        case .text(let text): write(text)
        case .list(let values):
            bytes.append(UInt8(ascii: "["))
            for (place, value) in values.enumerated() {
                if place > 0 { bytes.append(UInt8(ascii: ",")) }
                write(value)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let fields):
            bytes.append(UInt8(ascii: "{"))
            // Swift's own order of strings is another one.
            let sorted = fields.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            for (place, field) in sorted.enumerated() {
                if place > 0 { bytes.append(UInt8(ascii: ",")) }
                write(field.key)
                bytes.append(UInt8(ascii: ":"))
                write(field.value)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private mutating func write(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20 where escapesControls: bytes += "\\u00\(Hex.encode([byte]))".utf8
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
