/// A pattern of paths (PATHPATTERN, §4.5): "*", "?" and "[…]" as a shell has them, none of which matches a "/".
package struct PathPattern: Sendable, Equatable {
    package let text: String
    private let parts: [[Piece]]

    fileprivate enum Piece: Sendable, Equatable {
        case one(Unicode.Scalar)
        case any
        case many
        /// "[a-z]" and "[!a-z]".
        case among([ClosedRange<UInt32>], isNegated: Bool)
    }

    package init(_ text: String) {
        self.text = text
        parts = Self.split(text).map { Self.pieces($0) }
    }

    package static func == (a: PathPattern, b: PathPattern) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

    package func matches(_ path: String) -> Bool {
        let found = Self.split(path)
        return found.count == parts.count && zip(parts, found).allSatisfy { Self.matches($0, $1) }
    }

    private static func split(_ text: String) -> [[Unicode.Scalar]] {
        text.unicodeScalars.split(separator: "/", omittingEmptySubsequences: false).map { Array($0) }
    }

    private static func pieces(_ scalars: [Unicode.Scalar]) -> [Piece] {
        var pieces: [Piece] = []
        var at = 0
        while at < scalars.count {
            let scalar = scalars[at]
            at += 1
            switch scalar {
            case "*": if pieces.last != .many { pieces.append(.many) }
            case "?": pieces.append(.any)
            case "[":
                if let (piece, end) = among(scalars, at) {
                    pieces.append(piece)
                    at = end
                } else {
                    pieces.append(.one("["))
                }
            default: pieces.append(.one(scalar))
            }
        }
        return pieces
    }

    /// What stands behind a "[" up to its "]", and where it goes on; nil if it is not closed, and a "[" is only that.
    private static func among(_ scalars: [Unicode.Scalar], _ start: Int) -> (Piece, Int)? {
        var at = start
        let isNegated = at < scalars.count && scalars[at] == "!"
        if isNegated { at += 1 }
        // A "]" in the first place is one of those meant.
        guard at < scalars.count, let end = scalars[(at + 1)...].firstIndex(of: "]") else { return nil }
        var ranges: [ClosedRange<UInt32>] = []
        while at < end {
            let low = scalars[at].value
            if at + 2 < end, scalars[at + 1] == "-" {
                let high = scalars[at + 2].value
                if low <= high { ranges.append(low...high) }
                at += 3
            } else {
                ranges.append(low...low)
                at += 1
            }
        }
        return (.among(ranges, isNegated: isNegated), end + 1)
    }

    /// With one place to come back to: never more steps than pattern times path.
    private static func matches(_ pattern: [Piece], _ part: [Unicode.Scalar]) -> Bool {
        var (p, s) = (0, 0)
        var retry: (pattern: Int, part: Int)?
        while s < part.count {
            if p < pattern.count, pattern[p] == .many {
                retry = (p + 1, s)
                p += 1
            } else if p < pattern.count, pattern[p].takes(part[s]) {
                (p, s) = (p + 1, s + 1)
            } else if let last = retry {
                retry = (last.pattern, last.part + 1)
                (p, s) = (last.pattern, last.part + 1)
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == .many }
    }
}

extension PathPattern.Piece {
    fileprivate func takes(_ scalar: Unicode.Scalar) -> Bool {
        switch self {
        case .one(let wanted): wanted == scalar
        case .any: true
        case .many: false
        case .among(let ranges, let isNegated): ranges.contains { $0.contains(scalar.value) } != isNegated
        }
    }
}
