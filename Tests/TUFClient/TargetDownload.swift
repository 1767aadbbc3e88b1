import Agent
import TUF
import Wire

/// Targets by their own address, as a client of a whole repository fetches them; our devices fetch theirs from the service.
struct TargetDownload {
    let fetch: RepositoryFetch
    /// Base of targets.
    let base: String
    let disk: any Disk

    /// Puts the target into the folder, if it is not there already (§5.7).
    func download(_ target: FoundTarget, into folder: String) async throws {
        let path = "\(folder)/\(MetadataRequest.encoded(target.file.path))"
        if try holds(target, path) { return }
        let fresh = path + ".part"
        try disk.create(fresh)
        do {
            var check = target.check
            let isThere = try await fetch.file(RepositoryFetch.join(base, target.remotePath)) { bytes in
                try check.take(bytes)
                try disk.append(Array(bytes), to: fresh)
            }
            guard isThere else { throw MetadataRefusal(target.role, "5.7.3", .notFetched) }
            try check.finish()
        } catch {
            try disk.erase(fresh)
            throw error
        }
        try disk.sync(fresh)
        try disk.rename(fresh, to: path)
        try disk.syncFolder(folder)
    }

    private func holds(_ target: FoundTarget, _ path: String) throws -> Bool {
        guard try disk.size(of: path) == target.file.length else { return false }
        var check = target.check
        while let bytes = try disk.read(path, from: check.count, limit: 1 << 20), !bytes.isEmpty {
            let isTaken = bytes.withUnsafeBytes { raw in (try? check.take(raw)) != nil }
            if !isTaken { return false }
        }
        return (try? check.finish()) != nil
    }
}
