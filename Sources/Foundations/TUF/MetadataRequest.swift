import Wire

/// A metadata file that the next step needs: what to fetch, under which name to keep it, and how many bytes to read at most.
package struct MetadataRequest: Sendable, Equatable {
    package let role: String
    /// Nil where the file bears no version in its name.
    package let version: Int?
    package let limit: Int

    package init(role: String, version: Int?, limit: Int) {
        self.role = role
        self.version = version
        self.limit = limit
    }

    /// Below the base of metadata: "42.root.json", "timestamp.json", "3.a%2Fb.json".
    package var remoteName: String { (version.map { "\($0)." } ?? "") + Self.localName(of: role) }
    /// How the client keeps it: without a version.
    package var localName: String { Self.localName(of: role) }

    package static func localName(of role: String) -> String { encoded(role) + ".json" }

    /// Percent-encoded to the last separator: a role's name is no path, neither in an address nor on a disk.
    package static func encoded(_ name: String, keeping kept: String = "") -> String {
        var out: [UInt8] = []
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"):
                out.append(byte)
            case _ where kept.utf8.contains(byte): out.append(byte)
            default: out += "%\(Hex.encode([byte]).uppercased())".utf8
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
