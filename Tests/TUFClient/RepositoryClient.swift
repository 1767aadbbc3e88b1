import Agent
import TUF
import Wire

/// The client workflow of TUF §5 around the pure verifier: it fetches what a step asks for, hands it in, and writes down what was
/// believed before it goes on.
struct RepositoryClient {
    let folder: MetadataFolder
    let fetch: RepositoryFetch
    let limits: UpdateLimits
    /// The start of the update, which is its time to the end (§5.1).
    let now: Timestamp

    /// The present, proven state of the repository (§5.2 to §5.6.6).
    func refresh() async throws -> TrustedRepository {
        guard let root = try folder.read("root", limit: limits.rootBytes) else {
            throw Refusal(.notFound, "There is no trusted root.", hint: "Run: lifelong-tuf-client init ROOT")
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
        if let stored = try folder.read("timestamp", limit: limits.timestampBytes) { step.recall(stored) }
        let bytes = try await fetch.demanded(step.request)
        let next = try step.take(bytes)
        if next.isTimestampNew { try folder.write("timestamp", bytes) }
        return next
    }

    private func targets(_ step: consuming SnapshotStep) async throws -> TargetsStep {
        if let stored = try folder.read("snapshot", limit: limits.snapshotBytes) { step.recall(stored) }
        guard let request = try step.request else { return try step.take(nil) }
        let bytes = try await fetch.demanded(request)
        let next = try step.take(bytes)
        try folder.write("snapshot", bytes)
        return next
    }

    private func targets(_ step: consuming TargetsStep) async throws -> TrustedRepository {
        if let stored = try folder.read("targets", limit: limits.targetsBytes) { step.recall(stored) }
        guard let request = try step.request else { return try step.take(nil) }
        let bytes = try await fetch.demanded(request)
        let repository = try step.take(bytes)
        try folder.write("targets", bytes)
        return repository
    }

    /// Nil if nobody who may speak of it lists it (§5.6.7).
    func find(_ path: String, in repository: TrustedRepository) async throws -> FoundTarget? {
        var search = repository.search(for: path)
        while let question = try search.question {
            let role = question.request.role
            if let stored = try folder.read(role, limit: limits.targetsBytes), (try? search.take(stored)) != nil {
                continue
            }
            let bytes = try await fetch.demanded(question.request)
            try search.take(bytes)
            try folder.write(role, bytes)
        }
        if case .found(let target) = search.state { return target }
        return nil
    }

    /// Puts the target into the folder, if it is not there already (§5.7).
    func download(_ target: FoundTarget, into targets: String) async throws {
        let disk = folder.disk
        let path = "\(targets)/\(MetadataRequest.encoded(target.file.path))"
        if try holds(target, path) { return }
        let fresh = path + ".part"
        try disk.create(fresh)
        do {
            var check = target.check
            try await fetch.target(target) { bytes in
                try check.take(bytes)
                try disk.append(Array(bytes), to: fresh)
            }
            try check.finish()
        } catch {
            try disk.erase(fresh)
            throw error
        }
        try disk.sync(fresh)
        try disk.rename(fresh, to: path)
        try disk.syncFolder(targets)
    }

    private func holds(_ target: FoundTarget, _ path: String) throws -> Bool {
        guard try folder.disk.size(of: path) == target.file.length else { return false }
        var check = target.check
        while let bytes = try folder.disk.read(path, from: check.count, limit: 1 << 20), !bytes.isEmpty {
            let isTaken = bytes.withUnsafeBytes { raw in (try? check.take(raw)) != nil }
            if !isTaken { return false }
        }
        return (try? check.finish()) != nil
    }
}
