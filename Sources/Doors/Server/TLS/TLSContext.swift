import KeysTLS
import NIOConcurrencyHelpers
import NIOSSL
import Registry
import Trust
import Wire

/// The TLS settings of a plane, replaceable while it runs: the next connection uses what is current.
package final class TLSContext: Sendable {
    private let box: NIOLockedValueBox<NIOSSLContext>

    package init(_ context: NIOSSLContext) { box = NIOLockedValueBox(context) }

    package var current: NIOSSLContext { box.withLockedValue { $0 } }
    package func replace(_ context: NIOSSLContext) { box.withLockedValue { $0 = context } }

    /// - Parameter clientCertificates: whether peers are asked for one. `anchors` then tell clients which to choose.
    package static func make(
        _ identity: ServiceCertificates.Identity, clientCertificates: Bool, anchors: [[UInt8]]
    ) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try identity.chain.map { .certificate(try NIOSSLCertificate(bytes: $0, format: .der)) },
            privateKey: .privateKey(NIOSSLPrivateKey(customPrivateKey: HandshakeKey(identity.key))))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        if clientCertificates {
            configuration.certificateVerification = .optionalVerification
            configuration.trustRoots = .certificates(try anchors.map { try NIOSSLCertificate(bytes: $0, format: .der) })
            configuration.sendCANameList = true
        }
        return try NIOSSLContext(configuration: configuration)
    }
}
