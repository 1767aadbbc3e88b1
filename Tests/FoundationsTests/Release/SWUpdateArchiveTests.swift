import Release
import Testing
import Wire

@Suite struct `An archive of SWUpdate` {
    private static let text = Array("images: ( { filename = \"i\"; aes-key = \"00\"; ivt = \"11\"; } );".utf8)

    /// One entry, as cpio writes it.
    static func entry(
        _ name: String, _ content: [UInt8], magic: String = "070702", checksum: UInt32? = nil, size: UInt32? = nil
    ) -> [UInt8] {
        func hex(_ number: UInt32) -> String {
            let digits = String(number, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }
        let sum = content.reduce(UInt32(0)) { $0 &+ UInt32($1) }
        let numbers: [UInt32] = [
            7, 0o100644, 0, 0, 1, 1_700_000_000, size ?? UInt32(content.count), 0, 0, 0, 0, UInt32(name.utf8.count + 1),
            checksum ?? (magic == "070702" ? sum : 0),
        ]
        func filled(_ bytes: [UInt8]) -> [UInt8] { bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4) }
        return filled(Array((magic + numbers.map(hex).joined() + name).utf8) + [0]) + filled(content)
    }

    private let signature = entry("sw-description.sig", [1, 2, 3])

    @Test(arguments: ["070701", "070702"]) func `gets another first entry of the right size and checksum`(
        _ magic: String
    )
        throws
    {
        let head = Self.entry("sw-description", Self.text, magic: magic)
        let whole = head + signature + [9, 9, 9]
        #expect(SWUpdateArchive.begins(whole))
        #expect(try SWUpdateArchive.headBytes(whole) == head.count)
        try SWUpdateArchive.demand(head, before: signature)
        #expect(try SWUpdateArchive.content(of: head) == Self.text)
        for count in [0, 1, 2, 3, 4, 700] {
            let content = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 200) }
            let made = try SWUpdateArchive.head(head, carrying: content)
            #expect(try SWUpdateArchive.content(of: made) == content)
            #expect(made.count % 4 == 0 && made.prefix(54) == head.prefix(54))
            // As cpio itself would write it, but for the case of its digits.
            let same = Self.entry("sw-description", content, magic: magic)
            #expect(
                String(decoding: made.prefix(110), as: UTF8.self).lowercased()
                    == String(decoding: same.prefix(110), as: UTF8.self)
                    && made.dropFirst(110) == same.dropFirst(110))
        }
    }

    @Test func `is none where it begins with something else`() {
        let head = Self.entry("sw-description", Self.text)
        var signed = head
        // "+0000041": a number to some, and to cpio none.
        signed.replaceSubrange(54..<55, with: [UInt8(ascii: "+")])
        let others: [[UInt8]] = [
            [], Array(head.prefix(109)), Array(head.prefix(120)), Array("hsqs".utf8) + head, signed,
            Self.entry("sw-description2", Self.text), Self.entry("", Self.text),
            Self.entry("sw-description", Self.text, magic: "070707"),
        ]
        for bytes in others {
            #expect(!SWUpdateArchive.begins(bytes))
            #expect(throws: Refusal.self) { try SWUpdateArchive.headBytes(bytes) }
            #expect(throws: Refusal.self) { try SWUpdateArchive.demand(bytes, before: signature) }
            #expect(throws: Refusal.self) { try SWUpdateArchive.content(of: bytes) }
        }
    }

    @Test func `is refused cut off, too large, with a wrong checksum, unsigned, in the clear or hidden already`() {
        let head = Self.entry("sw-description", Self.text)
        let large = [UInt8](repeating: UInt8(ascii: "x"), count: SWUpdateArchive.largestHead)
        let cases: [([UInt8], [UInt8], String)] = [
            (Array(head.dropLast(4)), signature, "SWUpdate: archive"),
            (head + [0, 0, 0, 0], signature, "SWUpdate: archive"),
            (Self.entry("sw-description", large), signature, "SWUpdate: archive"),
            (Self.entry("sw-description", Self.text, size: .max), signature, "SWUpdate: archive"),
            (Self.entry("sw-description", Self.text, checksum: 1), signature, "SWUpdate: archive"),
            (Self.entry("sw-description", [0x30, 0x82, 0, 0] + Self.text), signature, "SWUpdate: archive"),
            (Self.entry("sw-description", Array("images: ()".utf8)), signature, "SWUpdate: aes-key"),
            (head, [], "SWUpdate: signature"), (head, Self.entry("image", [1]), "SWUpdate: signature"),
        ]
        for (head, rest, rule) in cases {
            #expect { try SWUpdateArchive.demand(head, before: rest) } throws: { ($0 as? Refusal)?.rule == rule }
        }
    }
}
