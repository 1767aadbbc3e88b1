import Crypto
import TUF
import Wire

/// The client workflow of TUF §5 around the pure verifier: it fetches what a step asks for, hands it in, and writes down what was
/// believed before it goes on.
package struct RepositoryClient: Sendable {
    package let folder: MetadataFolder
    package let fetch: RepositoryFetch
    let limits: UpdateLimits
    /// The start of the update, which is its time to the end (§5.1).
    let now: Timestamp

    package init(
        folder: MetadataFolder, fetch: RepositoryFetch, limits: UpdateLimits = UpdateLimits(), now: Timestamp
    ) {
        self.folder = folder
        self.fetch = fetch
        self.limits = limits
        self.now = now
    }

    /// The root to begin with, where none was written down yet, or none that can be read: the very one that was named to the
    /// device (§5.2).
    package func begin(with anchor: UpdateAnchor) async throws {
        if let stored = folder.read("root", limit: limits.rootBytes),
            (try? RootStep(trusted: stored, at: now, limits: limits)) != nil
        {
            return
        }
        let request = MetadataRequest(role: "root", version: anchor.version, limit: limits.rootBytes)
        let bytes = try await fetch.demanded(request)
        guard Wire.Digest(SHA256.hash(data: bytes)) == anchor.sha256 else {
            throw MetadataRefusal("root", "5.2", .otherHash(algorithm: "sha256"))
        }
        _ = try RootStep(trusted: bytes, at: now, limits: limits)
        try folder.write("root", bytes)
    }

    /// The present, proven state of the repository (§5.2 to §5.6.6).
    package func refresh() async throws -> TrustedRepository {
        guard let root = folder.read("root", limit: limits.rootBytes) else {
            throw Refusal(
                .notFound, "There is no trusted root.",
                hint: "Begin with the root that the product's maker names.", rule: "TUF 1.0.34 §5.2")
        }
        var roots = try RootStep(trusted: root, at: now, limits: limits)
        while let request = roots.request, let bytes = try await fetch.metadata(request) {
            if try roots.take(bytes).forgetsTimestampAndSnapshot {
                try folder.forget("timestamp")
                try folder.forget("snapshot")
            }
            try folder.write("root", bytes)
        }
        let snapshots = try await snapshots(try roots.finish())
        return try await targets(try await targets(snapshots))
    }

    private func snapshots(_ step: consuming TimestampStep) async throws -> SnapshotStep {
        if let stored = folder.read("timestamp", limit: limits.timestampBytes) { step.recall(stored) }
        let bytes = try await fetch.demanded(step.request)
        let next = try step.take(bytes)
        if next.isTimestampNew { try folder.write("timestamp", bytes) }
        return next
    }

    private func targets(_ step: consuming SnapshotStep) async throws -> TargetsStep {
        if let stored = folder.read("snapshot", limit: limits.snapshotBytes) { step.recall(stored) }
        guard let request = try step.request else { return try step.take(nil) }
        let bytes = try await fetch.demanded(request)
        let next = try step.take(bytes)
        try folder.write("snapshot", bytes)
        return next
    }

    private func targets(_ step: consuming TargetsStep) async throws -> TrustedRepository {
        if let stored = folder.read("targets", limit: limits.targetsBytes) { step.recall(stored) }
        guard let request = try step.request else { return try step.take(nil) }
        let bytes = try await fetch.demanded(request)
        let repository = try step.take(bytes)
        try folder.write("targets", bytes)
        return repository
    }

    /// Nil if nobody who may speak of it lists it (§5.6.7).
    package func find(_ path: String, in repository: TrustedRepository) async throws -> FoundTarget? {
        var search = repository.search(for: path)
        while let question = try search.question {
            let role = question.request.role
            if let stored = folder.read(role, limit: limits.targetsBytes), (try? search.take(stored)) != nil {
                continue
            }
            let bytes = try await fetch.demanded(question.request)
            try search.take(bytes)
            try folder.write(role, bytes)
        }
        if case .found(let target) = search.state { return target }
        return nil
    }
}
