import Wire

/// The part of RSQL (FIQL) that lists of the management API are filtered by: comparisons of a field with a text, all of which
/// have to hold: `name==thermostat-2;version==1.4*`. A text may end in `*`. Everything else of the language is refused by name.
package struct RSQL: Sendable, Equatable {
    package struct Comparison: Sendable, Equatable {
        /// In lower case.
        package var field: String
        package var text: String
        /// The text stands for all that begin with it.
        package var isBeginning: Bool

        package func holds(_ value: String) -> Bool { isBeginning ? value.hasPrefix(text) : value == text }
    }

    package private(set) var comparisons: [Comparison] = []

    package static let maximumBytes = 1024
    package static let maximumComparisons = 8
    static let rule = "hawkBit: rsql"

    /// - Parameter fields: that the list can be filtered by, in lower case.
    package init(_ text: String, fields: [String]) throws(Refusal) {
        var rest = Array(text.utf8)[...]
        guard rest.count <= Self.maximumBytes else { throw Self.refusal("The filter is too long.") }
        repeat {
            guard comparisons.count < Self.maximumComparisons else {
                throw Self.refusal("The filter has more than \(Self.maximumComparisons) comparisons.")
            }
            let comparison = try Self.comparison(&rest)
            guard fields.contains(comparison.field) else {
                throw Self.refusal("Nothing is filtered by \"\(comparison.field)\" here.", fields)
            }
            comparisons.append(comparison)
        } while try Self.goesOn(&rest)
    }

    package func all(_ field: String) -> [Comparison] { comparisons.filter { $0.field == field } }

    private static func refusal(_ what: String, _ fields: [String] = []) -> Refusal {
        let names = fields.isEmpty ? "field" : fields.joined(separator: ", ")
        return Refusal(
            .malformed, what,
            hint: "Compare with ==, join with \";\", and end a text with * for a beginning: \(names).",
            rule: rule)
    }

    private static func skipSpaces(_ rest: inout ArraySlice<UInt8>) { rest = rest.drop { $0 == 32 } }

    private static func comparison(_ rest: inout ArraySlice<UInt8>) throws(Refusal) -> Comparison {
        skipSpaces(&rest)
        let name = rest.prefix { isOfName($0) }
        rest = rest.dropFirst(name.count)
        guard !name.isEmpty else { throw refusal("A comparison does not begin with a field.") }
        skipSpaces(&rest)
        guard rest.starts(with: "==".utf8) else {
            throw refusal("Only the comparison == is understood.")
        }
        rest = rest.dropFirst(2)
        skipSpaces(&rest)
        let value = try value(&rest)
        let isBeginning = value.last == UInt8(ascii: "*")
        let bytes = isBeginning ? value.dropLast() : value
        guard !bytes.contains(UInt8(ascii: "*")), let text = String(validating: bytes, as: UTF8.self) else {
            throw refusal("A text is not UTF-8, or has a star that is not its end.")
        }
        return Comparison(
            field: String(decoding: name, as: UTF8.self).lowercased(), text: text, isBeginning: isBeginning)
    }

    /// In quotes, or up to what ends it.
    private static func value(_ rest: inout ArraySlice<UInt8>) throws(Refusal) -> ArraySlice<UInt8> {
        guard let quote = rest.first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
            let value = rest.prefix { !" ;,()\"'=!<>~\\".utf8.contains($0) }
            rest = rest.dropFirst(value.count)
            guard !value.isEmpty else { throw refusal("There is nothing to compare with.") }
            return value
        }
        let value = rest.dropFirst().prefix { $0 != quote && $0 != UInt8(ascii: "\\") }
        rest = rest.dropFirst(value.count + 1)
        guard rest.first == quote else { throw refusal("A quoted text does not end, or has a backslash.") }
        rest = rest.dropFirst()
        return value
    }

    /// Whether another comparison follows.
    private static func goesOn(_ rest: inout ArraySlice<UInt8>) throws(Refusal) -> Bool {
        let hadSpace = rest.first == 32
        skipSpaces(&rest)
        guard let next = rest.first else { return false }
        if next == UInt8(ascii: ";") {
            rest = rest.dropFirst()
            return true
        }
        if hadSpace, rest.starts(with: "and ".utf8) {
            rest = rest.dropFirst(4)
            return true
        }
        throw refusal("Comparisons are joined by \";\" alone: no alternatives, and no parentheses.")
    }

    private static func isOfName(_ byte: UInt8) -> Bool {
        (65...90).contains(byte) || (97...122).contains(byte) || byte == 46 || byte == 95
    }
}
