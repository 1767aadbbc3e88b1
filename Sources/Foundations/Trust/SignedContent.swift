import Wire

/// What a CMS SignedData carries inside (RFC 5652 §5): read, and not believed. Whoever installs it checks the signature.
package enum SignedContent {
    /// Most bytes of the message.
    package static let largestMessage = 64 << 10

    package static func read(_ message: [UInt8]) throws(Refusal) -> [UInt8] {
        guard message.count <= largestMessage else {
            throw Refusal(
                .tooLarge, "The CMS message has \(message.count) bytes; \(largestMessage) are allowed.",
                hint: "Leave certificates out that nobody needs.", rule: "RFC 5652 §5")
        }
        var outer = try DERNode.parse(message[...], as: "CMS message").children()
        let type = try outer.take().objectIdentifier()
        guard type == .pkcs7SignedData else {
            throw Refusal(
                .malformed,
                type == .pkcs7EnvelopedData
                    ? "The CMS message is encrypted for somebody already." : "The CMS message is not SignedData.",
                hint: "Send the message as its signer made it.", rule: "RFC 5652 §5")
        }
        var wrapper = try outer.take().children(of: .context(0))
        try outer.end()
        var signed = try wrapper.take().children()
        try wrapper.end()
        _ = try signed.take().smallInteger()
        _ = try signed.take().children(of: .set)
        var inside = try signed.take().children()
        _ = try inside.take().objectIdentifier()
        guard let content = inside.take(if: .context(0)) else {
            throw Refusal(
                .malformed, "The CMS message carries nothing: its signature is detached.",
                hint: "Sign with the content inside.", rule: "RFC 5652 §5.2")
        }
        try inside.end()
        var octets = try content.children(of: .context(0))
        let bytes = Array(try octets.take().octets())
        try octets.end()
        return bytes
    }
}
