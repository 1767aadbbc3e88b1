/// A name for one thing of a kind, opaque to everybody but its maker. `Kind` keeps a device from being passed as a batch.
///
/// 1 to 64 characters of `A–Z a–z 0–9 . _ -`, starting with a letter or digit, so that it can stand in a URL, a file
/// name, a certificate's PrintableString and a log line as it is.
package struct Identifier<Kind>: Hashable, Sendable, Codable, CustomStringConvertible, Comparable {
    package let text: String

    package init(_ text: String) throws(Refusal) {
        guard Self.isValid(text) else {
            throw Refusal(
                .malformed, "\"\(text.prefix(80))\" is not a valid name.",
                hint: "Use 1 to 64 letters, digits, dots, underscores or hyphens, starting with a letter or digit.")
        }
        self.text = text
    }

    /// For names that this program made itself; traps on anything else.
    package init(trusted text: String) {
        precondition(Self.isValid(text), "not an identifier")
        self.text = text
    }

    package static func isValid(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...64).contains(bytes.count), let first = bytes.first, isLetterOrDigit(first) else { return false }
        return bytes.allSatisfy { isLetterOrDigit($0) || $0 == 45 || $0 == 46 || $0 == 95 }
    }

    private static func isLetterOrDigit(_ c: UInt8) -> Bool {
        (48...57).contains(c) || (65...90).contains(c) || (97...122).contains(c)
    }

    package var description: String { text }
    package static func < (a: Self, b: Self) -> Bool { a.text < b.text }

    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard Self.isValid(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "not a valid name"))
        }
        self.text = text
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    /// A new time-ordered name (RFC 9562 UUID version 7): 48 bits of `at` in milliseconds, then 74 bits of `random`.
    /// - Parameter random: at least 10 bytes from a cryptographic generator.
    package static func timeOrdered(at: Timestamp, random: [UInt8]) -> Self {
        precondition(random.count >= 10)
        let ms = UInt64(bitPattern: at.milliseconds)
        var b = (0..<6).map { UInt8(truncatingIfNeeded: ms >> UInt64(40 - 8 * $0)) } + random.prefix(10)
        b[6] = 0x70 | (b[6] & 0x0f)
        b[8] = 0x80 | (b[8] & 0x3f)
        let hex = Array(Hex.encode(b).utf8)
        let parts = [hex[0..<8], hex[8..<12], hex[12..<16], hex[16..<20], hex[20..<32]]
        return Self(trusted: parts.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "-"))
    }
}

package enum DeviceKind {}
package enum ProductKind {}
package enum BatchKind {}
package enum RolloutKind {}
package enum TenureKind {}
package enum PersonKind {}
package enum OwnerKind {}

/// One unit, for the whole of its life; opaque and random, so that the public ledger does not list serials.
package typealias DeviceID = Identifier<DeviceKind>
/// A model, named by its maker ("thermostat-2").
package typealias ProductID = Identifier<ProductKind>
package typealias BatchID = Identifier<BatchKind>
/// One release on its way into the field.
package typealias RolloutID = Identifier<RolloutKind>
package typealias TenureID = Identifier<TenureKind>
/// Somebody who signs in.
package typealias PersonID = Identifier<PersonKind>
/// A person or an organisation that owns devices.
package typealias OwnerID = Identifier<OwnerKind>
