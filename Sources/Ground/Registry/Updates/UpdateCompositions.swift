import Store
import TUF
import Wire

/// The present content of documents, for whoever composes the next; of a role without a document, nil.
package enum UpdateCompositions {
    package static func root(in rows: any Rows) throws -> RootRole? { try PublishedUpdates.root(in: rows) }

    package static func targets(_ role: String, in rows: any Rows) throws -> TargetsRole? {
        try PublishedUpdates.targets(role, in: rows)
    }
}
