import Store
import TUF
import Wire

/// Signs timestamp and snapshot anew in time, so that devices can tell a quiet day from being held back.
///
/// Every node does it; the one that writes first has done it for all.
package enum UpdateRenewal {
    package static func run(_ house: House) async throws {
        let now = try house.time()
        guard let state = try await house.read({ try Self.due(at: now, in: $0) }) else { return }
        let edition = try await UpdateEdition.make([], after: state, at: now, in: house)
        try UpdateEdition.rehearse(edition, over: state, at: now)
        try await house.database.write { rows in
            guard try UpdateDocuments.versions(in: rows) == state.versions else { return }
            for draft in edition { try UpdateDocuments.add(draft, at: now, in: rows) }
        }
    }

    /// What is published, if a part of it has to be signed anew.
    private static func due(at now: Timestamp, in rows: any Rows) throws -> PublishedUpdates? {
        guard let timestamp = try end(of: TimestampRole.type, in: rows),
            let snapshot = try end(of: SnapshotRole.type, in: rows)
        else { return nil }
        guard
            snapshot.seconds(since: now) <= UpdateEdition.snapshotRenewalSeconds
                || timestamp.seconds(since: now) <= UpdateEdition.timestampRenewalSeconds
        else { return nil }
        return try PublishedUpdates(rows)
    }

    private static func end(of role: String, in rows: any Rows) throws -> Timestamp? {
        guard let newest = try UpdateDocuments.newest(role, in: rows) else { return nil }
        return try MetadataRefusal.explained { () throws(MetadataRefusal) in
            try MetadataDraft(document: newest.document, as: role).expires
        }
    }
}
