import Foundation
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// A Unix socket (0600) on which every connection is a unit.
final class SocketLines: LineSource {
    /// Units at the same time; each costs a thread and 16 MiB while its secret is hashed.
    let atOnce = 4
    let countsAttempts = false
    private let path: String
    private let patience: UnitLine.Patience
    private let listening: Int32

    init(_ path: String, patience: UnitLine.Patience) throws(Refusal) {
        self.path = path
        self.patience = patience
        try Self.removeStale(path)
        listening = try Self.listen(path)
    }

    deinit {
        unlink(path)
        close(listening)
    }

    func next(_ number: Int, isOver: () -> Bool) throws(Refusal) -> UnitLine? {
        while !isOver() {
            var waiting = pollfd(fd: listening, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, 200) > 0 else { continue }
            let unit = accept(listening, nil, nil)
            if unit >= 0 {
                _ = fcntl(unit, F_SETFD, FD_CLOEXEC)
                return UnitLine(reading: unit, writing: unit, patience: patience) { close(unit) }
            }
            // Taken by another thread, or gone before it was taken.
            guard [EAGAIN, EINTR, ECONNABORTED].contains(errno) else { throw StationFile.failure("accept on", path) }
        }
        return nil
    }

    private static func listen(_ path: String) throws(Refusal) -> Int32 {
        let file = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard file >= 0 else { throw StationFile.failure("make a socket for", path) }
        // Linux gives the name in the file system the mode of the socket; a umask would be the whole process's.
        let isOwners = fchmod(file, 0o600) == 0
        let bound = try withAddress(path) { address, length in bind(file, address, length) }
        guard isOwners, bound == 0, Glibc.listen(file, 16) == 0 else {
            let failure = StationFile.failure("listen on", path)
            close(file)
            throw failure
        }
        return file
    }

    /// A station that was killed leaves its socket behind; one that lives answers.
    private static func removeStale(_ path: String) throws(Refusal) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw Refusal(.conflict, "\(path) exists and is no socket.", hint: "Choose another path.")
        }
        let file = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(file) }
        guard try withAddress(path, { address, length in connect(file, address, length) }) != 0 else {
            throw Refusal(
                .conflict, "Another program listens on \(path).", hint: "Stop it, or choose another path.")
        }
        unlink(path)
    }

    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(Refusal) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8) + [0]
        guard bytes.count <= MemoryLayout.size(ofValue: address.sun_path) else {
            throw Refusal(
                .malformed, "The path of a Unix socket has at most 107 bytes.",
                hint: "Choose a shorter path, such as one in /run.")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
