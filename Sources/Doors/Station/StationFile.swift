import Foundation
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// The station's disk: every write is durable when it returns, and a full disk is told as such.
enum StationFile {
    /// Replaces the whole file: after a power cut there is the old one or the new one, never a mixture.
    /// - Parameter mode: permissions, 0600 for whatever may hold a secret.
    static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o600) throws(Refusal) {
        let temporary = path + ".new"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)
        guard file >= 0 else { throw failure("create", temporary) }
        do throws(Refusal) {
            defer { close(file) }
            guard fchmod(file, mode) == 0 else { throw failure("set the permissions of", temporary) }
            try writeAll(bytes, to: file, path: temporary)
            guard fsync(file) == 0 else { throw failure("sync", temporary) }
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else { throw failure("rename", temporary) }
        try syncFolder(of: path)
    }

    static func writeAll(_ bytes: [UInt8], to file: Int32, path: String) throws(Refusal) {
        var at = 0
        while at < bytes.count {
            let n = bytes[at...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if n < 0, errno == EINTR { continue }
            guard n > 0 else { throw failure("write", path) }
            at += n
        }
    }

    /// The whole file, or nil if there is none. Refuses more than `limit` bytes.
    static func read(_ path: String, limit: Int) throws(Refusal) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("read", path)
        }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let n = Glibc.read(file, &chunk, chunk.count)
            if n < 0, errno == EINTR { continue }
            guard n >= 0 else { throw failure("read", path) }
            if n == 0 { return bytes }
            bytes += chunk[0..<n]
            guard bytes.count <= limit else {
                throw Refusal(
                    .tooLarge, "\(path) has more than \(limit) bytes.", hint: "Check that it is the right file.")
            }
        }
    }

    static func require(_ path: String, limit: Int) throws(Refusal) -> [UInt8] {
        guard let bytes = try read(path, limit: limit) else {
            throw Refusal(.notFound, "There is no file \(path).", hint: "Check the path.")
        }
        return bytes
    }

    /// Makes the folder, and those above it, with mode 0700.
    static func makeFolder(_ path: String) throws(Refusal) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Refusal(
                .unavailable, "The folder \(path) cannot be made.",
                hint: "Check its path, its owner and the free space.")
        }
        try syncFolder(of: path)
    }

    /// Names of the entries, sorted; empty if there is no such folder.
    static func names(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Makes a creation, rename or removal in the folder of `path` durable.
    static func syncFolder(of path: String) throws(Refusal) {
        let folder = folder(of: path)
        let handle = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard handle >= 0 else { throw failure("open", folder) }
        defer { close(handle) }
        guard fsync(handle) == 0 else { throw failure("sync", folder) }
    }

    /// Not NSString's deletingLastPathComponent, which traps for a path of one character (Foundation of Swift 6.3.1).
    static func folder(of path: String) -> String {
        var bytes = Array(path.utf8)
        while bytes.count > 1, bytes.last == 47 { bytes.removeLast() }
        guard let slash = bytes.lastIndex(of: 47) else { return "." }
        return slash == 0 ? "/" : String(decoding: bytes[..<slash], as: UTF8.self)
    }

    /// The refusal for `errno` as it stands.
    static func failure(_ verb: String, _ path: String) -> Refusal {
        let code = errno
        if code == ENOSPC || code == EDQUOT {
            return Refusal(
                .unavailable, "The disk is full: could not \(verb) \(path).",
                hint: "Free some space and run the same command again; nothing that was answered is lost.")
        }
        return Refusal(
            .unavailable, "Could not \(verb) \(path): \(String(cString: strerror(code))).",
            hint: "Check the path, its owner and its permissions, and run the same command again.")
    }
}
