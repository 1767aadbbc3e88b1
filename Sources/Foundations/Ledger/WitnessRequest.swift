import Wire

/// The body of `POST <prefix>/add-checkpoint` (C2SP tlog-witness): the size that the witness is believed to know, a
/// consistency proof from there, and the checkpoint. Parsed, not judged.
package struct WitnessRequest: Sendable, Equatable {
    package var oldSize: Int64
    package var proof: [Digest]
    /// The checkpoint's signed note.
    package var note: [UInt8]

    /// Bounds of the proof and of the whole body, in lines and bytes.
    package static let maximumProofLines = 63
    package static let maximumBytes = Note.maximumBytes + 4096

    package init(oldSize: Int64, proof: [Digest], note: [UInt8]) {
        self.oldSize = oldSize
        self.proof = proof
        self.note = note
    }

    package init(_ body: [UInt8]) throws(Refusal) {
        guard body.count <= Self.maximumBytes else {
            throw Refusal(
                .tooLarge, "The request has \(body.count) bytes; \(Self.maximumBytes) are allowed.",
                hint: "Send only the log's own signatures.", rule: Self.rule)
        }
        var lines: [ArraySlice<UInt8>] = []
        var at = 0
        while true {
            guard let end = body[at...].firstIndex(of: newline) else {
                throw Self.refuse("no empty line ends its head")
            }
            let line = body[at..<end]
            at = end + 1
            if line.isEmpty { break }
            guard lines.count <= Self.maximumProofLines else {
                throw Self.refuse("it has more than \(Self.maximumProofLines) proof lines")
            }
            lines.append(line)
        }
        guard let first = lines.first, first.starts(with: Self.old), let size = decimal(first.dropFirst(Self.old.count))
        else { throw Self.refuse("its first line is not \"old\" and a size") }
        var proof: [Digest] = []
        for line in lines.dropFirst() {
            guard line.count <= 64, let hash = strictBase64(line), hash.count == MerkleTree.hashBytes else {
                throw Self.refuse("a proof line is not base64 of 32 bytes")
            }
            proof.append(Digest(hash))
        }
        self.init(oldSize: size, proof: proof, note: Array(body[at...]))
    }

    package var bytes: [UInt8] {
        let lines = ["old \(oldSize)"] + proof.map { Base64.encode($0.bytes) }
        return Array(lines.map { $0 + "\n" }.joined().utf8) + [newline] + note
    }

    private static let old = Array("old ".utf8)

    private static func refuse(_ why: String) -> Refusal {
        Refusal(
            .malformed, "This is not an add-checkpoint request: \(why).",
            hint: "Send the old size, the proof, an empty line and the checkpoint, each line ended.", rule: rule)
    }

    static let rule = "C2SP tlog-witness"
}
