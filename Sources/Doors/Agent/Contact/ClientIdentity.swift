import Keys
import KeysTLS
import NIOCore
import NIOSSL
import Trust
import Wire

/// Who a device is in a TLS handshake: a certificate, the issuers below the root, and the key's signing half.
package struct ClientIdentity: Sendable {
    /// DER, leaf first, then its issuers without the root.
    package let chain: [[UInt8]]
    package let key: any SigningKey

    package init(chain: [[UInt8]], key: any SigningKey) {
        self.chain = chain
        self.key = key
    }

    /// Who the unit is since its birth; nil if its certificate is not there.
    package static func birth(in home: AgentHome, on disk: any Disk, keys: any KeyStore) throws -> ClientIdentity? {
        guard let pem = try disk.readWhole(home.birthCertificate) else { return nil }
        let chain = try PEM.decode(String(decoding: pem, as: UTF8.self)).map(\.der)
        return ClientIdentity(
            chain: chain.count > 1 ? chain.dropLast() : chain, key: try keys.require(DeviceKeys.birth))
    }

    /// - Parameter anchors: DER of the only roots that may vouch for the service.
    package func tlsConfiguration(anchors: [[UInt8]]) throws(Refusal) -> TLSConfiguration {
        guard !chain.isEmpty, !anchors.isEmpty else {
            throw Refusal(
                .unavailable, "The device has no certificate to show, or no anchor to check the service with.",
                hint: "Run: lifelong-agent birth")
        }
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        tls.certificateVerification = .fullVerification
        // A peer that does not say goodbye is not waited for.
        tls.shutdownTimeout = .seconds(1)
        do {
            tls.trustRoots = .certificates(try anchors.map { try NIOSSLCertificate(bytes: $0, format: .der) })
            tls.certificateChain = try chain.map { .certificate(try NIOSSLCertificate(bytes: $0, format: .der)) }
        } catch {
            throw Refusal(
                .malformed, "A certificate of the device or of its anchors cannot be read.",
                hint: "Restore the identity folder, or give the unit back to its station.")
        }
        tls.privateKey = .privateKey(NIOSSLPrivateKey(customPrivateKey: HandshakeKey(key)))
        return tls
    }
}
