import Passport
import Registry
import Store
import TUF
import Wire

/// Begins a release whose artifact comes later. Nobody is offered it, and the ledger hears of it when it is published.
package struct DraftRelease: Action {
    package static let name = "use/draft-release"
    package static let permission = Permission.publish

    package var product: ProductID
    package var version: String
    /// "os", "application": nothing depends on it.
    package var kind: String

    package init(product: ProductID, version: String, kind: String) {
        self.product = product
        self.version = version
        self.kind = kind
    }

    package struct Answer: Codable, Sendable, Equatable {
        package var draft: Int64
    }

    package func perform(in change: Change) throws -> Answer {
        let known = try change.rows.first("SELECT hardware FROM product WHERE id = $1", [Value(product)])
        guard let hardware = try known?.text("hardware") else {
            throw Refusal(.notFound, "There is no product \"\(product)\".", hint: "Publish the product first.")
        }
        // The bounds of the release that it will be.
        _ = try ReleaseTerms(sequence: 1, version: version, hardware: [hardware], from: [], bootloader: [], network: [])
        guard Identifier<ProductKind>.isValid(kind) else {
            throw Refusal(.malformed, "The kind of software is not usable.", hint: "Use a word such as os.")
        }
        try demandNew(in: change.rows)
        let unpublished = """
            NOT EXISTS (SELECT 1 FROM release r WHERE r.product = release_draft.product
                AND r.version = release_draft.version AND r.sha256 = release_draft.sha256)
            """
        try change.rows.execute(
            "DELETE FROM release_draft WHERE id < $1 AND \(unpublished)",
            [.int(change.now.adding(days: -ReleaseDraft.days).milliseconds)])
        let waiting = try change.rows.count("SELECT COUNT(*) AS n FROM release_draft WHERE \(unpublished)")
        guard waiting < ReleaseDraft.limit else {
            throw Refusal(
                .tooMany, "\(waiting) drafts wait.", hint: "Publish or drop some of them: use/drop-draft",
                retryAfterSeconds: 3600)
        }
        var id = change.now.milliseconds
        while try ReleaseDraft.find(id, in: change.rows) != nil { id += 1 }
        try change.rows.execute(
            "INSERT INTO release_draft (id, product, version, kind, at) VALUES ($1, $2, $3, $4, $5)",
            [.int(id), Value(product), .text(version), .text(kind), Value(change.now)])
        return Answer(draft: id)
    }

    /// Scripts take the refusal for "it is there already".
    private func demandNew(in rows: any Rows) throws {
        let released = try rows.first(
            "SELECT digest FROM release WHERE product = $1 AND version = $2 LIMIT 1", [Value(product), .text(version)])
        let drafted = try rows.first(
            "SELECT id FROM release_draft WHERE product = $1 AND version = $2 LIMIT 1",
            [Value(product), .text(version)])
        guard released == nil, drafted == nil else {
            throw Refusal(
                .conflict, "There is a \(released == nil ? "draft" : "release") of \"\(product)\" \(version) already.",
                hint: "Use it, or another version.", rule: "release: version")
        }
    }
}

/// Says which uploaded artifact a draft is to publish; nothing takes it away again. The bytes were uploaded before.
package struct AttachArtifact: Action {
    package static let name = "use/attach-artifact"
    package static let permission = Permission.publish

    package var draft: Int64
    package var sha256: Digest?
    package var size: Int?
    /// What its maker calls the file.
    package var file: String?

    package init(draft: Int64, sha256: Digest? = nil, size: Int? = nil, file: String? = nil) {
        self.draft = draft
        self.sha256 = sha256
        self.size = size
        self.file = file
    }

    package func perform(in change: Change) throws -> Done {
        let found = try ReleaseDraft.require(draft, in: change.rows)
        try found.demandOpen(in: change.rows)
        guard let sha256 else {
            try change.rows.execute(
                "UPDATE release_draft SET sha256 = NULL, size = NULL, file = NULL WHERE id = $1", [.int(draft)])
            return Done()
        }
        guard found.artifact == nil || found.artifact?.sha256 == sha256 else {
            throw Refusal(
                .conflict, "The draft \(draft) has an artifact already.",
                hint: "Take that away first; a release has one.", rule: "release: one artifact")
        }
        let name = file ?? ""
        let isPlain = name.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f && $0 != "/" }
        guard let size, size > 0, name.utf8.count <= ReleaseDraft.maximumFileBytes, isPlain else {
            throw Refusal(
                .malformed, "The artifact's size or file name is not usable.",
                hint: "Give its bytes, and a name of at most \(ReleaseDraft.maximumFileBytes) printable ones.")
        }
        try ArtifactRecords.demandHere(sha256, in: change.rows)
        try StoredArtifact.demand(sha256, size, in: change.house.settings.artifactFolder)
        try change.rows.execute(
            "UPDATE release_draft SET sha256 = $1, size = $2, file = $3 WHERE id = $4",
            [Value(sha256), Value(size), .text(name), .int(draft)])
        return Done()
    }
}

/// Gives up a draft.
package struct DropDraft: Action {
    package static let name = "use/drop-draft"
    package static let permission = Permission.publish

    package var draft: Int64
    package init(draft: Int64) { self.draft = draft }

    package func perform(in change: Change) throws -> Done {
        try ReleaseDraft.require(draft, in: change.rows).demandOpen(in: change.rows)
        try change.rows.execute("DELETE FROM release_draft WHERE id = $1", [.int(draft)])
        return Done()
    }
}
