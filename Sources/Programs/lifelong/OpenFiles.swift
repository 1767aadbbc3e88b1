import Glibc

/// How many files and connections this process may have open (setrlimit(2), RLIMIT_NOFILE). The soft limit is 1024 on most
/// systems, for programs that use select(2); the hard one is what the operator allows.
enum OpenFiles {
    /// Raises the soft limit as far as it goes.
    /// - Returns: how many may be open now.
    @discardableResult
    static func raise(to wanted: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return wanted }
        let target = min(limit.rlim_max, rlim_t(wanted))
        if target > limit.rlim_cur {
            limit.rlim_cur = target
            guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0,
                getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
            else { return 1024 }
        }
        return Int(min(limit.rlim_cur, rlim_t(wanted)))
    }
}
