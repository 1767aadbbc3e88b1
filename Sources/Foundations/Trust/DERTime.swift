import Wire

/// UTCTime and GeneralizedTime in the one form that RFC 5280 §4.1.2.5 allows: seconds present, no fraction, `Z`.
enum DERTime {
    /// Two digits of a year stand for 1950 to 2049; a GeneralizedTime before 2050 is refused, because certificates and
    /// CRLs must encode those as UTCTime.
    static func read(_ node: DERNode) throws(Refusal) -> Timestamp {
        if node.has(.utcTime) {
            let digits = try digits(of: node, tag: .utcTime, count: 12)
            let short = digits[0] * 10 + digits[1]
            return try make(node, year: short < 50 ? 2000 + short : 1900 + short, digits.dropFirst(2))
        }
        let time = try readGeneralized(node)
        guard time.civil.year >= 2050 else {
            throw Refusal(
                .malformed, "The \(node.subject) writes a year before 2050 as GeneralizedTime.",
                hint: "Write dates through 2049 as UTCTime.", rule: "RFC 5280 §4.1.2.5")
        }
        return time
    }

    /// GeneralizedTime of any year, as OCSP uses it (RFC 6960 §4.2.2.1).
    static func readGeneralized(_ node: DERNode) throws(Refusal) -> Timestamp {
        let digits = try digits(of: node, tag: .generalizedTime, count: 14)
        let year = digits[0] * 1000 + digits[1] * 100 + digits[2] * 10 + digits[3]
        return try make(node, year: year, digits.dropFirst(4))
    }

    private static func digits(of node: DERNode, tag: DERTag, count: Int) throws(Refusal) -> [Int] {
        let content = try node.octets(of: tag)
        guard content.count == count + 1, content.last == 0x5a,
            content.dropLast().allSatisfy({ (48...57).contains($0) })
        else {
            throw Refusal(
                .malformed, "The \(node.subject) has a time that is not in seconds and UTC.",
                hint: "Write times as YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ.", rule: "RFC 5280 §4.1.2.5")
        }
        return content.dropLast().map { Int($0) - 48 }
    }

    private static func make(_ node: DERNode, year: Int, _ rest: ArraySlice<Int>) throws(Refusal) -> Timestamp {
        let d = Array(rest)
        let pair = { (i: Int) in d[i] * 10 + d[i + 1] }
        let time = Timestamp(
            year: year, month: pair(0), day: pair(2), hour: pair(4), minute: pair(6), second: pair(8))
        let back = time.civil
        guard (1...12).contains(pair(0)), back.month == pair(0), back.day == pair(2), pair(4) < 24, pair(6) < 60,
            pair(8) < 60
        else { throw node.wrong("a time that does not exist") }
        return time
    }

    /// UTCTime through 2049, GeneralizedTime from 2050 on; milliseconds are cut.
    static func write(_ time: Timestamp) -> [UInt8] {
        let year = time.civil.year
        guard (1950..<2050).contains(year) else { return writeGeneralized(time) }
        return DERWriter.primitive(.utcTime, Array(text(time).utf8.dropFirst(2)))
    }

    static func writeGeneralized(_ time: Timestamp) -> [UInt8] {
        DERWriter.primitive(.generalizedTime, Array(text(time).utf8))
    }

    private static func text(_ time: Timestamp) -> String {
        let c = time.civil
        let fields = [(c.year, 4), (c.month, 2), (c.day, 2), (c.hour, 2), (c.minute, 2), (c.second, 2)]
        return fields.map { value, width in
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }.joined() + "Z"
    }
}
