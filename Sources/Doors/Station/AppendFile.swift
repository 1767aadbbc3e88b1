import Wire

#if canImport(Glibc)
import Glibc
#endif

/// A file of lines that only grows. Invariants:
/// 1. What `append` returned for is on the disk.
/// 2. A line without its LF was never answered for, and is cut off when the file is opened.
/// 3. After a failure nobody knows what is on the disk: no more appends until the file is opened again.
struct AppendFile: ~Copyable {
    private let file: Int32
    private let path: String
    private var isBroken = false

    /// Opens or creates the file (0600).
    /// - Parameters:
    ///   - limit: most bytes that the file may have.
    ///   - line: called with every line that is there, without LF.
    init(_ path: String, limit: Int, line: (ArraySlice<UInt8>) throws(Refusal) -> Void = { _ in }) throws(Refusal) {
        let handle = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard handle >= 0 else { throw StationFile.failure("open", path) }
        do throws(Refusal) {
            try StationFile.syncFolder(of: path)
            let bytes = try StationFile.read(path, limit: limit) ?? []
            let end = (bytes.lastIndex(of: 10) ?? -1) + 1
            if end < bytes.count {
                guard ftruncate(handle, off_t(end)) == 0, fsync(handle) == 0 else {
                    throw StationFile.failure("cut", path)
                }
            }
            for text in bytes[0..<end].split(separator: 10) { try line(text) }
        } catch {
            close(handle)
            throw error
        }
        file = handle
        self.path = path
    }

    deinit { close(file) }

    /// Adds a line; durable when it returns.
    mutating func append(_ line: [UInt8]) throws(Refusal) {
        guard !isBroken else {
            throw Refusal(
                .unavailable, "\(path) could not be written before, so that its end is not known.",
                hint: "Free some space and start the station again; it repairs the file itself.")
        }
        do throws(Refusal) {
            try StationFile.writeAll(line + [10], to: file, path: path)
            guard fsync(file) == 0 else { throw StationFile.failure("sync", path) }
        } catch {
            isBroken = true
            throw error
        }
    }
}
