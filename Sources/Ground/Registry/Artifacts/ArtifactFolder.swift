import Foundation
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// Artifacts as files of one folder, each under its SHA-256. What else lies there is nobody's artifact.
package struct ArtifactFolder: Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    /// Every artifact that is there, with its size in bytes.
    package func sizes() throws -> [Digest: Int] {
        var found: [Digest: Int] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: path) {
            var facts = stat()
            guard let sha256 = Self.digest(name), lstat(path + "/" + name, &facts) == 0,
                facts.st_mode & S_IFMT == S_IFREG
            else { continue }
            found[sha256] = Int(facts.st_size)
        }
        return found
    }

    /// A name that an upload gives.
    private static func digest(_ name: String) -> Digest? {
        guard name.utf8.count == 64, name == name.lowercased() else { return nil }
        return Digest(hex: name)
    }

    /// It may be gone already. Whoever reads it goes on to its end: the file is there until it is closed.
    package func remove(_ sha256: Digest) throws(Refusal) {
        guard unlink(path + "/\(sha256)") == 0 || errno == ENOENT else {
            throw Refusal(
                .unavailable, "The artifact \(sha256) cannot be removed: \(String(cString: strerror(errno))).",
                hint: "Check the owner and mode of \(path), then prune again.", retryAfterSeconds: 10)
        }
        // What was worked out of it is nobody's any more.
        let deltas = path + "/deltas"
        for name in (try? FileManager.default.contentsOfDirectory(atPath: deltas)) ?? []
        where name.contains(sha256.description) {
            unlink(deltas + "/" + name)
        }
    }

    /// What keeps a copy of the whole folder and a removal apart, on every node that shares it.
    package enum Purpose: Sendable {
        /// Several remove beside one another.
        case remove
        /// Waits for those who remove, and nothing is removed while it lasts.
        case copy
    }

    /// Refuses a removal while a copy is being made.
    package func lock(to purpose: Purpose) throws(Refusal) -> ArtifactLock {
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else {
            throw Refusal(
                .unavailable, "The folder of artifacts \(path) cannot be opened.", hint: "Check its owner and mode.",
                retryAfterSeconds: 10)
        }
        let lock = ArtifactLock(folder)
        while flock(folder, purpose == .copy ? LOCK_EX : LOCK_SH | LOCK_NB) != 0 {
            guard errno == EINTR else {
                throw Refusal(
                    .unavailable, "The artifacts are being copied: a backup is under way.", hint: "Try again.",
                    rule: "artifact: backup", retryAfterSeconds: 30)
            }
        }
        return lock
    }
}

/// Held until it is let go, or the process ends.
package final class ArtifactLock: Sendable {
    private let folder: Int32
    init(_ folder: Int32) { self.folder = folder }

    deinit {
        // Said, not left to close: a child that is being started has the same handle for a moment.
        flock(folder, LOCK_UN)
        close(folder)
    }
}
