import Foundation
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// Keeps a second agent out of a home while this one writes there; falls with the process.
final class HomeLock {
    private let file: Int32

    init(_ path: String) throws {
        file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600 as mode_t)
        guard file >= 0 else {
            throw Refusal(
                .unavailable, "The lock \(path) cannot be made: \(String(cString: strerror(errno))).",
                hint: "Check the folder, its owner and the free space.")
        }
        // `doctor` holds it for an instant, to see whether it is free.
        var isMine = flock(file, LOCK_EX | LOCK_NB) == 0
        for _ in 0..<10 where !isMine {
            usleep(20_000)
            isMine = flock(file, LOCK_EX | LOCK_NB) == 0
        }
        guard isMine else {
            close(file)
            throw Refusal(
                .conflict, "Another lifelong-agent works in this home.",
                hint: "Stop it first, or choose another --home.")
        }
    }

    /// Whether another agent works there now. Makes no file.
    static func isHeld(_ path: String) -> Bool {
        let file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return false }
        defer { close(file) }
        return flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    deinit { close(file) }
}
