import Trust
import Wire

/// An archive of SWUpdate: cpio ("newc", with checksums or without them), whose first entry, `sw-description`, says what is
/// installed, and with which key each image is decrypted.
///
/// That entry is what has to be hidden. SWUpdate takes it as CMS EnvelopedData, and verifies `sw-description.sig`, the entry behind it, over
/// what it decrypted. So anybody who holds the entry can make it for one more device, without the key that signed it and without
/// touching what follows.
package enum SWUpdateArchive {
    private static let headerBytes = 110
    private static let description = "sw-description"
    private static let signature = "sw-description.sig"
    /// Most bytes of the first entry, with its header.
    package static let largestHead = 64 << 10
    /// Enough of an archive to know it, or the entry that begins there.
    package static let peekBytes = 512

    /// Header, name and content of an entry, each filled up to a multiple of four bytes.
    private struct Entry {
        let hasChecksum: Bool
        let size: Int
        let checksum: UInt32
        let name: String
        /// Where the content begins.
        let start: Int
        var end: Int { start + size + SWUpdateArchive.padding(size) }

        enum Field: Int { case size = 6, nameSize = 11, checksum = 12 }

        static func place(of field: Field) -> Range<Int> {
            let start = 6 + 8 * field.rawValue
            return start..<start + 8
        }

        /// Nil if none begins here.
        init?(_ bytes: [UInt8]) {
            let header = SWUpdateArchive.headerBytes
            guard bytes.count >= header else { return nil }
            func number(_ field: Field) -> UInt32? {
                let digits = bytes[Self.place(of: field)]
                // Neither a sign nor anything else that a number may begin with.
                guard digits.allSatisfy({ (48...57).contains($0) || (97...102).contains($0 | 0x20) }) else {
                    return nil
                }
                return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
            }
            switch String(decoding: bytes.prefix(6), as: UTF8.self) {
            case "070701": hasChecksum = false
            case "070702": hasChecksum = true
            default: return nil
            }
            guard let size = number(.size), let nameSize = number(.nameSize), let checksum = number(.checksum),
                (2...256).contains(nameSize), bytes.count >= header + Int(nameSize)
            else { return nil }
            let name = bytes[header..<header + Int(nameSize)]
            guard name.last == 0, let text = String(validating: name.dropLast(), as: UTF8.self) else { return nil }
            (self.size, self.checksum, self.name) = (Int(size), checksum, text)
            start = header + name.count + SWUpdateArchive.padding(header + name.count)
        }
    }

    private static func padding(_ count: Int) -> Int { (4 - count % 4) % 4 }

    /// As cpio computes it: not against anybody.
    private static func sum(_ bytes: some Sequence<UInt8>) -> UInt32 { bytes.reduce(0) { $0 &+ UInt32($1) } }

    // MARK: - Taking it apart

    /// Whether a file that begins so is such an archive.
    package static func begins(_ bytes: [UInt8]) -> Bool { Entry(bytes)?.name == description }

    /// Bytes of the first entry of an archive that begins so.
    package static func headBytes(_ bytes: [UInt8]) throws(Refusal) -> Int {
        guard let entry = Entry(bytes), entry.name == description, entry.end <= largestHead else {
            throw malformed("does not begin with a sw-description of at most \(largestHead >> 10) KiB")
        }
        return entry.end
    }

    /// Refuses what is not the first entry of a signed archive, whole, in the clear, and with keys for its images.
    /// - Parameter rest: the beginning of what follows it.
    package static func demand(_ head: [UInt8], before rest: [UInt8]) throws(Refusal) {
        let text = try content(of: head)
        guard let entry = Entry(head), !entry.hasChecksum || entry.checksum == sum(text) else {
            throw malformed("has a sw-description with a wrong checksum")
        }
        guard !text.contains(0), let plain = String(validating: text, as: UTF8.self) else {
            throw malformed("has a sw-description that is no text: it may be encrypted for somebody already")
        }
        guard plain.contains("aes-key") else {
            throw Refusal(
                .malformed, "Nothing in the archive's sw-description is encrypted: it names no key of an image.",
                hint:
                    "Encrypt its images, each with \"aes-key\" and \"ivt\" in sw-description; or publish it as it is.",
                rule: "SWUpdate: aes-key")
        }
        guard Entry(rest)?.name == signature else {
            throw Refusal(
                .malformed, "The archive is not signed: no sw-description.sig follows its sw-description.",
                hint: "Sign sw-description before it is encrypted: an envelope hides, and vouches for nothing.",
                rule: "SWUpdate: signature")
        }
    }

    /// What the first entry holds.
    package static func content(of head: [UInt8]) throws(Refusal) -> [UInt8] {
        let count = try headBytes(head)
        guard head.count == count, let entry = Entry(head) else {
            throw malformed("has a sw-description that is cut off")
        }
        return Array(head[entry.start..<entry.start + entry.size])
    }

    private static func malformed(_ what: String) -> Refusal {
        Refusal(
            .malformed, "The archive \(what).", hint: "Make it as SWUpdate's documentation says: cpio -H crc or newc.",
            rule: "SWUpdate: archive")
    }

    // MARK: - Putting it together

    /// The first entry with another content, its size and checksum those of that.
    package static func head(_ head: [UInt8], carrying content: [UInt8]) throws(Refusal) -> [UInt8] {
        guard let entry = Entry(head), entry.start <= head.count else { throw malformed("has no first entry") }
        var made = Array(head.prefix(entry.start))
        func put(_ number: UInt32, _ field: Entry.Field) {
            let digits = String(number, radix: 16, uppercase: true)
            made.replaceSubrange(
                Entry.place(of: field), with: Array((String(repeating: "0", count: 8 - digits.count) + digits).utf8))
        }
        put(UInt32(truncatingIfNeeded: content.count), .size)
        put(entry.hasChecksum ? sum(content) : 0, .checksum)
        return made + content + [UInt8](repeating: 0, count: padding(content.count))
    }
}
