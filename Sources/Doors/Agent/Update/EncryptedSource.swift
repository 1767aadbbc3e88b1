import Release
import Wire

extension Download {
    /// Plain bytes out of a source of encrypted ones. Each chunk is authenticated as a whole before a byte of it is handed over; a
    /// download that is continued begins with the chunk in which it was cut off.
    /// - Parameter size: of the plain artifact.
    package static func opened(_ source: @escaping Source, key: [UInt8], size: Int) -> Source {
        { offset, etag, begin, take in
            var opener = try ChunkOpener(key: key, size: size, from: offset)
            // What went wrong here, however the source wraps it.
            var fault: (any Error)?
            do {
                try await source(opener.start, etag) { start, tag in
                    do {
                        guard start == 0 else { return try begin(offset, tag) }
                        opener = try ChunkOpener(key: key, size: size)
                        try begin(0, tag)
                    } catch { fault = error; throw error }
                } _: { bytes in
                    do { try opener.take(bytes, take) } catch { fault = error; throw error }
                }
            } catch {
                throw fault ?? error
            }
        }
    }
}
