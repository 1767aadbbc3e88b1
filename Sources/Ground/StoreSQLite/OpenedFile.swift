import Foundation
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// A file as it was when it was opened: moved away or replaced, it would take commits that nobody finds again.
struct OpenedFile: Sendable {
    private let path: String
    private let device: dev_t
    private let number: ino_t

    /// Nil if there is no such file.
    init?(_ path: String) {
        var found = stat()
        guard stat(path, &found) == 0 else { return nil }
        self.path = path
        device = found.st_dev
        number = found.st_ino
    }

    func demandInPlace() throws(Refusal) {
        var found = stat()
        guard stat(path, &found) == 0, found.st_dev == device, found.st_ino == number else {
            throw Refusal(
                .unavailable, "The database file \(path) was moved, removed or replaced while the server runs.",
                hint: "Put it back, or stop the server and run `lifelong restore` from a backup.",
                retryAfterSeconds: 30)
        }
    }
}
