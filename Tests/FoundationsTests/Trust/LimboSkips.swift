/// The cases of x509-limbo that `ChainVerifier` is not asked, each with the reason. Everything else must agree.
enum LimboSkips {
    /// By the case's declared features.
    static let features: [String: String] = [
        "pedantic-webpki-eku": "CA/Browser Forum: EKU in every certificate, and never critical",
        "pedantic-webpki-subscriber-key": "CA/Browser Forum: kinds and lengths of subscriber keys",
        "pedantic-public-suffix-wildcard": "needs the public suffix list, for which a private PKI has no use",
        "pedantic-rfc5280":
            "one case, an anchor without AKI that another root signed: cve-2024-0567 wants it accepted, and so do we",
    ]

    /// By the beginning of the case's name.
    static let prefixes: [(prefix: String, reason: String)] = [
        ("webpki::aki::", "CA/Browser Forum: form of the AKI in a root; an anchor is trusted as it is"),
        ("webpki::cn::", "CA/Browser Forum: what may stand in the common name, which is never matched here"),
        ("webpki::nc::permitted-dns-match-noncritical", "contradicts RFC 5280 §4.2.1.10 (must be critical), kept here"),
        ("webpki::san::san-critical-with-nonempty-subject", "RFC 5280 §4.2.1.6 says SHOULD NOT only"),
        ("webpki::malformed-aia", "the AIA is never followed here, and so not read"),
        ("webpki::forbidden-rsa", "CA/Browser Forum: RSA lengths divisible by 8"),
        ("webpki::ee-basicconstraints-ca", "CA/Browser Forum; here refused for devices by their purpose"),
        (
            "webpki::ca-as-leaf",
            "CA/Browser Forum; contradicts rfc5280::ca-as-leaf; refused for devices by their purpose"
        ),
    ]

    static func reason(id: String, features: [String]) -> String? {
        features.lazy.compactMap { Self.features[$0] }.first ?? prefixes.first { id.hasPrefix($0.prefix) }?.reason
    }
}
