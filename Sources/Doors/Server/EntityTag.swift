import Crypto
import NIOHTTP1
import Wire

/// A strong validator (RFC 9110 §8.8.3): it changes exactly when the bytes do.
struct EntityTag: Sendable {
    /// With its quotes, as it stands in a header.
    let text: String

    /// - Parameter name: stands for these very bytes.
    init(_ name: String) { text = "\"\(name)\"" }

    /// - Parameter name: stands for these very bytes.
    init(_ name: Wire.Digest) { self.init(name.description) }

    /// By 128 bits of their SHA-256.
    init(of bytes: [UInt8]) { self.init(Wire.Digest(SHA256.hash(data: bytes).prefix(16))) }

    /// Whether the caller has these bytes, by `If-None-Match` (§13.1.2), which compares weakly.
    func isHeld(by headers: HTTPHeaders) -> Bool {
        headers.contains(name: "If-None-Match") && isHeld(headers[canonicalForm: "If-None-Match"])
    }

    func isHeld(_ listed: [Substring]) -> Bool {
        listed.contains { $0 == text[...] || $0 == "*" || ($0.hasPrefix("W/") && $0.dropFirst(2) == text[...]) }
    }
}
