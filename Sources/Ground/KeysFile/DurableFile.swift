import Foundation
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// Writes a whole file so that after a power cut there is the old one or the new one, never a mixture: temporary file,
/// fsync, rename, fsync of the folder.
package enum DurableFile {
    /// - Parameter mode: permissions of the new file, such as 0o600.
    package static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o600) throws {
        try write(bytes, to: path, mode: mode) { temporary in
            guard rename(temporary, path) == 0 else { throw failure("rename", path) }
        }
    }

    /// The same for a file that is not there yet: nothing is ever replaced.
    /// - Returns: false if there was one, and nothing was written.
    package static func create(_ bytes: [UInt8], at path: String, mode: mode_t = 0o600) throws -> Bool {
        var isNew = true
        try write(bytes, to: path, mode: mode) { temporary in
            // Fails where there is a file already, and where the file system knows no second name for a file.
            if link(temporary, path) == 0 {
                unlink(temporary)
            } else if errno == EEXIST {
                unlink(temporary)
                isNew = false
            } else {
                throw failure("make", path)
            }
        }
        return isNew
    }

    /// The file's bytes; nil only if there is no such file. What cannot be read is there all the same.
    /// - Parameter limit: more bytes than these are an error.
    package static func read(_ path: String, limit: Int) throws -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("open", path)
        }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        var count = 0
        while count < bytes.count {
            let n = bytes[count...].withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, $0.count) }
            if n < 0, errno == EINTR { continue }
            guard n >= 0 else { throw failure("read", path) }
            if n == 0 { return Array(bytes[..<count]) }
            count += n
        }
        throw Refusal(
            .unavailable, "The file \(path) has more than \(limit) bytes.", hint: "Restore it from the backup.")
    }

    /// Whether there is a file of that name; an error if that cannot be found out.
    package static func exists(_ path: String) throws -> Bool {
        var about = stat()
        if lstat(path, &about) == 0 { return true }
        guard errno == ENOENT else { throw failure("look for", path) }
        return false
    }

    private static func write(
        _ bytes: [UInt8], to path: String, mode: mode_t, naming place: (_ temporary: String) throws -> Void
    ) throws {
        let temporary = path + ".new"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)
        guard file >= 0 else { throw failure("create", temporary) }
        do {
            defer { close(file) }
            guard fchmod(file, mode) == 0 else { throw failure("set the permissions of", temporary) }
            var at = 0
            while at < bytes.count {
                let n = bytes[at...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
                guard n > 0 else { throw failure("write", temporary) }
                at += n
            }
            guard fsync(file) == 0 else { throw failure("sync", temporary) }
            try place(temporary)
        } catch {
            unlink(temporary)
            throw error
        }
        try syncFolder(of: path)
    }

    /// Makes a rename or removal in the folder of `path` durable.
    package static func syncFolder(of path: String) throws {
        // Not NSString's deletingLastPathComponent: it traps on a path of one character (Foundation 6.3.1).
        let cut = path.lastIndex(of: "/")
        let folder = cut.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let handle = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard handle >= 0 else { throw failure("open", folder) }
        defer { close(handle) }
        guard fsync(handle) == 0 else { throw failure("sync", folder) }
    }

    /// Makes the folder, and those above it, with mode 0700.
    package static func makeFolder(_ path: String) throws {
        let refusal = Refusal(
            .unavailable, "The folder \(path) cannot be made.", hint: "Check its path, its owner and the free space.")
        let parent = URL(filePath: path).deletingLastPathComponent().path
        do {
            try FileManager.default.createDirectory(
                atPath: parent, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw refusal
        }
        // Foundation makes it first and closes it to others then: whoever starts beside it sees it open in between.
        var isFolder: ObjCBool = false
        guard mkdir(path, 0o700) == 0 || errno == EEXIST,
            FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue
        else { throw refusal }
    }

    private static func failure(_ verb: String, _ path: String) -> Refusal {
        let reason = String(cString: strerror(errno))
        return Refusal(
            .unavailable, "Could not \(verb) \(path): \(reason).",
            hint: "Check free space and the folder's permissions.", retryAfterSeconds: 30)
    }
}
