/// An address on this server, put together from parts that are each percent-encoded: a link can lead nowhere else, and
/// a value can neither leave its path segment nor add a parameter.
package struct Place: Sendable, Equatable {
    package private(set) var text: String

    /// - Parameter base: a path from our source, starting with one slash.
    package init(_ base: StaticString, _ segments: String...) {
        text = base.description
        for segment in segments {
            if !text.hasSuffix("/") { text += "/" }
            text += Self.encode(segment)
        }
    }

    /// The same place with a parameter more; nothing if the value is nil or empty.
    package func with(_ name: StaticString, _ value: String?) -> Place {
        guard let value, !value.isEmpty else { return self }
        var next = self
        next.text += (text.utf8.contains(UInt8(ascii: "?")) ? "&" : "?") + "\(name)=" + Self.encode(value)
        return next
    }

    /// The same place, at a heading within the page.
    package func at(_ anchor: StaticString) -> Place {
        var next = self
        next.text += "#\(anchor)"
        return next
    }

    /// RFC 3986: everything but unreserved characters is escaped. A segment of dots alone would mean a folder.
    static func encode(_ part: String) -> String {
        if part == "." { return "%2E" }
        if part == ".." { return "%2E%2E" }
        var out = ""
        for byte in part.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, 45, 46, 95, 126: out.unicodeScalars.append(Unicode.Scalar(byte))
            default: out += "%" + hex(byte >> 4) + hex(byte & 15)
            }
        }
        return out
    }

    private static func hex(_ nibble: UInt8) -> String { String(nibble, radix: 16, uppercase: true) }
}
