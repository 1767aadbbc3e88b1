import CPKCS11
import Glibc
import Wire

/// A PKCS#11 library in this process, named by its path. One a path, because C_Initialize is the process's affair, not
/// the caller's (PKCS#11 v2.40 §5.4).
///
/// Invariants: calls happen under the shared lock, taking the library down and up again under the exclusive one; what was
/// opened before that (sessions, handles) carries an older `generation` and is never used again.
// Safe: `functions` never changes; `generation` and `nextRestart` are read and written under `gate` or `state` only.
final class Module: @unchecked Sendable {
    private struct State {
        var generation: UInt64 = 1
        var isUp = true
        /// Seconds of the monotonic clock before which no further restart is tried.
        var nextRestart: Double = 0
    }

    let path: String
    private let list: CK_FUNCTION_LIST
    private let gate: UnsafeMutablePointer<pthread_rwlock_t>
    private let state = Locked(State())

    private static let loaded = Locked<[String: Module]>([:])
    /// A library that is gone for good is not torn down at every request; in seconds.
    private static let restartPauseSeconds = 1.0

    /// The library at `path`, loaded once.
    static func load(_ path: String) throws(Refusal) -> Module {
        let found: Result<Module, Refusal> = loaded.withLock { modules in
            if let module = modules[path] { return .success(module) }
            do {
                let module = try Module(path)
                modules[path] = module
                return .success(module)
            } catch let refusal as Refusal {
                return .failure(refusal)
            } catch {
                return .failure(
                    Refusal(
                        .unavailable, "The PKCS#11 module \(path) does not start: \(error).",
                        hint: "Test it: pkcs11-tool --module \(path) --list-slots"))
            }
        }
        return try found.get()
    }

    private init(_ path: String) throws {
        self.path = path
        guard path.hasPrefix("/"), access(path, R_OK) == 0 else {
            throw Refusal(
                .unavailable, "There is no PKCS#11 module at \"\(path)\".",
                hint: "Give the absolute path of the library, such as /usr/lib/softhsm/libsofthsm2.so.")
        }
        typealias GetFunctionList =
            @convention(c) (
                UnsafeMutablePointer<UnsafeMutablePointer<CK_FUNCTION_LIST>?>?
            ) -> CK_RV
        guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL), let symbol = dlsym(library, "C_GetFunctionList") else {
            let why = dlerror().map { String(cString: $0) } ?? "unknown"
            throw Refusal(
                .unavailable, "\(path) is not a PKCS#11 module: \(why).", hint: "Give the path of the token's library.")
        }
        var list: UnsafeMutablePointer<CK_FUNCTION_LIST>?
        try TokenFault.check(unsafeBitCast(symbol, to: GetFunctionList.self)(&list), "C_GetFunctionList")
        guard let list else { throw TokenFault(code: CKR_GENERAL_ERROR, call: "C_GetFunctionList") }
        self.list = list.pointee
        gate = .allocate(capacity: 1)
        var attributes = pthread_rwlockattr_t()
        pthread_rwlockattr_init(&attributes)
        pthread_rwlockattr_setkind_np(&attributes, Int32(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP))
        pthread_rwlock_init(gate, &attributes)
        try Self.start(self.list)
    }

    private static func start(_ list: CK_FUNCTION_LIST) throws(TokenFault) {
        var arguments = CK_C_INITIALIZE_ARGS()
        arguments.flags = CKF_OS_LOCKING_OK
        let code = withUnsafeMutablePointer(to: &arguments) { list.C_Initialize(UnsafeMutableRawPointer($0)) }
        // Somebody else in this process uses the same library under another name.
        if code == CKR_CRYPTOKI_ALREADY_INITIALIZED { return }
        try TokenFault.check(code, "C_Initialize")
    }

    var generation: UInt64 { state.withLock { $0.generation } }

    /// Calls into the library; many at once.
    func call<T>(_ body: (CK_FUNCTION_LIST) throws -> T) throws -> T {
        pthread_rwlock_rdlock(gate)
        defer { pthread_rwlock_unlock(gate) }
        if !state.withLock({ $0.isUp }) { throw TokenFault(code: CKR_CRYPTOKI_NOT_INITIALIZED, call: "C_Initialize") }
        return try body(list)
    }

    /// Takes the library down and up again, so that it looks anew at what is attached; once for everybody who found it
    /// broken in the same generation. Every session of every token in it is lost by that.
    ///
    /// - Returns: whether there is a newer generation now.
    func restart(after generation: UInt64) -> Bool {
        var limit = timespec()
        clock_gettime(CLOCK_REALTIME, &limit)
        limit.tv_sec += 2
        // A call that never comes back keeps the library: then there is nothing to be done but to refuse.
        guard pthread_rwlock_timedwrlock(gate, &limit) == 0 else { return self.generation != generation }
        defer { pthread_rwlock_unlock(gate) }
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let seconds = Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
        let (newer, tooSoon) = state.withLock { ($0.generation != generation, $0.isUp && seconds < $0.nextRestart) }
        if newer { return true }
        if tooSoon { return false }
        _ = list.C_Finalize(nil)
        let isUp = (try? Self.start(list)) != nil
        state.withLock {
            $0.generation += 1
            $0.isUp = isUp
            $0.nextRestart = seconds + Self.restartPauseSeconds
        }
        return true
    }
}
