import Crypto
import NIOCore
import Wire

/// The other end of a connection. Nothing is said about whether its certificate is any good; that is
/// `DeviceAuthentication`'s, at every request.
package final class PlanePeer: Sendable {
    private let remote: SocketAddress?
    /// DER of the leaf that it proved to hold the key of; nil on a plane without TLS, or if it showed none.
    package let certificate: [UInt8]?
    /// SHA-256 of it.
    package let sha256: SHA256Digest?
    private let shownBox = Locked<ShownCertificate?>(nil)

    init(remote: SocketAddress?, certificate: [UInt8]? = nil) {
        self.remote = remote
        self.certificate = certificate
        sha256 = certificate.map { SHA256.hash(data: $0) }
    }

    package var address: String { remote?.ipAddress ?? "unknown" }

    /// The verified form, kept for the connection; its dates are looked at again with every request.
    var shown: ShownCertificate? {
        get { shownBox.withLock { $0 } }
        set { shownBox.withLock { $0 = newValue } }
    }
}
