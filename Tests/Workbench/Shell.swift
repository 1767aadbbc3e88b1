import Foundation

/// A shell script that a user could type. Nothing that it started outlives it: its processes are a session of their own, which
/// is killed as a whole when the script ends, when its time is over, and when the tests themselves are killed.
package enum Shell {
    /// Stands between: Foundation starts children with signals blocked, and a parent that is killed takes nobody along.
    private static let keeper = """
        import os, signal, sys, time
        parent, limit = os.getppid(), time.monotonic() + float(sys.argv[2])
        signal.pthread_sigmask(signal.SIG_SETMASK, [signal.SIGCHLD])
        child = os.fork()
        if child == 0:
            os.setsid()
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            os.execvp("bash", ["bash", "-c", sys.argv[1]])
        status = None
        while status is None and os.getppid() == parent and time.monotonic() < limit:
            signal.sigtimedwait([signal.SIGCHLD], 0.5)
            pid, found = os.waitpid(child, os.WNOHANG)
            status = found if pid else None
        try:
            os.killpg(child, signal.SIGKILL)
        except ProcessLookupError:
            pass
        if status is None:
            print("the script took too long", file=sys.stderr)
            sys.exit(124)
        sys.exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
        """

    package static func run(
        _ script: String, in folder: String, seconds: Int = 90
    ) async throws -> (status: Int32, said: String) {
        let outcome = try await OutsideProgram.run(
            "python3", ["-c", keeper, script, String(seconds)], in: folder, seconds: seconds + 10)
        return (outcome.status, outcome.text + outcome.errors)
    }
}
