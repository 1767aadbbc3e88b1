import Foundation

/// A SHA-256 digest or any other short byte string that is shown to people: lower-case hexadecimal on the wire.
package struct Digest: Hashable, Sendable, Codable, CustomStringConvertible {
    package var bytes: [UInt8]
    package init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    package init?(hex: String) {
        guard let bytes = Hex.decode(hex) else { return nil }
        self.bytes = bytes
    }

    package var description: String { Hex.encode(bytes) }

    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard text.utf8.count <= 256, let value = Digest(hex: text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "not a hexadecimal digest"))
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

package enum Hex {
    package static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.underestimatedCount * 2)
        for b in bytes {
            out.append(digit(b >> 4))
            out.append(digit(b & 15))
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// - Parameter nibble: 0 to 15.
    static func digit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 48 + nibble : 87 + nibble }

    /// Nil for an odd length or any character that is not hexadecimal.
    package static func decode(_ text: String) -> [UInt8]? {
        var out: [UInt8] = []
        var high: UInt8?
        for c in text.utf8 {
            let value: UInt8
            switch c {
            case 48...57: value = c - 48
            case 97...102: value = c - 87
            case 65...70: value = c - 55
            default: return nil
            }
            if let h = high {
                out.append(h << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return high == nil ? out : nil
    }
}

package enum Base64 {
    package static func encode(_ bytes: some Collection<UInt8>) -> String { Data(bytes).base64EncodedString() }

    /// Base64 broken into lines of `width` characters, each ended by LF (RFC 7468 uses 64).
    package static func encodeLines(_ bytes: some Collection<UInt8>, width: Int = 64) -> String {
        let flat = Array(encode(bytes).utf8)
        var out: [UInt8] = []
        var at = 0
        while at < flat.count {
            let end = min(at + width, flat.count)
            out += flat[at..<end]
            out.append(10)
            at = end
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// Strict RFC 4648 base64, with CR, LF, space and tab between characters ignored (RFC 8951 §3). Nil for anything
    /// else, including a wrong amount of padding.
    package static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        let compact = text.filter { $0 != 10 && $0 != 13 && $0 != 32 && $0 != 9 }
        // Foundation lets surplus padding pass.
        let padding = compact.reversed().prefix { $0 == 61 }.count
        guard compact.count % 4 == 0, padding <= 2 else { return nil }
        return Data(base64Encoded: Data(compact)).map { Array($0) }
    }

    package static func decode(_ text: String) -> [UInt8]? { decode(text.utf8) }
}

package enum PEM {
    package static func encode(_ der: some Collection<UInt8>, label: String) -> String {
        "-----BEGIN \(label)-----\n" + Base64.encodeLines(der) + "-----END \(label)-----\n"
    }

    /// Every block of the text in order, with its label; bounded by the caller's text. Refuses what is not PEM (RFC 7468).
    package static func decode(_ text: String) throws(Refusal) -> [(label: String, der: [UInt8])] {
        var blocks: [(String, [UInt8])] = []
        var label: String?
        var body = ""
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.trimmingCharacters(in: .whitespaces)
            if line.hasPrefix("-----BEGIN "), line.hasSuffix("-----") {
                label = String(line.dropFirst(11).dropLast(5))
                body = ""
            } else if line.hasPrefix("-----END "), line.hasSuffix("-----") {
                guard let open = label, String(line.dropFirst(9).dropLast(5)) == open, let der = Base64.decode(body)
                else {
                    throw Refusal(.malformed, "A PEM block is broken.", hint: "Send the file as its tool wrote it.")
                }
                blocks.append((open, der))
                label = nil
            } else if label != nil {
                body += line
            }
        }
        guard label == nil else {
            throw Refusal(.malformed, "A PEM block has no END line.", hint: "Send the whole file.")
        }
        return blocks
    }
}
