import CZlib
import Wire

/// Gzip (RFC 1952) unpacked as it arrives, with a bound on what comes out.
package final class Gunzip {
    private let stream: UnsafeMutablePointer<z_stream>
    private var left: Int
    /// The end of a member was reached, and nothing came since.
    private var isBetween = true
    private static let pieceBytes = 64 * 1024

    /// - Parameter limit: bytes that may come out.
    package init(limit: Int) throws(Refusal) {
        left = limit
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard lifelong_gunzip_init(stream) == Z_OK else {
            stream.deinitialize(count: 1)
            stream.deallocate()
            throw Refusal(.unavailable, "There is no memory to unpack with.", hint: "Try again.")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    /// Unpacks `bytes`; `use` gets what comes out, piece by piece.
    package func take(
        _ bytes: ArraySlice<UInt8>, _ use: (ArraySlice<UInt8>) throws(Refusal) -> Void
    ) throws(Refusal) {
        guard !bytes.isEmpty else { return }
        var rest = bytes
        var piece = [UInt8](repeating: 0, count: Self.pieceBytes)
        var isFull = false
        isBetween = false
        repeat {
            let (used, made, status) = step(rest, into: &piece)
            rest = rest.dropFirst(used)
            isFull = made == piece.count
            // Nothing more to read, and nothing left to write: not yet an error.
            guard status == Z_OK || status == Z_STREAM_END || (status == Z_BUF_ERROR && rest.isEmpty) else {
                throw Self.bad("is broken.")
            }
            left -= made
            guard left >= 0 else {
                throw Refusal(
                    .tooLarge, "A part of the artifact unpacks to more than is allowed.",
                    hint: "Put less into one artifact.", rule: "gzip: size")
            }
            isBetween = status == Z_STREAM_END
            if isBetween {
                inflateReset(stream)
                isFull = false
            }
            try use(piece[0..<made])
        } while !rest.isEmpty || isFull
    }

    /// Call it once, after the last byte.
    package func finish() throws(Refusal) {
        guard isBetween else { throw Self.bad("ends too early.") }
    }

    private func step(_ bytes: ArraySlice<UInt8>, into piece: inout [UInt8]) -> (used: Int, made: Int, status: Int32) {
        let bytes = bytes.prefix(1 << 30)
        return bytes.withUnsafeBufferPointer { source in
            piece.withUnsafeMutableBufferPointer { target in
                // zlib does not write to what it reads.
                stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
                stream.pointee.avail_in = UInt32(source.count)
                stream.pointee.next_out = target.baseAddress
                stream.pointee.avail_out = UInt32(target.count)
                let status = inflate(stream, Z_NO_FLUSH)
                return (
                    source.count - Int(stream.pointee.avail_in), target.count - Int(stream.pointee.avail_out), status
                )
            }
        }
    }

    private static func bad(_ what: String) -> Refusal {
        Refusal(
            .malformed, "A gzip part of the artifact \(what)", hint: "Write the artifact with mender-artifact.",
            rule: "RFC 1952")
    }
}
