import Wire

/// User and password of an Authorization header with the scheme Basic (RFC 7617).
package struct BasicCredentials: Sendable {
    package let user: String
    package let password: String
    private static let maximumBytes = 512

    /// Nil if there is no such header, or it is no such thing.
    package init?(_ header: String?) {
        guard let header, header.utf8.count <= Self.maximumBytes else { return nil }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "basic", let bytes = Base64.decode(parts[1].utf8),
            let text = String(validating: bytes, as: UTF8.self), let colon = text.firstIndex(of: ":")
        else { return nil }
        user = String(text[..<colon])
        password = String(text[text.index(after: colon)...])
    }
}
