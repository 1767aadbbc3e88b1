/// Why bytes are not a JSON document that can be signed: one sentence.
package struct JSONFault: Error, Sendable, Equatable {
    package let sentence: String
}

extension JSONValue {
    /// Reads strictly (RFC 8259), and refuses what two readers might understand differently: a key that occurs twice, fractions and
    /// exponents, numbers beyond 64 bits, half a surrogate pair, bytes that are not UTF-8. The caller bounds the size.
    package init(_ bytes: [UInt8]) throws(JSONFault) {
        var reader = JSONReader(bytes)
        self = try reader.document()
    }
}

private struct JSONReader {
    private let bytes: [UInt8]
    private var at = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(JSONFault) -> JSONValue {
        let value = try value(depth: 1)
        skipSpace()
        guard at == bytes.count else { throw fault("Something follows the document") }
        return value
    }

    private func fault(_ what: String) -> JSONFault { JSONFault(sentence: "\(what), at byte \(at).") }

    private mutating func skipSpace() {
        while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x0a || bytes[at] == 0x0d || bytes[at] == 0x09 {
            at += 1
        }
    }

    private mutating func take(_ character: Character) -> Bool {
        skipSpace()
        guard at < bytes.count, bytes[at] == character.asciiValue else { return false }
        at += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONFault) -> JSONValue {
        guard depth <= JSONValue.Bound.depth else { throw fault("Objects are nested too deeply") }
        skipSpace()
        guard at < bytes.count else { throw fault("The document ends too early") }
        switch bytes[at] {
        case UInt8(ascii: "{"): return try object(depth)
        case UInt8(ascii: "["): return try list(depth)
        case UInt8(ascii: "\""): return .text(try text())
        case UInt8(ascii: "t"): return try word("true", .flag(true))
        case UInt8(ascii: "f"): return try word("false", .flag(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .integer(try integer())
        default: throw fault("A value is expected")
        }
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(JSONFault) -> JSONValue {
        guard bytes[at...].starts(with: word.utf8) else { throw fault("A value is expected") }
        at += word.utf8.count
        return value
    }

    private mutating func object(_ depth: Int) throws(JSONFault) -> JSONValue {
        at += 1
        var fields: [String: JSONValue] = [:]
        if take("}") { return .object(fields) }
        repeat {
            skipSpace()
            guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { throw fault("A key is expected") }
            let key = try text()
            guard take(":") else { throw fault("A colon is expected") }
            let value = try value(depth: depth + 1)
            guard fields.updateValue(value, forKey: key) == nil else { throw fault("A key occurs twice") }
        } while take(",")
        guard take("}") else { throw fault("An object is not closed") }
        return .object(fields)
    }

    private mutating func list(_ depth: Int) throws(JSONFault) -> JSONValue {
        at += 1
        var values: [JSONValue] = []
        if take("]") { return .list(values) }
        repeat { values.append(try value(depth: depth + 1)) } while take(",")
        guard take("]") else { throw fault("A list is not closed") }
        return .list(values)
    }

    private mutating func integer() throws(JSONFault) -> Int64 {
        let start = at
        if bytes[at] == UInt8(ascii: "-") { at += 1 }
        let digits = at
        while at < bytes.count, (48...57).contains(bytes[at]) { at += 1 }
        let isPlain = at - digits == 1 ? bytes[start] != UInt8(ascii: "-") || bytes[digits] != 48 : bytes[start] != 48
        guard at > digits, isPlain, at - digits == 1 || bytes[digits] != 48,
            let number = Int64(String(decoding: bytes[start..<at], as: UTF8.self))
        else { throw fault("A number is not a whole one of 64 bits") }
        if at < bytes.count, [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(bytes[at]) {
            throw fault("A number has a fraction or an exponent, which canonical JSON has not")
        }
        return number
    }

    private mutating func text() throws(JSONFault) -> String {
        at += 1
        var start = at
        var pieces: [UInt8] = []
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "\""):
                pieces += bytes[start..<at]
                at += 1
                guard let text = String(validating: pieces, as: UTF8.self) else { throw fault("A text is not UTF-8") }
                return text
            case UInt8(ascii: "\\"):
                pieces += bytes[start..<at]
                at += 1
                pieces += String(try escaped()).utf8
                start = at
            case 0..<0x20: throw fault("A text has a control character")
            default: at += 1
            }
        }
        throw fault("A text is not closed")
    }

    private mutating func escaped() throws(JSONFault) -> Unicode.Scalar {
        guard at < bytes.count else { throw fault("A text is not closed") }
        let kind = bytes[at]
        at += 1
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(kind)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default: throw fault("An escape is unknown")
        }
        let unit = try fourDigits()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard (0xd800..<0xdc00).contains(unit), bytes[at...].starts(with: "\\u".utf8) else {
            throw fault("Half a surrogate pair")
        }
        at += 2
        let low = try fourDigits()
        guard (0xdc00..<0xe000).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (UInt32(unit) - 0xd800) << 10 + (UInt32(low) - 0xdc00))
        else { throw fault("Half a surrogate pair") }
        return scalar
    }

    private mutating func fourDigits() throws(JSONFault) -> UInt16 {
        guard bytes.count - at >= 4 else { throw fault("A text is not closed") }
        var unit: UInt16 = 0
        for byte in bytes[at..<(at + 4)] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw fault("An escape is not hexadecimal")
            }
            unit = unit << 4 | UInt16(digit)
        }
        at += 4
        return unit
    }
}
