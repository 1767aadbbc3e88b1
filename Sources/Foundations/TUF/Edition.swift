import Crypto
import Wire

/// One state of a repository, as it is published: files by their names below the base of metadata. Pure functions make the next
/// state's content; drafts are signed in between; a rehearsal shows that clients will take it.
///
/// The order of publishing is targets, snapshot, timestamp, each durable before the next: whoever reads in between finds
/// either state whole, because every name but the timestamp's bears a version (§6.2).
package enum Edition {
    /// "4.root.json", "17.product~thermostat-2.json", "timestamp.json".
    package static func fileName(_ draft: MetadataDraft) -> String {
        let version = draft.role == "timestamp" ? nil : draft.version
        return MetadataRequest(role: draft.role, version: version, limit: 0).remoteName
    }

    /// What the snapshot says of a signed targets document, or the timestamp of a snapshot.
    package static func listing(_ draft: MetadataDraft) -> ListedFile {
        let bytes = draft.document
        let digest = Wire.Digest(SHA256.hash(data: bytes))
        return ListedFile(version: draft.version, length: bytes.count, hashes: FileHashes([.sha256: digest]))
    }

    /// The next snapshot: what was listed stays listed, and the signed documents take the place of their elders.
    package static func snapshot(
        after previous: SnapshotRole?, with documents: [MetadataDraft], expires: Timestamp
    ) -> SnapshotRole {
        var files = previous?.files ?? [:]
        for document in documents { files[MetadataRequest.listedName(of: document.role)] = listing(document) }
        return SnapshotRole(version: (previous?.version ?? 0) + 1, expires: expires, files: files)
    }

    /// The next timestamp: of a new snapshot, or of the same for longer.
    package static func timestamp(
        after previous: TimestampRole?, of snapshot: ListedFile, expires: Timestamp
    ) -> TimestampRole {
        TimestampRole(version: (previous?.version ?? 0) + 1, expires: expires, snapshot: snapshot)
    }

    /// Goes up the whole ladder over files that are not published yet, as a client with this root will. A publisher that did this
    /// first never publishes what nobody takes.
    package static func rehearse(
        _ files: [String: [UInt8]], trusted root: [UInt8], at now: Timestamp, limits: UpdateLimits = UpdateLimits()
    ) throws(MetadataRefusal) -> TrustedRepository {
        var roots = try RootStep(trusted: root, at: now, limits: limits)
        while let request = roots.request, let next = files[request.remoteName] { _ = try roots.take(next) }
        // What a step asks for, before it is used up.
        let timestamp = try roots.finish()
        let timestampBytes = try file(timestamp.request, files)
        let snapshot = try timestamp.take(timestampBytes)
        let snapshotBytes = try file(try snapshot.request, files)
        let targets = try snapshot.take(snapshotBytes)
        let targetsBytes = try file(try targets.request, files)
        return try targets.take(targetsBytes)
    }

    /// Looks for a target over the same files; nil if nobody who may speak of it lists it.
    package static func find(
        _ path: String, in repository: TrustedRepository, _ files: [String: [UInt8]]
    ) throws(MetadataRefusal) -> FoundTarget? {
        var search = repository.search(for: path)
        while let question = try search.question { try search.take(try file(question.request, files)) }
        if case .found(let target) = search.state { return target }
        return nil
    }

    private static func file(
        _ request: MetadataRequest?, _ files: [String: [UInt8]]
    ) throws(MetadataRefusal) -> [UInt8] {
        guard let request, let bytes = files[request.remoteName] else {
            throw MetadataRefusal(request?.role ?? "repository", "6.2", .notFetched)
        }
        return bytes
    }
}

extension MetadataRequest {
    /// How a snapshot calls a role's file: the name as it is, which only addresses and disks encode.
    static func listedName(of role: String) -> String { role + ".json" }
}
