import Foundation
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// The device's own file system.
package struct PosixDisk: Disk {
    package init() {}

    package func makeFolder(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw failure("make the folder", path, error)
        }
    }

    package func read(_ path: String, from offset: Int, limit: Int) throws -> [UInt8]? {
        let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("open", path)
        }
        defer { close(file) }
        var bytes: [UInt8] = []
        while bytes.count < limit {
            let at = off_t(offset + bytes.count)
            let wanted = min(limit - bytes.count, 1 << 20)
            let chunk = try [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
                let n = pread(file, buffer.baseAddress, wanted, at)
                guard n >= 0 else { throw failure("read", path) }
                count = n
            }
            if chunk.isEmpty { break }
            bytes += chunk
        }
        return bytes
    }

    package func size(of path: String) throws -> Int? {
        var information = stat()
        guard lstat(path, &information) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw failure("look at", path)
        }
        return information.st_mode & S_IFMT == S_IFREG ? Int(information.st_size) : nil
    }

    package func names(in folder: String) throws -> [String] {
        guard FileManager.default.fileExists(atPath: folder) else { return [] }
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        } catch {
            throw failure("read the folder", folder, error)
        }
    }

    package func create(_ path: String) throws {
        try with(path, "create", O_WRONLY | O_CREAT | O_TRUNC) { fchmod($0, 0o600) }
    }

    package func append(_ bytes: [UInt8], to path: String) throws {
        try with(path, "write", O_WRONLY | O_APPEND) { file in
            var rest = bytes[...]
            while !rest.isEmpty {
                let n = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
                if n < 0, errno == EINTR { continue }
                guard n > 0 else { return -1 }
                rest = rest.dropFirst(n)
            }
            return 0
        }
    }

    package func overwrite(_ path: String, at offset: Int, with bytes: [UInt8]) throws {
        try with(path, "write", O_WRONLY) { file in
            var done = 0
            while done < bytes.count {
                let n = bytes.withUnsafeBytes {
                    pwrite(file, $0.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset + done))
                }
                if n < 0, errno == EINTR { continue }
                guard n > 0 else { return -1 }
                done += n
            }
            return 0
        }
    }

    package func truncate(_ path: String, to size: Int) throws {
        try with(path, "cut", O_WRONLY) { ftruncate($0, off_t(size)) }
    }

    package func sync(_ path: String) throws { try with(path, "sync", O_RDONLY) { fsync($0) } }

    package func syncFolder(_ path: String) throws { try with(path, "sync", O_RDONLY | O_DIRECTORY) { fsync($0) } }

    package func rename(_ from: String, to: String) throws {
        guard Glibc.rename(from, to) == 0 else { throw failure("rename", from) }
    }

    package func remove(_ path: String) throws {
        guard unlink(path) == 0 || errno == ENOENT else { throw failure("remove", path) }
    }

    package func link(_ target: String, at path: String) throws {
        guard symlink(target, path) == 0 else { throw failure("link", path) }
    }

    package func target(of path: String) throws -> String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let n = readlink(path, &buffer, buffer.count)
        guard n >= 0 else {
            if errno == ENOENT || errno == EINVAL || errno == ENOTDIR { return nil }
            throw failure("read the link", path)
        }
        return String(decoding: buffer.prefix(n).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    package func removeFolder(_ path: String) throws {
        guard FileManager.default.fileExists(atPath: path) else { return }
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            throw failure("remove the folder", path, error)
        }
    }

    private func with(_ path: String, _ verb: String, _ flags: Int32, _ body: (Int32) -> Int32) throws {
        let file = Glibc.open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0o600 as mode_t)
        guard file >= 0 else { throw failure(verb, path) }
        defer { close(file) }
        guard body(file) == 0 else { throw failure(verb, path) }
    }

    /// Foundation keeps the system's error below its own.
    private func failure(_ verb: String, _ path: String, _ error: any Error) -> Refusal {
        if let below = (error as NSError).userInfo[NSUnderlyingErrorKey] as? POSIXError { errno = below.code.rawValue }
        return failure(verb, path)
    }

    private func failure(_ verb: String, _ path: String) -> Refusal {
        let reason = String(cString: strerror(errno))
        return Refusal(
            .unavailable, "Could not \(verb) \(path): \(reason).",
            hint: "Check free space and the folder's permissions.")
    }
}
