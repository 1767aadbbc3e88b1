import Release
import Wire

/// An artifact on its way to the disk: kept when the connection breaks or the power is cut, and continued where it ended.
package struct Download: Sendable {
    /// What identifies the bytes that are there already.
    struct Mark: Codable, Equatable {
        var sha256: Wire.Digest
        var etag: String?
        /// How often a delta was begun; it is not begun for ever.
        var deltas: Int?
    }

    /// Tries with a delta, which begins anew when it is cut; then the whole image, which goes on where it was cut.
    static let mostDeltas = 3

    /// Bytes between two syncs: what a power cut can cost.
    static let bytesPerSync = 8 << 20

    /// Delivers the bytes from an offset on. `begin` is called once before the first byte, with the offset at which the
    /// bytes really begin (the one asked for, or 0) and the new entity tag.
    package typealias Source =
        @Sendable (
            _ offset: Int, _ etag: String?, _ begin: (Int, String?) throws -> Void, _ take: ([UInt8]) throws -> Void
        ) async throws -> Void

    /// Delivers a delta from its first byte on; false if there is none.
    package typealias DeltaSource = @Sendable (_ take: ([UInt8]) throws -> Void) async throws -> Bool

    let disk: any Disk
    let folder: String
    let manifest: ReleaseManifest

    package init(on disk: any Disk, folder: String, of manifest: ReleaseManifest) {
        self.disk = disk
        self.folder = folder
        self.manifest = manifest
    }

    package var path: String { folder + "/\(manifest.sha256).part" }
    private var markFile: String { folder + "/mark.json" }

    /// Returns once the whole artifact is on the disk, synced, and of the right digest. What turned out wrong is deleted.
    package func fetch(from source: Source) async throws {
        var (check, etag) = try resume()
        if !check.isComplete {
            var unsynced = 0
            /// What went wrong here, however the source wraps it.
            var fault: (any Error)?
            do {
                try await source(check.count, etag) { offset, tag in
                    do {
                        if offset == 0 {
                            let mark = Mark(sha256: manifest.sha256, etag: tag, deltas: Self.mostDeltas)
                            (check, etag) = (try start(mark), tag)
                        }
                    } catch { fault = error; throw error }
                } _: { bytes in
                    do {
                        try check.take(bytes)
                        try disk.append(bytes, to: path)
                        unsynced += bytes.count
                        if unsynced >= Self.bytesPerSync {
                            try disk.sync(path)
                            unsynced = 0
                        }
                    } catch { fault = error; throw error }
                }
            } catch {
                // Endless data, or a full disk: what came is no use, and its space is needed.
                if let refusal = fault as? Refusal, [.tooLarge, .unavailable].contains(refusal.code) { try? discard() }
                throw fault ?? error
            }
        }
        try disk.sync(path)
        guard check.isComplete else {
            throw Refusal(
                .unavailable, "The artifact stopped after \(check.count) of \(check.size) bytes.",
                hint: "The rest is fetched at the next attempt.")
        }
        do {
            try check.finish()
        } catch {
            try discard()
            throw error
        }
    }

    /// Every byte has arrived, whatever they are.
    func isThere() throws -> Bool {
        guard let mark = try? disk.read(Mark.self, from: markFile), mark.sha256 == manifest.sha256 else { return false }
        return try disk.size(of: path) == manifest.size
    }

    /// Makes the artifact of the image that runs and a delta, as it arrives. What comes of it is kept only if it is exactly what the
    /// manifest says; if it is not, or there is no delta, the whole artifact is fetched.
    package func rebuild(from old: (path: String, manifest: ReleaseManifest), by source: DeltaSource) async throws {
        let mark = try? disk.read(Mark.self, from: markFile)
        let isOurs = mark?.sha256 == manifest.sha256
        let tries = isOurs ? mark?.deltas ?? 0 : 0
        // A whole artifact that was begun goes on.
        guard tries < Self.mostDeltas, !(isOurs && mark?.etag != nil), try !isThere() else { return }
        // A delta to another image than runs would lead nowhere.
        guard (try? disk.check(old.path, old.manifest)) != nil else { return }
        var check = try start(Mark(sha256: manifest.sha256, deltas: tries + 1))
        var reader = DeltaReader(oldSize: old.manifest.size)
        var unsynced = 0
        var came = 0
        /// What went wrong here, however the source wraps it.
        var fault: (any Error)?
        do {
            let isThere = try await source { bytes in
                do {
                    came += bytes.count
                    guard came <= manifest.size else {
                        throw Refusal(
                            .tooLarge, "The delta is larger than the image.", hint: "Fetch the whole image.")
                    }
                    try reader.take(bytes) { offset, count in
                        try disk.read(old.path, from: offset, limit: count) ?? []
                    } emit: { made in
                        try check.take(made)
                        try disk.append(made, to: path)
                        unsynced += made.count
                        if unsynced >= Self.bytesPerSync {
                            try disk.sync(path)
                            unsynced = 0
                        }
                    }
                } catch { fault = error; throw error }
            }
            if isThere {
                try reader.finish()
                try check.finish()
                return try disk.sync(path)
            }
        } catch {
            guard let refusal = (fault ?? error) as? Refusal else { throw fault ?? error }
            // A bad delta is not the release's fault; that the disk is full is nobody's, and the space is needed.
            guard [.malformed, .tooLarge].contains(refusal.code) else {
                try? discard()
                throw refusal
            }
        }
        _ = try start(Mark(sha256: manifest.sha256, deltas: Self.mostDeltas))
    }

    package func discard() throws {
        try disk.erase(path)
        try disk.erase(markFile)
    }

    /// Hashes what is there, if it is of this artifact; otherwise begins anew.
    private func resume() throws -> (ArtifactCheck, String?) {
        guard let mark = try? disk.read(Mark.self, from: markFile), mark.sha256 == manifest.sha256,
            let size = try disk.size(of: path), size <= manifest.size
        else { return (try start(Mark(sha256: manifest.sha256)), nil) }
        var check = ArtifactCheck(manifest)
        while let bytes = try disk.read(path, from: check.count, limit: 1 << 20), !bytes.isEmpty {
            try check.take(bytes)
        }
        return (check, mark.etag)
    }

    private func start(_ mark: Mark) throws -> ArtifactCheck {
        for name in try disk.names(in: folder) { try disk.remove(folder + "/" + name) }
        try disk.write(mark, as: markFile)
        try disk.create(path)
        try disk.syncFolder(folder)
        return ArtifactCheck(manifest)
    }
}
