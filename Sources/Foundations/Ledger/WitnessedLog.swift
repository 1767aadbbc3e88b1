import Wire

/// What a witness knows of one log: whose signatures it believes, and the last checkpoint that it cosigned. Pure: the
/// caller stores the new state before it lets the cosignature out.
package struct WitnessedLog: Sendable, Equatable {
    package let origin: String
    /// The log's keys. By convention each has the origin as its name; some logs differ.
    package let keys: [VerifierKey]
    package private(set) var latest: Checkpoint?
    /// The latest checkpoint's note with the log's signatures that were verified and the witness's own; what a monitor
    /// is shown. Empty before the first.
    package private(set) var note: [UInt8] = []

    /// Bound of the keys that one log may have.
    package static let maximumKeys = 8

    package init(origin: String, keys: [VerifierKey]) throws(Refusal) {
        guard (1...Self.maximumKeys).contains(keys.count), !origin.isEmpty, origin.utf8.count <= 1024,
            origin.unicodeScalars.allSatisfy({ $0.value >= 0x20 })
        else {
            throw Refusal(
                .malformed, "A log needs an origin of one line and 1 to \(Self.maximumKeys) keys.",
                hint: "Name the log's verifier key, and its origin if that differs from the key's name.")
        }
        self.origin = origin
        self.keys = keys
    }

    /// Why a witness does not cosign; each has a status of its own.
    package enum Objection: Error, Sendable, Equatable {
        /// 400
        case malformed(String)
        /// 403: not signed by a key that is trusted for this origin.
        case notSigned(String)
        /// 404
        case unknownOrigin
        /// 409: the size of the last checkpoint that was cosigned.
        case otherSize(Int64)
        /// 422: no append to what was cosigned.
        case inconsistent(String)

        package var status: Int {
            switch self {
            case .malformed: 400
            case .notSigned: 403
            case .unknownOrigin: 404
            case .otherSize: 409
            case .inconsistent: 422
            }
        }
    }

    /// The next state and the signature line for the client, or an objection. In the order of the standard: origin,
    /// signature, sizes, roots, proof.
    package func cosign(
        _ request: WitnessRequest, by cosigner: Cosigner, at now: Timestamp
    ) throws -> (next: WitnessedLog, line: [UInt8]) {
        let note = try objecting(Objection.malformed) { () throws(Refusal) in try Note(request.note) }
        guard note.origin.utf8.elementsEqual(origin.utf8) else { throw Objection.unknownOrigin }
        let text = try objecting(Objection.notSigned) { () throws(Refusal) in try note.verified(by: keys).text }
        let checkpoint = try read(text)
        let proof = ConsistencyProof(oldSize: request.oldSize, newSize: checkpoint.size, hashes: request.proof)
        guard proof.oldSize <= proof.newSize else {
            throw Objection.malformed("The old size \(proof.oldSize) is above the checkpoint's, \(proof.newSize).")
        }
        let known = latest?.head ?? TreeHead(size: 0, root: MerkleTree.emptyRoot)
        guard proof.oldSize == known.size else { throw Objection.otherSize(known.size) }
        try objecting(Objection.inconsistent) { () throws(Refusal) in
            try proof.verify(oldRoot: known.root, newRoot: checkpoint.root)
        }
        let line = try cosigner.line(note.text, at: now)
        var next = self
        next.latest = checkpoint
        let trusted = note.signatures.filter { line in keys.contains { $0.isMeant(by: line) } }
        next.note = note.text + [newline] + trusted.flatMap(\.line) + line
        return (next, line)
    }

    private func read(_ text: String) throws(Objection) -> Checkpoint {
        do throws(Refusal) {
            return try Checkpoint(text: text)
        } catch {
            throw error == Checkpoint.notEmptyRoot ? .inconsistent(error.detail) : .malformed(error.detail)
        }
    }

    private func objecting<T>(
        _ objection: (String) -> Objection, _ body: () throws(Refusal) -> T
    ) throws(Objection) -> T {
        do throws(Refusal) { return try body() } catch { throw objection(error.detail) }
    }
}

/// The state as the bytes of a file: a line of format, the origin, the keys, an empty line, and the cosigned note if
/// there is one. Trust and memory stand in one file, so that a lost memory is a lost trust and not a fresh start.
extension WitnessedLog {
    package static let maximumBytes = Note.maximumBytes + 16_384
    private static let format = "lifelong witness, log, format 1"

    package var bytes: [UInt8] {
        let lines = [Self.format, "origin \(origin)"] + keys.map { "key \($0)" }
        return Array(lines.map { $0 + "\n" }.joined().utf8) + [newline] + note
    }

    /// - Parameter witness: whose cosignature the note must carry: a file that was edited is refused.
    package init(_ bytes: [UInt8], witness: WitnessKey) throws(Refusal) {
        guard bytes.count <= Self.maximumBytes else { throw Self.damaged("it is too long") }
        var lines: [String] = []
        var at = 0
        while let end = bytes[at...].firstIndex(of: newline), end > at, lines.count < 2 + Self.maximumKeys {
            guard let line = String(validating: bytes[at..<end], as: UTF8.self) else {
                throw Self.damaged("it is not UTF-8")
            }
            lines.append(line)
            at = end + 1
        }
        guard lines.count > 2, lines[0] == Self.format, lines[1].hasPrefix("origin "), at < bytes.count,
            bytes[at] == newline, lines[2...].allSatisfy({ $0.hasPrefix("key ") })
        else { throw Self.damaged("its head is not what this program writes") }
        try self.init(
            origin: String(lines[1].dropFirst("origin ".count)),
            keys: lines[2...].map { (line) throws(Refusal) in try VerifierKey(String(line.dropFirst("key ".count))) })
        let stored = Array(bytes[(at + 1)...])
        guard !stored.isEmpty else { return }
        let note = try Note(stored)
        let checkpoint = try Checkpoint(text: note.verified(by: keys).text)
        guard checkpoint.origin.utf8.elementsEqual(origin.utf8), try note.cosignatures(by: [witness]).count == 1 else {
            throw Self.damaged("its checkpoint is not this log's, or not cosigned by this witness")
        }
        latest = checkpoint
        self.note = stored
    }

    private static func damaged(_ why: String) -> Refusal {
        Refusal(
            .internal, "A log's file of this witness is damaged: \(why).",
            hint: "Do not start afresh under the same key: restore the newest file, or retire the witness.")
    }
}
