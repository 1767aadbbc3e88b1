import Wire

/// CBOR (RFC 8949) as far as JSON says the same: hawkBit's clients may speak either. What arrives is written as JSON first,
/// so that there is one reader of each body.
package enum CBOR {
    static let mediaType = "application/cbor"
    private static let maximumDepth = 16
    /// JSON's escapes may take six bytes for one.
    private static let growth = 6

    /// - Parameter limit: most bytes that are read.
    package static func json(from bytes: [UInt8], limit: Int) throws(Refusal) -> [UInt8] {
        guard bytes.count <= limit else {
            throw Refusal(
                .tooLarge, "The document has \(bytes.count) bytes; \(limit) are allowed.", hint: "Send a smaller one.")
        }
        var reader = Reader(bytes: bytes[...], limit: limit * growth)
        try reader.item(depth: 0)
        guard reader.bytes.isEmpty else { throw malformed("something stands behind its end") }
        return reader.json
    }

    /// From JSON as `CanonicalJSON` writes it, with whole numbers only; maps and arrays of indefinite length (§3.2.2).
    package static func encode(json: [UInt8]) throws(Refusal) -> [UInt8] {
        var writer = Writer(json: json[...])
        while let byte = writer.json.first { try writer.token(byte) }
        return writer.bytes
    }

    fileprivate static func malformed(_ what: String) -> Refusal {
        Refusal(
            .malformed, "The document is not CBOR that JSON could say: \(what).", hint: "Send JSON.", rule: "RFC 8949")
    }

    // MARK: - Reading

    private struct Reader {
        var bytes: ArraySlice<UInt8>
        var json: [UInt8] = []
        let limit: Int

        init(bytes: ArraySlice<UInt8>, limit: Int) {
            self.bytes = bytes
            self.limit = limit
        }

        private mutating func next() throws(Refusal) -> UInt8 {
            guard let byte = bytes.popFirst() else { throw malformed("it is cut off") }
            return byte
        }

        private mutating func put(_ text: String) throws(Refusal) {
            guard json.count + text.utf8.count <= limit else { throw malformed("it is too long") }
            json.append(contentsOf: text.utf8)
        }

        /// The number behind a head (§3); nil for "of indefinite length".
        private mutating func argument(_ info: UInt8) throws(Refusal) -> UInt64? {
            switch info {
            case 0..<24: return UInt64(info)
            case 24...27:
                var value: UInt64 = 0
                for _ in 0..<(1 << (info - 24)) { value = value << 8 | UInt64(try next()) }
                return value
            case 31: return nil
            default: throw malformed("it has a reserved head")
            }
        }

        mutating func item(depth: Int) throws(Refusal) {
            guard depth < maximumDepth else { throw malformed("it is nested too deeply") }
            let head = try next()
            let info = head & 31
            switch head >> 5 {
            case 0:
                let number = try whole(info)
                try put("\(number)")
            case 1:
                let number = try whole(info)
                try put("\(-1 - number)")
            case 3: try text(info)
            case 4:
                try list(info, "[", "]") { (reader: inout Reader) throws(Refusal) in
                    try reader.item(depth: depth + 1)
                }
            case 5:
                try list(info, "{", "}") { (reader: inout Reader) throws(Refusal) in
                    let key = try reader.next()
                    guard key >> 5 == 3 else { throw malformed("a name is no text") }
                    try reader.text(key & 31)
                    try reader.put(":")
                    try reader.item(depth: depth + 1)
                }
            case 6:
                guard try argument(info) != nil else { throw malformed("a tag has no number") }
                try item(depth: depth + 1)
            case 7: try simple(info)
            default: throw malformed("it holds bytes that are no text")
            }
        }

        private mutating func whole(_ info: UInt8) throws(Refusal) -> Int64 {
            guard let value = try argument(info), value <= UInt64(Int64.max) else {
                throw malformed("a number is too large")
            }
            return Int64(value)
        }

        private mutating func list(
            _ info: UInt8, _ open: String, _ close: String,
            _ member: (inout Reader) throws(Refusal) -> Void
        ) throws(Refusal) {
            let count = try argument(info)
            try put(open)
            var index: UInt64 = 0
            // Each member takes a byte at least, so that a false count ends with the bytes.
            while count.map({ index < $0 }) ?? (bytes.first != 0xff) {
                if index > 0 { try put(",") }
                try member(&self)
                index += 1
            }
            if count == nil { _ = try next() }
            try put(close)
        }

        private mutating func text(_ info: UInt8) throws(Refusal) {
            var whole: [UInt8] = []
            if let count = try argument(info) {
                whole = try take(count)
            } else {
                while bytes.first != 0xff {
                    let head = try next()
                    guard head >> 5 == 3, let count = try argument(head & 31) else {
                        throw malformed("a piece of a text is none")
                    }
                    whole += try take(count)
                }
                _ = try next()
            }
            guard let text = String(validating: whole, as: UTF8.self) else { throw malformed("a text is not UTF-8") }
            try put("\"")
            for scalar in text.unicodeScalars { try put(Self.escaped(scalar)) }
            try put("\"")
        }

        private static func escaped(_ scalar: Unicode.Scalar) -> String {
            switch scalar {
            case "\"": return "\\\""
            case "\\": return "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: return String(scalar)
            }
        }

        private mutating func take(_ count: UInt64) throws(Refusal) -> [UInt8] {
            guard count <= UInt64(bytes.count) else { throw malformed("it is cut off") }
            defer { bytes = bytes.dropFirst(Int(count)) }
            return Array(bytes.prefix(Int(count)))
        }

        private mutating func simple(_ info: UInt8) throws(Refusal) {
            switch info {
            case 20: try put("false")
            case 21: try put("true")
            case 22, 23: try put("null")
            default: throw malformed("it holds a fraction or a value that JSON does not know")
            }
        }
    }

    // MARK: - Writing

    private struct Writer {
        var json: ArraySlice<UInt8>
        var bytes: [UInt8] = []

        init(json: ArraySlice<UInt8>) { self.json = json }

        mutating func token(_ byte: UInt8) throws(Refusal) {
            switch byte {
            case UInt8(ascii: "\""): try text()
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
            default:
                json.removeFirst()
                switch byte {
                case UInt8(ascii: "{"): bytes.append(0xbf)
                case UInt8(ascii: "["): bytes.append(0x9f)
                case UInt8(ascii: "}"), UInt8(ascii: "]"): bytes.append(0xff)
                case UInt8(ascii: ","), UInt8(ascii: ":"): break
                case UInt8(ascii: "t"): try word("rue", as: 0xf5)
                case UInt8(ascii: "f"): try word("alse", as: 0xf4)
                case UInt8(ascii: "n"): try word("ull", as: 0xf6)
                default: throw malformed("it is not canonical")
                }
            }
        }

        private mutating func word(_ rest: String, as byte: UInt8) throws(Refusal) {
            guard json.starts(with: rest.utf8) else { throw malformed("it is not canonical") }
            json = json.dropFirst(rest.utf8.count)
            bytes.append(byte)
        }

        private mutating func number() throws(Refusal) {
            let digits = json.prefix { ![UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]")].contains($0) }
            guard let value = Int64(String(decoding: digits, as: UTF8.self)) else {
                throw malformed("a number is not whole")
            }
            json = json.dropFirst(digits.count)
            if value >= 0 { head(0, UInt64(value)) } else { head(1, UInt64(-1 - value)) }
        }

        private mutating func text() throws(Refusal) {
            json.removeFirst()
            var text: [UInt8] = []
            while let byte = json.popFirst() {
                switch byte {
                case UInt8(ascii: "\""):
                    head(3, UInt64(text.count))
                    bytes += text
                    return
                case UInt8(ascii: "\\"): text += try escape()
                default: text.append(byte)
                }
            }
            throw malformed("a text does not end")
        }

        private mutating func escape() throws(Refusal) -> [UInt8] {
            guard let letter = json.popFirst() else { throw malformed("a text does not end") }
            switch letter {
            case UInt8(ascii: "n"): return [0x0a]
            case UInt8(ascii: "r"): return [0x0d]
            case UInt8(ascii: "t"): return [0x09]
            case UInt8(ascii: "b"): return [0x08]
            case UInt8(ascii: "f"): return [0x0c]
            case UInt8(ascii: "u"):
                // Only control characters are written so.
                guard let value = UInt8(String(decoding: json.prefix(4), as: UTF8.self), radix: 16), value < 0x80 else {
                    throw malformed("it is not canonical")
                }
                json = json.dropFirst(4)
                return [value]
            default: return [letter]
            }
        }

        /// A major type and its number in the fewest bytes (§4.2.1).
        private mutating func head(_ major: UInt8, _ value: UInt64) {
            guard value >= 24 else {
                bytes.append(major << 5 | UInt8(value))
                return
            }
            let (width, info): (Int, UInt8) =
                switch value {
                case ...0xff: (1, 24)
                case ...0xffff: (2, 25)
                case ...0xffff_ffff: (4, 26)
                default: (8, 27)
                }
            bytes.append(major << 5 | info)
            for place in (0..<width).reversed() {
                bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * place)))
            }
        }
    }
}
