import Trust
import Wire

/// The serial of a unit: 1 to 32 capitals, digits and hyphens, starting with a capital or digit, so that it can stand in a
/// certificate, a file name and a small QR picture.
package enum UnitSerial {
    package static let maximumLength = 32
    private static let randomBytes = 5
    /// Leaves room for the 8 random characters.
    private static let maximumPrefixLength = maximumLength - 8

    package static func isValid(_ text: String) -> Bool {
        (1...maximumLength).contains(text.utf8.count) && hasValidCharacters(text)
    }

    private static func hasValidCharacters(_ text: String) -> Bool {
        text.utf8.first != 45 && text.utf8.allSatisfy { (48...57).contains($0) || (65...90).contains($0) || $0 == 45 }
    }

    static func checkPrefix(_ prefix: String) throws(Refusal) {
        guard prefix.utf8.count <= maximumPrefixLength, prefix.isEmpty || hasValidCharacters(prefix) else {
            throw Refusal(
                .malformed, "\"\(Printable.text(prefix))\" cannot begin a serial.",
                hint: "Use at most \(maximumPrefixLength) of A to Z, 0 to 9 and hyphens, not starting with a hyphen.")
        }
    }

    /// "THERMOSTAT-2-" for the product "thermostat-2".
    static func defaultPrefix(_ product: ProductID) -> String {
        let capitals = product.text.uppercased().utf8.map { (48...57).contains($0) || (65...90).contains($0) ? $0 : 45 }
        return String(decoding: capitals.prefix(maximumPrefixLength - 1), as: UTF8.self) + "-"
    }

    /// The prefix and 40 random bits as 8 characters.
    static func make(prefix: String, random: RandomBytes) -> String {
        prefix + CrockfordBase32.encode(random(randomBytes))
    }
}

/// What a unit said, fit to be shown: a terminal must not obey a unit.
enum Printable {
    /// At most 120 characters, without controls and anything invisible.
    static func text(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(120).map { isVisible($0) ? $0 : "\u{fffd}" }))
    }

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
