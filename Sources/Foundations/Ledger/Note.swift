import Wire

/// A text with signatures (C2SP signed-note), parsed and not yet believed: `verified(by:)` is the only way to its text.
package struct Note: Sendable, Equatable {
    package struct Signature: Sendable, Equatable {
        package let name: String
        package let keyID: [UInt8]
        package let signature: [UInt8]

        /// As it stands in a note.
        var line: [UInt8] { Note.mark + Array("\(name) \(Base64.encode(keyID + signature))\n".utf8) }
    }

    /// Bound of a note, in bytes. The text asks for 16 signatures of nearly 5 kB each at least.
    package static let maximumBytes = 256 << 10
    /// Bound of its signature lines.
    package static let maximumSignatures = 64

    let text: [UInt8]
    package let signatures: [Signature]

    /// The note as it is written.
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) throws(Refusal) {
        guard bytes.count <= Self.maximumBytes else {
            throw Refusal(
                .tooLarge, "The note has \(bytes.count) bytes; \(Self.maximumBytes) are allowed.",
                hint: "Send only the signatures that matter.")
        }
        guard String(validating: bytes, as: UTF8.self) != nil else { throw Self.refuse("it is not UTF-8") }
        guard bytes.allSatisfy({ $0 >= 0x20 || $0 == newline }) else {
            throw Self.refuse("it holds control characters")
        }
        guard bytes.last == newline else { throw Self.refuse("its last line does not end") }
        guard let blank = Self.lastBlankLine(in: bytes) else {
            throw Self.refuse("no blank line precedes its signatures")
        }
        var signatures: [Signature] = []
        for line in bytes[(blank + 1)...].dropLast().split(separator: newline, omittingEmptySubsequences: false) {
            guard signatures.count < Self.maximumSignatures else { throw Self.refuse("it has too many signatures") }
            signatures.append(try Self.signature(line))
        }
        guard !signatures.isEmpty else { throw Self.refuse("it has no signature") }
        self.text = Array(bytes[..<blank])
        self.signatures = signatures
        self.bytes = bytes
    }

    /// The first line of its text, which in a checkpoint says of what log it is. Not believed yet.
    package var origin: String {
        String(decoding: text.prefix { $0 != newline }, as: UTF8.self)
    }

    /// The text, if at least one of the keys signed it. A line by a known key that does not verify spoils the whole
    /// note; lines by other keys are ignored.
    package func verified(by keys: [VerifierKey]) throws(Refusal) -> VerifiedNote {
        var signers: [VerifierKey] = []
        for signature in signatures {
            for key in keys where key.isMeant(by: signature) {
                guard key.verifies(signature.signature, over: text) else {
                    throw Refusal(
                        .unauthenticated, "The signature of \"\(key.name)\" under the note is not valid.",
                        hint: "Do not trust the note; fetch it again, and check the verifier key.", rule: Self.rule)
                }
                if !signers.contains(key) { signers.append(key) }
            }
        }
        guard !signers.isEmpty else {
            throw Refusal(
                .unauthenticated, "None of the known keys signed the note.",
                hint: "Compare the verifier key with the one that the log's operator published.", rule: Self.rule)
        }
        return VerifiedNote(text: String(decoding: text, as: UTF8.self), signers: signers)
    }

    /// Index of the second newline of the last empty line: the text ends before it.
    private static func lastBlankLine(in bytes: [UInt8]) -> Int? {
        var at = bytes.count - 1
        while at > 0 {
            if bytes[at] == newline, bytes[at - 1] == newline { return at }
            at -= 1
        }
        return nil
    }

    private static func signature(_ line: ArraySlice<UInt8>) throws(Refusal) -> Signature {
        guard line.starts(with: mark) else {
            throw refuse("a signature line does not start with an em dash and a space")
        }
        let parts = line.dropFirst(mark.count).split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 2, let name = String(validating: parts[0], as: UTF8.self), VerifierKey.isName(name) else {
            throw refuse("a signature line is not a name and a signature")
        }
        guard let blob = strictBase64(parts[1]), blob.count > 4 else { throw refuse("a signature is not base64") }
        return Signature(name: name, keyID: Array(blob.prefix(4)), signature: Array(blob.dropFirst(4)))
    }

    static func refuse(_ why: String) -> Refusal {
        Refusal(
            .malformed, "This is not a signed note: \(why).", hint: "Send the note byte for byte as it was published.",
            rule: rule)
    }

    static let rule = "C2SP signed-note"
    static let mark = Array("— ".utf8)
}

/// The text of a note that a known key signed.
package struct VerifiedNote: Sendable, Equatable {
    /// With its final newline.
    package let text: String
    package let signers: [VerifierKey]
}

let newline = UInt8(ascii: "\n")
