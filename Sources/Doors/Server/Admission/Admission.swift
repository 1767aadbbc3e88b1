import Crypto
import NIOCore

/// What a plane lets in, and what it refuses: so many handshakes and requests at once, so many requests of one device.
/// Memory is bounded by connections times buffers, and by requests times bodies (docs/operating.md).
package struct Admission: Sendable {
    package struct Bounds: Sendable {
        /// TLS handshakes worked on at once, including those that wait for the other side of a slow network; more wait in the
        /// order of their coming.
        package var handshakes = 1024
        /// Seconds for the first byte, and for a handshake from its turn on.
        package var handshakeSeconds: Int64 = 10
        /// Requests that wait for the database or a key at once; more are refused with 503.
        package var requests = 1000
        /// Requests a second of one certificate, for ever; a minute's worth at once. 0: without limit.
        package var perDeviceSecond = 10
        package init() {}

        var fairness: Fairness<SHA256Digest>.Rate {
            .init(burst: Double(perDeviceSecond) * 60, perSecond: Double(perDeviceSecond))
        }
    }

    let handshakes: Handshakes
    let gate: Gate

    package init(_ bounds: Bounds) {
        handshakes = Handshakes(limit: bounds.handshakes, time: .seconds(bounds.handshakeSeconds))
        gate = Gate(limit: bounds.requests)
    }
}
