import Foundation

/// A value that one thread at a time touches.
///
/// A lock of POSIX, and not `Synchronization.Mutex`: that one knows its holder by the thread's number, which the compiler
/// (Swift 6.3, Linux, release) keeps across an `await` where both ends are inlined into an asynchronous function, so that
/// the unlocking traps; and waiting for it in the kernel is nothing that the thread sanitizer sees.
package final class Locked<Value: ~Copyable>: @unchecked Sendable {
    @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>
    @usableFromInline var value: Value

    package init(_ value: consuming Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        let status = pthread_mutex_init(mutex, nil)
        precondition(status == 0, "no lock: \(status)")
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    @inlinable package func withLock<T: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> T
    ) throws(Failure) -> T {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
