import Testing
import Wire

@Suite struct `Text in hexadecimal` {
    @Test func `is written in lower case and read in both`() {
        #expect(Hex.encode([0, 1, 0x7f, 0x80, 0xab, 0xff]) == "00017f80abff")
        #expect(Hex.decode("00017F80aBff") == [0, 1, 0x7f, 0x80, 0xab, 0xff])
        #expect(Hex.decode("") == [])
    }

    @Test(arguments: ["0", "0x", "gg", "0 ", " 00", "00\n", "0g", "é0"]) func `is refused otherwise`(_ text: String) {
        #expect(Hex.decode(text) == nil)
    }

    @Test func `of a digest is bounded`() throws {
        let long = String(repeating: "00", count: 129)
        #expect(throws: Refusal.self) { try CanonicalJSON.decode([Digest].self, from: CanonicalJSON.encode([long])) }
        let good = String(repeating: "0f", count: 32)
        let read = try CanonicalJSON.decode([Digest].self, from: CanonicalJSON.encode([good]))
        #expect(read.first?.description == good)
    }
}

@Suite struct `Text in base64` {
    /// RFC 4648 §10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ]) func `agrees with the vectors of RFC 4648`(_ plain: String, _ encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == encoded)
        #expect(Base64.decode(encoded) == Array(plain.utf8))
    }

    @Test(arguments: [(0, []), (1, [4]), (48, [64]), (49, [64, 4]), (96, [64, 64]), (97, [64, 64, 4])])
    func `is broken into lines of 64, each ended`(_ count: Int, _ widths: [Int]) {
        let text = Base64.encodeLines([UInt8](repeating: 7, count: count))
        #expect(text.split(separator: "\n").map(\.utf8.count) == widths)
        #expect(text.isEmpty || text.hasSuffix("\n"))
        #expect(!text.contains("\n\n"))
        #expect(Base64.decode(text)?.count == count)
    }

    @Test func `can be broken at another width`() {
        #expect(Base64.encodeLines(Array("foobar".utf8), width: 4) == "Zm9v\nYmFy\n")
        #expect(Base64.encodeLines(Array("foobar".utf8), width: 76) == "Zm9vYmFy\n")
    }

    /// RFC 8951 §3.1: white space between the characters is no error.
    @Test(arguments: ["Zm9v\nYmFy", "Zm9v\r\nYmFy\r\n", " Zm9vYmFy ", "Z m\t9vYmFy", "\n\nZm9vYmFy\n\n"])
    func `is read in any layout`(_ text: String) {
        #expect(Base64.decode(text) == Array("foobar".utf8))
    }

    @Test(arguments: [
        "Z", "Zg", "Zg=", "Zg===", "=Zg=", "Zg==Zg==", "Zm9v!", "Zm9-", "Zm9_", "Zm9\0", "Zmé=", "=", "==", "====",
        "Z===",
        "Zm9v====", "Zm9v=", "Zm9v==", "Zm9v====Zg==", "====Zm9v",
    ])
    func `is refused when it is broken`(_ text: String) {
        #expect(Base64.decode(text) == nil)
    }
}

@Suite struct `A PEM file` {
    private let der = [UInt8](0..<100)

    @Test func `is written as RFC 7468 says`() {
        let lines = PEM.encode(der, label: "CERTIFICATE").split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.first == "-----BEGIN CERTIFICATE-----")
        #expect(lines.suffix(2) == ["-----END CERTIFICATE-----", ""])
        #expect(lines.dropFirst().dropLast(2).map(\.utf8.count) == [64, 64, 8])
    }

    @Test func `gives every block in order, whatever stands between`() throws {
        let text =
            "Bag Attributes\r\n" + PEM.encode(der, label: "CERTIFICATE").replacing("\n", with: "\r\n")
            + "\n\nsubject=x\n"
            + PEM.encode([1, 2, 3], label: "PUBLIC KEY")
        let blocks = try PEM.decode(text)
        #expect(blocks.map(\.label) == ["CERTIFICATE", "PUBLIC KEY"])
        #expect(blocks.map(\.der) == [der, [1, 2, 3]])
        #expect(try PEM.decode("no block at all").isEmpty)
    }

    @Test(arguments: [
        "-----BEGIN A-----\nAQID\n", "-----BEGIN A-----\nAQID\n-----END B-----\n", "-----END A-----\n",
        "-----BEGIN A-----\nAQI\n-----END A-----\n", "-----BEGIN A-----\nhello: world\n-----END A-----\n",
    ]) func `is refused when a block is broken`(_ text: String) {
        #expect { try PEM.decode(text) } throws: { ($0 as? Refusal)?.code == .malformed }
    }
}
