import Wire

/// "SHA-256, two spaces, name", a line for each file of the artifact.
struct ArtifactManifest {
    private(set) var digests: [String: Digest] = [:]
    static let maximumBytes = 1 << 20

    init(_ bytes: [UInt8]) throws(Refusal) {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Self.bad("is not UTF-8.") }
        for line in text.split(separator: "\n") {
            let digits = line.prefix(64)
            guard digits.utf8.count == 64, let digest = Digest(hex: String(digits)),
                line.dropFirst(64).hasPrefix("  "), line.utf8.count > 66
            else { throw Self.bad("has a line that is not a SHA-256, two spaces and a name.") }
            guard digests.updateValue(digest, forKey: String(line.dropFirst(66))) == nil else {
                throw Self.bad("names a file twice.")
            }
        }
    }

    /// The file has what the manifest says. Each may come once.
    mutating func check(_ name: String, _ found: Digest) throws(Refusal) {
        guard let stated = digests.removeValue(forKey: name) else {
            throw Self.bad("does not name \(name.prefix(80)), or it came twice.")
        }
        guard stated == found else {
            throw Refusal(
                .malformed, "The SHA-256 of \(name.prefix(80)) is \(found), and the manifest says \(stated).",
                hint: "Write the artifact again, and upload it as it is.", rule: "mender: checksum")
        }
    }

    func finish() throws(Refusal) {
        if let missing = digests.keys.min() { throw Self.bad("names \(missing.prefix(80)), which did not come.") }
    }

    private static func bad(_ what: String) -> Refusal {
        Refusal(
            .malformed, "The artifact's manifest \(what)", hint: "Write the artifact with mender-artifact.",
            rule: "mender: manifest")
    }
}
