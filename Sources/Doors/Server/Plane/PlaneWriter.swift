import NIOCore

/// Writes the pieces of a stream; each waits until the system has taken it.
package struct PlaneWriter: Sendable {
    let loop: any EventLoop
    let put: @Sendable (ByteBuffer) -> EventLoopFuture<Void>

    package func write(_ piece: ByteBuffer) async throws { try await loop.flatSubmit { put(piece) }.get() }
}
