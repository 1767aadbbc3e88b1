/// A Range header (RFC 9110 §14.1.2, §14.2), for something of known size.
package enum ByteRanges: Sendable, Equatable {
    /// Not a Range of bytes, or one that asks for more than is reasonable: the whole is sent, as the standard allows.
    case ignored
    /// Nothing of what was asked for is there.
    case unsatisfiable
    /// In the order in which they were asked for; none is empty.
    case parts([Range<Int>])

    /// Most parts of one answer; together they are never more than the whole (RFC 9110 §17.15).
    package static let most = 8
    private static let longest = 512

    package static func read(_ text: String, size: Int) -> ByteRanges {
        guard text.utf8.count <= longest, let equals = text.firstIndex(of: "="),
            text[..<equals].lowercased() == "bytes"
        else { return .ignored }
        let asked = text[text.index(after: equals)...].split(separator: ",").map(trimmed).filter { !$0.isEmpty }
        guard (1...most).contains(asked.count) else { return .ignored }
        var parts: [Range<Int>] = []
        for one in asked {
            guard let range = read(one, size) else { return .ignored }
            if !range.isEmpty { parts.append(range) }
        }
        guard !parts.isEmpty else { return .unsatisfiable }
        // Each is at most the whole, and there are few of them: no sum overflows.
        guard parts.count == 1 || parts.reduce(0, { $0 + min($1.count, size) }) <= size else { return .ignored }
        return .parts(parts)
    }

    /// Empty if nothing of it is there; nil if it is not written as the standard says.
    private static func read(_ text: Substring, _ size: Int) -> Range<Int>? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, ends.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }) else { return nil }
        let (first, last) = (number(ends[0]), number(ends[1]))
        switch (first, last) {
        case (let first?, let last?):
            guard first <= last else { return nil }
            return first < size ? first..<min(last, size - 1) + 1 : 0..<0
        case (let first?, nil): return first < size ? first..<size : 0..<0
        case (nil, let suffix?): return max(0, size - suffix)..<size
        case (nil, nil): return nil
        }
    }

    /// Nil for nothing; a number that is larger than any size is the largest.
    private static func number(_ digits: Substring) -> Int? {
        digits.isEmpty ? nil : digits.drop { $0 == "0" }.utf8.count > 18 ? .max : Int(digits)
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
