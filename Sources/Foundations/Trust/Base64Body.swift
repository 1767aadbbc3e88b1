import Wire

/// Bodies of EST messages: base64 of DER in both directions (RFC 8951 §3.1).
package enum Base64Body {
    /// Stock clients want opposite layouts: OpenSSL's line decoder only reads lines, strongSwan's only one line.
    package enum Layout: String, Codable, Sendable, CaseIterable {
        /// Lines of 64 characters, each ended by LF.
        case lines
        /// One line without an end.
        case oneLine
    }

    package static func encode(_ der: [UInt8], _ layout: Layout = .lines) -> [UInt8] {
        switch layout {
        case .lines: Array(Base64.encodeLines(der).utf8)
        case .oneLine: Array(Base64.encode(der).utf8)
        }
    }

    /// Reads either layout, with LF or CRLF. The caller bounds the body.
    package static func decode(_ body: [UInt8], as subject: String) throws(Refusal) -> [UInt8] {
        guard let der = Base64.decode(body), !der.isEmpty else {
            throw Refusal(
                .malformed, "The body is not base64, or is empty.",
                hint: "Send the DER of the \(subject) in base64, without PEM armour.", rule: "RFC 8951 §3.1")
        }
        return der
    }
}
