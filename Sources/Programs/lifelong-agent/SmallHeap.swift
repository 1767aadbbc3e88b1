#if canImport(Glibc)
import Glibc
#endif

/// How glibc keeps the memory of this program: it is one device with one connection at a time, and has little.
enum SmallHeap {
    private enum Parameter: Int32 {
        /// M_TRIM_THRESHOLD, M_MMAP_THRESHOLD and M_ARENA_MAX of <malloc.h>.
        case trimThreshold = -1
        case mapThreshold = -3
        case mostArenas = -8
    }

    /// One heap for all threads; what was freed goes back to the system, large pieces at once.
    static func choose() {
        typealias Choice = @convention(c) (Int32, Int32) -> Int32
        // <malloc.h> is in no module of Swift's. A C library without it keeps its own ways.
        guard let found = dlsym(nil, "mallopt") else { return }
        let choose = unsafeBitCast(found, to: Choice.self)
        for (parameter, value) in [
            (Parameter.mostArenas, Int32(1)), (.mapThreshold, 64 << 10), (.trimThreshold, 64 << 10),
        ] {
            _ = choose(parameter.rawValue, value)
        }
    }
}
