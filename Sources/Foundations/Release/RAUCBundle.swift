import Trust
import Wire

/// A bundle of RAUC in its format `crypt`: a payload that is encrypted once, a CMS message with the signed manifest, in which the
/// payload's key stands, and the message's size in eight bytes.
///
/// The message is what has to be hidden. RAUC takes it as EnvelopedData around the SignedData, so that anybody who holds it can
/// make it for one more device, without the key that signed it and without touching the payload.
package enum RAUCBundle {
    /// Bytes of the size at the end, big-endian.
    package static let trailerBytes = 8
    /// Most bytes of the message: RAUC's own bound.
    package static let largestMessage = SignedContent.largestMessage
    /// The payload is in sectors of the device mapper.
    package static let blockBytes = 4096

    /// Where the message lies in a bundle of `size` bytes that ends in `trailer`; nil if it is no bundle.
    package static func message(in size: Int, trailer: [UInt8]) -> Range<Int>? {
        guard trailer.count == trailerBytes, trailer.prefix(4).allSatisfy({ $0 == 0 }) else { return nil }
        let count = trailer.suffix(4).reduce(0) { $0 << 8 | Int($1) }
        let end = size - trailerBytes
        guard (1...largestMessage).contains(count), count < end, (end - count) % blockBytes == 0 else { return nil }
        return end - count..<end
    }

    /// Refuses what is not the signed message of a bundle in the format `crypt`.
    package static func demandCrypt(_ message: [UInt8]) throws(Refusal) {
        let manifest = try SignedContent.read(message)
        guard format(of: manifest) == "crypt" else {
            throw Refusal(
                .malformed, "The bundle is not in RAUC's format \"crypt\".",
                hint: "Set format=crypt in the section [bundle] of its manifest, and build it anew.",
                rule: "RAUC: bundle format")
        }
    }

    /// What follows the payload: the message in the form in which one device gets it, and its size.
    package static func end(_ message: [UInt8]) -> [UInt8] {
        message + (0..<trailerBytes).map { UInt8(truncatingIfNeeded: message.count >> (56 - 8 * $0)) }
    }

    /// `format` of the section `[bundle]`; nil if it is not stated, which means `plain`.
    static func format(of manifest: [UInt8]) -> String? {
        guard let text = String(validating: manifest, as: UTF8.self) else { return nil }
        var section: Substring = ""
        for line in text.split(whereSeparator: \.isNewline) {
            if line.first == "[", line.last == "]" {
                section = line.dropFirst().dropLast()
            } else if section == "bundle", let equals = line.firstIndex(of: "="),
                trimmed(line[..<equals]) == "format"
            {
                return String(trimmed(line[line.index(after: equals)...]))
            }
        }
        return nil
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
