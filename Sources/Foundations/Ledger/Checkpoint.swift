import Wire

/// A log's statement about itself (C2SP tlog-checkpoint): at this size, the tree has this root.
package struct Checkpoint: Hashable, Sendable {
    /// The log's name: a URL without scheme, the same for ever.
    package let origin: String
    package let size: Int64
    package let root: Digest
    /// Opaque lines behind the root; ours has none.
    package let extensions: [String]

    package var head: TreeHead { TreeHead(size: size, root: root) }

    package init(origin: String, size: Int64, root: Digest, extensions: [String] = []) throws(Refusal) {
        guard ([origin] + extensions).allSatisfy(Self.isLine) else {
            throw Self.refuse("its origin or an extension is empty or has control characters")
        }
        guard size >= 0 else { throw Self.refuse("its size is negative") }
        guard root.bytes.count == MerkleTree.hashBytes else { throw Self.refuse("its root is not 32 bytes") }
        guard size > 0 || root == MerkleTree.emptyRoot else { throw Self.notEmptyRoot }
        self.origin = origin
        self.size = size
        self.root = root
        self.extensions = extensions
    }

    /// The text to sign: origin, size, base64 of the root, extensions, a line each.
    package var text: String {
        ([origin, String(size), Base64.encode(root.bytes)] + extensions).map { $0 + "\n" }.joined()
    }

    /// Reads the text of a note.
    package init(text: String) throws(Refusal) {
        guard text.utf8.count <= Note.maximumBytes, text.utf8.last == newline else {
            throw Self.refuse("its last line does not end")
        }
        let lines = text.utf8.dropLast().split(separator: newline, omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
        guard lines.count >= 3 else { throw Self.refuse("it has fewer than three lines") }
        guard let size = decimal(lines[1].utf8) else {
            throw Self.refuse("its size is not a number without leading zeros")
        }
        guard let root = strictBase64(Array(lines[2].utf8)) else { throw Self.refuse("its root is not base64") }
        try self.init(origin: lines[0], size: size, root: Digest(root), extensions: Array(lines[3...]))
    }

    /// The checkpoint in a note that `key` signed for the log of its name.
    package init(note: [UInt8], key: VerifierKey) throws(Refusal) {
        let verified = try Note(note).verified(by: [key])
        try self.init(text: verified.text)
        // The key of one log must not vouch for another one (tlog-checkpoint, Signatures).
        guard origin.utf8.elementsEqual(key.name.utf8) else {
            throw Refusal(
                .conflict, "The checkpoint is of the log \"\(origin)\"; the verifier key is of \"\(key.name)\".",
                hint: "Use the verifier key of this log.", rule: Self.rule)
        }
    }

    /// Told apart from other defects, because a witness answers it with a status of its own.
    static let notEmptyRoot = refuse("its size is 0 and its root is not SHA-256 of nothing")

    private static func isLine(_ line: String) -> Bool {
        !line.isEmpty && line.unicodeScalars.allSatisfy { $0.value >= 0x20 }
    }

    private static func refuse(_ why: String) -> Refusal {
        Refusal(
            .malformed, "This is not a checkpoint: \(why).",
            hint: "Send the checkpoint byte for byte as it was published.",
            rule: rule)
    }

    private static let rule = "C2SP tlog-checkpoint"
}

extension NoteSigner {
    /// The signed checkpoint, ready to be stored and then published. The signer's name is the origin.
    package func checkpoint(_ head: TreeHead, with others: [NoteSigner] = []) throws -> [UInt8] {
        try note(Checkpoint(origin: verifierKey.name, size: head.size, root: head.root).text, with: others)
    }
}

/// A decimal number without sign and leading zeros; nil for anything else, and for more than Int64 holds.
func decimal(_ digits: some Collection<UInt8>) -> Int64? {
    guard (1...19).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }),
        digits.first != UInt8(ascii: "0") || digits.count == 1
    else { return nil }
    return Int64(String(decoding: Array(digits), as: UTF8.self))
}
