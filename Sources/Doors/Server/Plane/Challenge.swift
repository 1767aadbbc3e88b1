/// What 401 has to name (RFC 9110 §11.6.1): how somebody may say who it is, beside a certificate in TLS.
enum Challenge {
    private static let realm = "realm=\"lifelong\""

    /// - Parameter path: of the request.
    /// - Returns: nil where nothing but a certificate counts, for which HTTP has no scheme.
    static func at(_ path: String) -> String? {
        // RFC 7030 §3.2.3.
        if path.contains(EST.path + "/") { return "Basic \(realm), charset=\"UTF-8\"" }
        if path.hasPrefix(MenderAPI.base + "/") { return "Bearer \(realm)" }
        // A product may have a gateway token, too: that is not told to strangers.
        return HawkBit.isBelow(path) ? "TargetToken \(realm)" : nil
    }
}
