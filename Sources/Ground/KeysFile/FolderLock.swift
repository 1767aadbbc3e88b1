#if canImport(Glibc)
import Glibc
#endif

/// Keeps other processes from changing a folder's files; falls with the process, so that a kill leaves no lock behind.
///
/// flock(2) of the folder itself: no file of its own. A lock that is not there (nil) is another's, or cannot be had.
struct FolderLock {
    private let handle: CInt

    /// - Parameter waits: until whoever has it is done; otherwise nil at once.
    init?(_ folder: String, waits: Bool) {
        let handle = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard handle >= 0 else { return nil }
        while flock(handle, LOCK_EX | (waits ? 0 : LOCK_NB)) != 0 {
            guard errno == EINTR else {
                close(handle)
                return nil
            }
        }
        self.handle = handle
    }

    func release() {
        // Said, not left to close: a child that is being started has the same handle for a moment.
        flock(handle, LOCK_UN)
        close(handle)
    }
}
