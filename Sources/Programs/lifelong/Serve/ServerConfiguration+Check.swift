import Foundation
import Registry
import Wire

extension ServerConfiguration.Check {
    private static let longestURL = 2048
    /// A key of 32 bytes and some more, in whatever letters.
    private static let longestKey = 1024

    /// The address and the key, if there is somebody to ask.
    func open(home: String) throws -> OutsideCheck? {
        guard !url.isEmpty else {
            guard keyFile.isEmpty else { throw Self.refuse("outsideCheck has a key and no address") }
            return nil
        }
        try demandAddress()
        guard !keyFile.isEmpty else { throw Self.refuse("outsideCheck has no keyFile") }
        let path = keyFile.hasPrefix("/") ? keyFile : home + "/" + keyFile
        let text = String(decoding: try InputFile.read(path, limit: Self.longestKey), as: UTF8.self)
        return try OutsideCheck(url: url, key: Array(text.trimmingCharacters(in: .whitespacesAndNewlines).utf8))
    }

    /// HTTPS, or this machine: what is sent says how well a release does.
    private func demandAddress() throws(Refusal) {
        guard url.utf8.count <= Self.longestURL, let parts = URL(string: url), let host = parts.host()?.lowercased(),
            !host.isEmpty, parts.fragment() == nil
        else { throw Self.refuse("outsideCheck.url is no address") }
        // They would stand in logs and in the console.
        guard parts.user() == nil, parts.password() == nil, parts.query() == nil else {
            throw Self.refuse("outsideCheck.url holds a user, a password or a query; the key says who asks")
        }
        let isLoopback = ["127.0.0.1", "::1", "[::1]", "localhost"].contains(host)
        guard parts.scheme == "https" || (parts.scheme == "http" && isLoopback) else {
            throw Self.refuse("outsideCheck.url is neither https nor on this machine")
        }
    }

    private static func refuse(_ what: String) -> Refusal {
        Refusal(
            .malformed, "In lifelong.yaml, \(what).",
            hint:
                "Write {url: \"https://check.example/rollouts\", keyFile: \"/etc/lifelong/check.key\"}; see docs/rollouts.md."
        )
    }
}
