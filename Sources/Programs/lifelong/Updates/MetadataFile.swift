import Foundation
import Registry
import TUF
import Trust
import Use
import Wire

/// A draft of update metadata as a file that people carry.
struct MetadataFile {
    private var draft: MetadataDraft
    /// Most bytes of a document.
    private static let limit = UpdateLimits().targetsBytes

    /// SHA-256 of exactly what is signed.
    var content: Wire.Digest { draft.contentDigest }
    var signatures: [String] { draft.signedBy }

    init(path: String) throws { try self.init(document: InputFile.read(path, limit: Self.limit)) }

    private init(document: [UInt8]) throws {
        // A document of targets does not say whose it is; what is signed does not depend on it.
        draft = try MetadataRefusal.explained { () throws(MetadataRefusal) in
            try MetadataDraft(document: document, as: "draft")
        }
    }

    static func digest(_ text: String) throws(Refusal) -> Wire.Digest {
        guard text.utf8.count == 64, let digest = Wire.Digest(hex: text) else {
            throw Refusal(
                .malformed, "\"\(text.prefix(80))\" is no SHA-256.", hint: "Use its 64 hexadecimal digits.")
        }
        return digest
    }

    /// What came has to be what was asked for, whoever the server is.
    static func fetch(_ content: Wire.Digest, _ client: RestClient) async throws -> MetadataFile {
        let view: UpdateDraftView = try await client.read("update-metadata/\(content)")
        let file = try MetadataFile(document: Array((view.document ?? "").utf8))
        guard file.content == content else {
            throw Refusal(
                .conflict, "The server gave another draft than \(content).",
                hint: "Do not sign it; ask who runs the server.",
                rule: "draft: exact bytes")
        }
        return file
    }

    /// Proposes, and writes what was proposed to a file.
    static func propose(_ action: String, _ input: some Encodable, out: String, _ connection: Connection) async throws {
        let client = try connection.client()
        let answer: ProposedMetadata = try await client.perform(action, input)
        let file = try await fetch(answer.draft, client)
        try file.write(to: out)
        let lines = try file.sentences()
        try connection.show(answer) {
            ["Version \(answer.version) of \(answer.role) is proposed; \(out) is what to sign:"] + lines
        }
    }

    func write(to path: String) throws {
        try OutputFile.write(String(decoding: draft.document, as: UTF8.self), to: path)
    }

    mutating func sign(with key: any SigningKey) throws {
        do { try draft.sign(with: key) } catch let refusal as MetadataRefusal { throw refusal.refusal }
    }

    mutating func join(_ other: MetadataFile, from path: String) throws(Refusal) {
        guard let joined = draft.joined(with: other.draft) else {
            throw Refusal(
                .conflict, "\(path) is another draft: its SHA-256 is \(other.content).",
                hint: "Join copies of one draft only.", rule: "draft: exact bytes")
        }
        draft = joined
    }

    /// Hands in what the server does not have yet. Returns how many.
    func handIn(_ client: RestClient) async throws -> Int {
        let view: UpdateDraftView = try await client.read("update-metadata/\(content)")
        let known = Set(view.signatures.map(\.key.description))
        let new = signatures.filter { !known.contains($0) }
        for keyid in new {
            let _: Done = try await client.perform(
                SignMetadata.name,
                SignMetadata(
                    draft: content, key: try Self.digest(keyid),
                    signature: Base64.encode(draft.signature(by: keyid) ?? [])))
        }
        return new.count
    }

    // MARK: - What it says

    /// For whoever is asked to sign.
    func sentences() throws -> [String] {
        let said = try MetadataRefusal.explained { () throws(MetadataRefusal) -> [String] in
            if let root = try? draft.root() { return Self.sentences(root) }
            return Self.sentences(try draft.targets())
        }
        return [
            "SHA-256 of what is signed: \(content)", "Version \(draft.version), until \(Plain.time(draft.expires))",
        ]
            // No name or path of the draft's may begin a line of its own, and look like one of these.
            + said.map { $0.replacing("\n", with: "\u{fffd}") } + signatures.map { "Has a signature of the key \($0)" }
    }

    private static func sentences(_ root: RootRole) -> [String] {
        [("root", root.root), ("targets", root.targets), ("snapshot", root.snapshot), ("timestamp", root.timestamp)]
            .flatMap { sentences($0, $1) }
    }

    private static func sentences(_ role: String, _ signers: Signers) -> [String] {
        ["\(role): \(signers.threshold) of \(signers.keyids.count)"] + signers.keyids.map { "    \($0)" }
    }

    private static func sentences(_ targets: TargetsRole) -> [String] {
        var lines: [String] = []
        for role in targets.delegations?.roles ?? [] {
            lines += sentences(role.name, role.signers)
            if case .patterns(let patterns) = role.paths {
                lines.append("    for \(patterns.map(\.text).joined(separator: ", "))")
            } else {
                lines.append("    for paths that are named by their hashes: no document of Lifelong")
            }
        }
        if case .bins? = targets.delegations?.kind { lines.append("It trusts hash bins: no document of Lifelong") }
        for target in targets.targets.values.sorted(by: { $0.path < $1.path }) {
            lines.append("\(target.path): \(target.length) bytes, \(terms(of: target))")
            lines += target.hashes.values.sorted { $0.key < $1.key }.map { "    \($0.key) \($0.value)" }
        }
        return lines.isEmpty ? ["It lists nothing."] : lines
    }

    private static func terms(of target: TargetFile) -> String {
        guard let terms = try? ReleaseTerms(target, of: "draft") else {
            return "without terms that can be read: no release of Lifelong"
        }
        let lists = [
            ("hardware", terms.hardware), ("from", terms.from), ("bootloader", terms.bootloader),
            ("network", terms.network),
        ].filter { !$0.1.isEmpty }.map { "\($0.0) \($0.1.joined(separator: ", "))" }
        let encrypted = terms.encrypted.map { "encrypted (\($0.kind)), stored as \($0.size) bytes \($0.sha256)" }
        let back = terms.mayReturnTo.map { "may go back to release \($0)" }
        return (["release \(terms.sequence)", terms.version] + lists + [encrypted, back].compactMap { $0 })
            .joined(separator: "; ")
    }
}

/// A public key as a file.
enum PublicKeyFile {
    /// Base64 of its SubjectPublicKeyInfo.
    static func base64(_ path: String) throws -> String {
        let blocks = try PEM.decode(String(decoding: try InputFile.read(path, limit: 64 << 10), as: UTF8.self))
        guard blocks.count == 1, blocks[0].label == "PUBLIC KEY" else {
            throw Refusal(
                .malformed, "\(path) is not one public key.", hint: "Give a PEM file with a PUBLIC KEY block.")
        }
        return Base64.encode(blocks[0].der)
    }
}
