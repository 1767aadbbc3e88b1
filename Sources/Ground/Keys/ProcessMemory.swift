import Wire

#if canImport(Glibc)
import Glibc
#endif

/// Keeps what a process has in its memory, keys among it, out of files: no core dump, whatever ends the process, and no
/// look into it by another process of the same user.
package enum ProcessMemory {
    /// For the rest of the process's life; children are not affected by the second half.
    package static func keepOutOfCoreDumps() throws(Refusal) {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        guard setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none) == 0, setDumpable(0) == 0 else {
            throw Refusal(
                .unavailable, "Core dumps of this process cannot be switched off: \(String(cString: strerror(errno))).",
                hint: "Run it where setrlimit and prctl are allowed.")
        }
    }

    /// The limit alone is not enough: with a pipe in /proc/sys/kernel/core_pattern the kernel ignores it.
    private static func setDumpable(_ value: UInt) -> Int32 {
        typealias Control = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32
        // Variadic in C, so Swift does not import it; on Linux integers are passed alike.
        guard let found = dlsym(nil, "prctl") else { return -1 }
        return unsafeBitCast(found, to: Control.self)(setDumpableOption, value, 0, 0, 0)
    }

    /// PR_SET_DUMPABLE of <sys/prctl.h>.
    private static let setDumpableOption: Int32 = 4
}
