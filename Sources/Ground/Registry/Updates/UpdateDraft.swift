import Passport
import Store
import TUF
import Trust
import Wire

/// A document of update metadata on its way: proposed by one person, looked at and signed by others, published or forgotten.
///
/// Its name is the SHA-256 of exactly what is signed. Whoever signs names it, the ledger records it at each step, and what is
/// published has it: nothing can be put in between.
package struct UpdateDraft: Sendable {
    package let content: Digest
    package let role: String
    package let version: Int
    package let proposer: PersonID?
    package let at: Timestamp
    /// Published until then, or proposed anew.
    package let expires: Timestamp
    /// Without signatures.
    private let document: [UInt8]
    package let signatures: [Signature]

    package struct Signature: Sendable {
        package let key: MetadataKey
        package let bytes: [UInt8]
        /// Who handed it in: its signer, for a product or layer; whoever carried it, for the root and the top-level targets.
        package let person: PersonID?
        package let at: Timestamp
    }

    /// How long people have to look at it and to sign.
    static let lifeDays: Int64 = 14
    private static let columns = "content, role, version, document, proposer, at, expires"

    private init(_ row: Row, in rows: any Rows) throws {
        let name = try row.text("content")
        guard let content = Digest(hex: name) else { throw Row.damaged("content") }
        self.content = content
        role = try row.text("role")
        version = try row.int("version")
        document = try row.bytes("document")
        proposer = try row.optionalID("proposer")
        at = try row.time("at")
        expires = try row.time("expires")
        signatures = try rows.query(
            "SELECT key_form, signature, person, at FROM tuf_signature WHERE content = $1 ORDER BY at, keyid",
            [.text(name)]
        ).map { row in
            guard let key = try? MetadataKey(document: row.bytes("key_form")) else {
                throw Row.damaged("key_form")
            }
            return Signature(
                key: key, bytes: try row.bytes("signature"),
                person: try row.optionalID("person"), at: try row.time("at"))
        }
    }

    package static func require(_ content: Digest, in rows: any Rows) throws -> UpdateDraft {
        guard
            let row = try rows.first("SELECT \(columns) FROM tuf_draft WHERE content = $1", [Value(content)])
        else {
            throw Refusal(
                .notFound, "Nothing with the SHA-256 \(content) was proposed.",
                hint: "Look the drafts up (lifelong tuf status), and sign exactly the bytes of one.",
                rule: "draft: exact bytes")
        }
        return try UpdateDraft(row, in: rows)
    }

    /// Those that may still be published, the newest first.
    static func open(at now: Timestamp, versions: [String: Int], limit: Int, in rows: any Rows) throws -> [UpdateDraft]
    {
        try rows.query(
            "SELECT \(columns) FROM tuf_draft WHERE expires > $1 ORDER BY expires DESC, content LIMIT $2",
            [Value(now), Value(limit)]
        ).map { try UpdateDraft($0, in: rows) }.filter { $0.version == versions[$0.role, default: 0] + 1 }
    }

    /// What was proposed, without signatures; refuses if the bytes are not those that bear this name.
    package func proposed() throws(Refusal) -> MetadataDraft {
        let draft = try MetadataRefusal.explained { () throws(MetadataRefusal) in
            try MetadataDraft(document: document, as: role)
        }
        guard draft.contentDigest == content, draft.version == version else {
            throw Refusal(
                .conflict, "The draft \(content) is not what was proposed: its bytes were changed.",
                hint: "Run `lifelong audit`, find out who changed them, and propose anew.", rule: "draft: exact bytes")
        }
        return draft
    }

    /// With the signatures of these keys, each looked at again; with all there are if no keys are named.
    package func signed(by keyids: Set<String>? = nil) throws(Refusal) -> MetadataDraft {
        var draft = try proposed()
        for signature in signatures where keyids?.contains(signature.key.keyid) ?? true {
            draft = try Self.adding(signature.bytes, by: signature.key, to: draft)
        }
        return draft
    }

    private static func adding(
        _ signature: [UInt8], by key: MetadataKey, to draft: MetadataDraft
    ) throws(Refusal) -> MetadataDraft {
        var draft = draft
        do throws(MetadataRefusal) {
            try draft.add(signature, by: key)
            return draft
        } catch {
            throw Refusal(
                .conflict,
                "That is no signature of the key \(key.keyid) over the bytes with the SHA-256 \(draft.contentDigest).",
                hint: "Fetch the draft anew, look at it, and sign exactly that.", rule: "draft: exact bytes")
        }
    }

    /// Proposes; the same bytes once more are the same draft.
    package static func propose(_ draft: MetadataDraft, in change: Change) throws -> Digest {
        let (content, rows, now) = (draft.contentDigest, change.rows, change.now)
        guard draft.expires > now else {
            throw Refusal(
                .malformed, "The document would have expired at \(draft.expires).", hint: "Give it more days.")
        }
        if let same = try rows.first("SELECT role FROM tuf_draft WHERE content = $1", [Value(content)]) {
            // What is signed does not say of which layer it is; two that release nothing may have the same bytes.
            guard try same.text("role") == draft.role else {
                throw Refusal(
                    .conflict, "The same bytes were proposed for \(try same.text("role")).",
                    hint: "Propose it again in a second: it will end at another instant.", rule: "draft: exact bytes")
            }
            return content
        }
        try rows.execute(
            """
            INSERT INTO tuf_draft (content, role, version, document, proposer, at, expires)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            """,
            [
                Value(content), .text(draft.role), Value(draft.version), .bytes(draft.document),
                Value(change.principal.person), Value(now), Value(now.adding(days: lifeDays)),
            ])
        try change.record(.updateMetadataProposed(role: draft.role, version: draft.version, content: content))
        return content
    }

    /// Refuses what may not be signed or published any more.
    func demandOpen(at now: Timestamp, published: Int) throws(Refusal) {
        guard now < expires else {
            throw Refusal(
                .gone, "The draft of \(role), version \(version), expired at \(expires).", hint: "Propose it anew.",
                rule: "draft: \(Self.lifeDays) days")
        }
        guard version == published + 1 else {
            throw Refusal(
                .conflict, "Version \(published) of \(role) is published, and the draft is version \(version).",
                hint: "Propose it anew: it has to follow what is published.", rule: "draft: next version")
        }
    }

    /// Takes a signature over these exact bytes, if its key may sign for the role.
    /// - Parameter keyid: the key's name in update metadata.
    package static func sign(_ content: Digest, _ keyid: Digest, _ signature: [UInt8], in change: Change) throws {
        let (rows, name) = (change.rows, keyid.description)
        let draft = try require(content, in: rows)
        let published = try UpdateDocuments.newest(draft.role, in: rows)?.version ?? 0
        try draft.demandOpen(at: change.now, published: published)
        guard let person = change.principal.person else {
            throw Refusal(
                .forbidden, "Only a person signs.", hint: "Sign in as somebody.", rule: "release: two persons")
        }
        let isTop = ReleaseLayout.place(of: draft.role) == nil
        let key = try isTop ? draft.topKey(name, at: change.now, in: rows) : draft.signersKey(name, person, in: rows)
        // Nothing is stored that is no signature over what was proposed.
        _ = try adding(signature, by: key, to: draft.proposed())
        let isNew = try rows.execute(
            """
            INSERT INTO tuf_signature (content, keyid, key_form, signature, person, at) VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (content, keyid) DO NOTHING
            """,
            [
                Value(content), .text(name), .bytes(key.document), .bytes(signature), Value(person),
                Value(change.now),
            ])
        guard isNew == 1 else { return }
        try change.record(
            .updateMetadataSigned(role: draft.role, version: draft.version, content: content, key: keyid))
    }

    /// The root is signed by its own keys and by those of the root before it; the top-level targets by the root's, or by those of
    /// a root that will be published with them.
    private func topKey(_ keyid: String, at now: Timestamp, in rows: any Rows) throws -> MetadataKey {
        let present = try PublishedUpdates.root(in: rows)
        let allowed: [Signers] =
            if role == RootRole.type {
                try [ownRoot().root, present?.root].compactMap(\.self)
            } else {
                try [present?.targets].compactMap(\.self)
                    + Self.nextRoots(after: present?.version ?? 0, at: now, in: rows).map(\.targets)
            }
        guard let key = allowed.lazy.compactMap({ $0.key(keyid) }).first else {
            throw Refusal(
                .forbidden, "The key \(keyid) does not sign for \(role).",
                hint: "Sign with a key that the root names for it: lifelong tuf status", rule: "signer: role")
        }
        return key
    }

    private func ownRoot() throws(Refusal) -> RootRole {
        let draft = try proposed()
        return try MetadataRefusal.explained { () throws(MetadataRefusal) in try draft.root() }
    }

    /// Open drafts of the next root, the newest first.
    private static func nextRoots(after version: Int, at now: Timestamp, in rows: any Rows) throws -> [RootRole] {
        try rows.query(
            """
            SELECT \(columns) FROM tuf_draft WHERE role = $1 AND version = $2 AND expires > $3
            ORDER BY expires DESC, content LIMIT $4
            """, [.text(RootRole.type), Value(version + 1), Value(now), Value(UpdateApproval.limit)]
        ).map { try UpdateDraft($0, in: rows).ownRoot() }
    }

    private func signersKey(_ keyid: String, _ person: PersonID, in rows: any Rows) throws -> MetadataKey {
        let registered = try UpdateSigner.all(of: role, in: rows)
        guard let signer = registered[keyid] else {
            throw Refusal(
                .forbidden, "The key \(keyid) does not sign for \(role).",
                hint: "Have it registered for this very role (lifelong tuf signer add), or ask one of its signers.",
                rule: "signer: role")
        }
        guard signer.person == person else {
            throw Refusal(
                .forbidden, "The key \(keyid) is somebody else's.", hint: "Sign with a key of your own.",
                rule: "signer: own key")
        }
        // With a key that was taken away since, a signature does not count.
        guard
            !signatures.contains(where: {
                $0.person == person && $0.key.keyid != keyid && registered[$0.key.keyid]?.person == person
            })
        else {
            throw Refusal(
                .conflict, "You have signed this already, with another key.", hint: "Ask a second person to sign.",
                rule: "release: two persons")
        }
        return signer.key
    }
}
