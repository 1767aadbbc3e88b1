import Passport
import Registry
import Store
import Wire

/// A release on its way: its version is known, its artifact may be. What it becomes is a release like any other; the draft stays as
/// the number under which it was begun, and is a draft no more as soon as there is a release of its version and its bytes.
package struct ReleaseDraft: Sendable, Equatable {
    package struct Artifact: Sendable, Equatable {
        package let sha256: Digest
        package let size: Int
        /// As its maker called the file.
        package let file: String
    }

    /// The moment at which it was begun, in milliseconds since 1970: never an index of the ledger.
    package let id: Int64
    package let product: ProductID
    package let version: String
    /// "os", "application": what its maker calls this kind of software; nothing depends on it.
    package let kind: String
    package let at: Timestamp
    package let artifact: Artifact?

    /// So many wait at once, and for so long.
    static let limit = 1000
    static let days: Int64 = 14
    package static let maximumFileBytes = 128

    private static let columns = "id, product, version, kind, sha256, size, file, at"

    private init(_ row: Row) throws {
        id = Int64(try row.int("id"))
        product = try row.id("product")
        version = try row.text("version")
        kind = try row.text("kind")
        at = try row.time("at")
        artifact = try row.optionalText("sha256").map { hex in
            guard let sha256 = Digest(hex: hex) else { throw Row.damaged("sha256") }
            return Artifact(sha256: sha256, size: try row.int("size"), file: try row.text("file"))
        }
    }

    package static func find(_ id: Int64, in rows: any Rows) throws -> ReleaseDraft? {
        try rows.first("SELECT \(columns) FROM release_draft WHERE id = $1", [.int(id)]).map { try ReleaseDraft($0) }
    }

    static func require(_ id: Int64, in rows: any Rows) throws -> ReleaseDraft {
        guard let draft = try find(id, in: rows) else {
            throw Refusal(.notFound, "There is no draft \(id).", hint: "Begin one: use/draft-release")
        }
        return draft
    }

    /// Newest first.
    package static func all(in rows: any Rows) throws -> [ReleaseDraft] {
        try rows.query("SELECT \(columns) FROM release_draft ORDER BY id DESC LIMIT $1", [Value(2 * limit)])
            .map { try ReleaseDraft($0) }
    }

    /// The draft that a release came from.
    package static func origin(
        of product: ProductID, _ version: String, _ stored: Digest, in rows: any Rows
    ) throws -> ReleaseDraft? {
        try rows.first(
            """
            SELECT \(columns) FROM release_draft WHERE product = $1 AND version = $2 AND sha256 = $3 ORDER BY id LIMIT 1
            """, [Value(product), .text(version), Value(stored)]
        ).map { try ReleaseDraft($0) }
    }

    /// What it became; nil if it is a draft still.
    package func release(in rows: any Rows) throws -> Digest? {
        guard let artifact else { return nil }
        let row = try rows.first(
            "SELECT digest FROM release WHERE product = $1 AND version = $2 AND sha256 = $3 ORDER BY sequence LIMIT 1",
            [Value(product), .text(version), Value(artifact.sha256)])
        return try row.flatMap { Digest(hex: try $0.text("digest")) }
    }

    func demandOpen(in rows: any Rows) throws {
        guard try release(in: rows) == nil else {
            throw Refusal(
                .conflict, "The draft \(id) was published, and releases do not change.", hint: "Begin another draft.",
                rule: "release: published")
        }
    }
}
