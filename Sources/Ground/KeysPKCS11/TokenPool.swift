import CPKCS11
import Dispatch
import Foundation
import Wire

/// The sessions of one token: at most so many, each on a thread of its own, opened when they are first needed.
///
/// A thread a session, and not the caller's, because a call into a library that hangs cannot be called off: the caller
/// gives up after its time, and only that session stays behind until the call comes back.
/// Login is the token's, not a session's (PKCS#11 v2.40 §5.6): it happens once, and again after all was lost.
final class TokenPool: Sendable {
    private struct State {
        var waiting: [Job] = []
        var threads = 0
        var idle = 0
        /// Counts how often the sessions were lost.
        var epoch: UInt64 = 1
    }
    private struct Login {
        var stamp: Session.Stamp?
        var refused = RefusedPIN()
    }

    /// Unused threads end after so many seconds, and their sessions with them.
    private static let idleSeconds = 30.0

    let settings: TokenSettings
    private let module: Module
    private let state = Locked(State())
    private let login = Locked(Login())
    private let work = DispatchSemaphore(value: 0)

    init(_ settings: TokenSettings) throws(Refusal) {
        self.settings = settings
        module = try Module.load(settings.module)
    }

    /// What is done with a session, and who waits for it.
    private final class Job: Sendable {
        let body: @Sendable (Session) throws -> Void
        let done = DispatchSemaphore(value: 0)
        let failure = Locked<(any Error)?>(nil)
        let isAbandoned = Locked(false)
        init(_ body: @escaping @Sendable (Session) throws -> Void) { self.body = body }

        /// What a thread gets that was woken for a job that was called off meanwhile.
        static let nothing: Job = {
            let job = Job { _ in }
            job.isAbandoned.withLock { $0 = true }
            return job
        }()
    }

    /// Runs `body` with a session, or refuses. `body` may run up to three times, with new sessions, if the token was lost
    /// in between: what it does must bear that.
    func run<T: Sendable>(_ body: @escaping @Sendable (Session) throws -> T) throws(Refusal) -> T {
        let answer = Answer<T>()
        let job = Job { session in
            let value = try body(session)
            answer.value.withLock { $0 = value }
        }
        let isTooMany = state.withLock { state in
            guard state.waiting.count < settings.waiting else { return true }
            state.waiting.append(job)
            if state.waiting.count > state.idle, state.threads < settings.sessions {
                state.threads += 1
                Thread.detachNewThread { [self] in serve() }
            }
            return false
        }
        guard !isTooMany else {
            throw Refusal(
                .unavailable, "Too many callers wait for the token \(settings.token).", hint: "Try again.",
                retryAfterSeconds: 2)
        }
        work.signal()
        guard job.done.wait(timeout: .now() + settings.timeoutSeconds) == .success else {
            job.isAbandoned.withLock { $0 = true }
            state.withLock { $0.waiting.removeAll { $0 === job } }
            throw Refusal(
                .unavailable,
                "The token \(settings.token) did not answer within \(Int(settings.timeoutSeconds)) seconds.",
                hint: "Look at the token; try again.", retryAfterSeconds: 5)
        }
        switch job.failure.withLock({ $0 }) {
        case nil: break
        case let refusal as Refusal: throw refusal
        case let fault as TokenFault: throw fault.refusal(token: settings.token.description)
        case let other?:
            throw Refusal(.internal, "The token's engine failed: \(other).", hint: "Report this with the server's log.")
        }
        guard let value = answer.value.withLock({ $0 }) else {
            throw Refusal(.internal, "The token gave no answer.", hint: "Report this with the server's log.")
        }
        return value
    }

    // On a session's thread.

    private func serve() {
        var session: Session?
        while let job = next() {
            if job.isAbandoned.withLock({ $0 }) { continue }
            do {
                try attempt(job, with: &session)
            } catch {
                job.failure.withLock { $0 = error }
            }
            job.done.signal()
        }
        // With the last session goes the login; whoever comes now logs in anew.
        if state.withLock({ $0.threads == 0 }) { login.withLock { $0.stamp = nil } }
        if let session, session.stamp == stamp { _ = try? module.call { _ in session.close() } }
    }

    private func next() -> Job? {
        state.withLock { $0.idle += 1 }
        let isSignalled = work.wait(timeout: .now() + Self.idleSeconds) == .success
        return state.withLock { state in
            state.idle -= 1
            if !state.waiting.isEmpty { return state.waiting.removeFirst() }
            if isSignalled { return Job.nothing }
            state.threads -= 1
            return nil
        }
    }

    /// Once as it is; once with a new session; once after the library was started again.
    private func attempt(_ job: Job, with session: inout Session?) throws {
        var hadNewSession = false
        while true {
            let generation = module.generation
            do {
                try module.call { list in
                    let live = try open(&session, list)
                    try job.body(live)
                }
                return
            } catch let fault as TokenFault where fault.kind == .lost {
                let wasOpen = session != nil
                drop(&session)
                if job.isAbandoned.withLock({ $0 }) { throw fault }
                if wasOpen, !hadNewSession {
                    hadNewSession = true
                    continue
                }
                guard !fault.isOfChange, module.restart(after: generation) else { throw fault }
                hadNewSession = true
                try module.call { list in
                    let live = try open(&session, list)
                    try job.body(live)
                }
                return
            }
        }
    }

    private var stamp: Session.Stamp {
        Session.Stamp(generation: module.generation, epoch: state.withLock { $0.epoch })
    }

    /// Forgets the session, and makes every other thread of the pool forget its own: what one lost, all have lost.
    private func drop(_ session: inout Session?) {
        if let old = session, old.stamp == stamp {
            _ = try? module.call { _ in old.close() }
            state.withLock { if $0.epoch == old.stamp.epoch { $0.epoch += 1 } }
        }
        session = nil
    }

    private func open(_ session: inout Session?, _ list: CK_FUNCTION_LIST) throws -> Session {
        let stamp = stamp
        if let session, session.stamp == stamp { return session }
        // One of an older generation went down with the library; its number may be another's by now.
        if let old = session, old.stamp.generation == stamp.generation { old.close() }
        session = nil
        let slot = try TokenSearch(list: list).slot(of: settings.token)
        let new = try Session(list, slot: slot, stamp: stamp)
        do { try logIn(new) } catch {
            new.close()
            throw error
        }
        session = new
        return new
    }

    private func logIn(_ session: Session) throws {
        let failure = login.withLock { login -> (any Error)? in
            if login.stamp == session.stamp { return nil }
            do {
                try settings.pin.with { pin in try logIn(session, pin, &login.refused) }
                login.stamp = session.stamp
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    private func logIn(_ session: Session, _ pin: UnsafeRawBufferPointer?, _ refused: inout RefusedPIN) throws {
        if refused.holds(pin), let refusal = refused.refusal { throw refusal }
        let search = TokenSearch(list: session.list)
        let flags = try search.info(session.slot).flags
        let name = settings.token.description
        if flags & CKF_USER_PIN_LOCKED != 0 { throw LoginRefusal.locked(name) }
        // A program that is started again and again would use up the last try by itself.
        if flags & CKF_USER_PIN_FINAL_TRY != 0 { throw LoginRefusal.lastTry(name, settings.module) }
        do {
            try session.login(pin)
            refused.forget()
        } catch let fault as TokenFault where [.wrongPIN, .lockedPIN, .expiredPIN].contains(fault.kind) {
            let now = (try? search.info(session.slot).flags) ?? 0
            let refusal = LoginRefusal.wrong(name, from: settings.pin.name, fault, flags: now)
            refused.remember(pin, refusal)
            throw refusal
        }
    }

    private final class Answer<T: Sendable>: Sendable { let value = Locked<T?>(nil) }
}

/// What is said when a token does not let us in. A PIN that was refused is not tried again by itself.
private enum LoginRefusal {
    static func wrong(_ token: String, from source: String, _ fault: TokenFault, flags: CK_FLAGS) -> Refusal {
        if fault.kind == .lockedPIN || flags & CKF_USER_PIN_LOCKED != 0 { return locked(token) }
        if fault.kind == .expiredPIN {
            return Refusal(
                .unavailable, "The PIN of the token \(token) has expired.",
                hint: "Set a new one with the token's own tools, and give it to Lifelong.", rule: "PKCS#11 C_Login",
                retryAfterSeconds: 60)
        }
        let left =
            if flags & CKF_USER_PIN_FINAL_TRY != 0 {
                "one more try is left before it locks"
            } else if flags & CKF_USER_PIN_COUNT_LOW != 0 {
                "the token counts wrong tries since the last login, and more than one is left"
            } else {
                "the token does not say how many tries are left"
            }
        return Refusal(
            .unavailable, "The token \(token) refused the PIN from \(source); \(left).",
            hint: "Correct the PIN; the one that was refused is not tried again.", rule: "PKCS#11 C_Login",
            retryAfterSeconds: 60)
    }

    static func locked(_ token: String) -> Refusal {
        Refusal(
            .unavailable, "The user PIN of the token \(token) is locked.",
            hint: "Unlock it as its security officer, with the token's own tools.", rule: "PKCS#11 C_Login",
            retryAfterSeconds: 60)
    }

    static func lastTry(_ token: String, _ module: String) -> Refusal {
        Refusal(
            .unavailable, "The token \(token) has one try left before its PIN locks; Lifelong does not use it up.",
            hint: "Log in by hand, which resets the count: pkcs11-tool --module \(module) --login --list-objects",
            rule: "PKCS#11 C_Login", retryAfterSeconds: 60)
    }
}
