import KeysTLS
import NIOSSL
import Registry
import Trust
import Wire

/// The TLS settings of a plane, replaceable while it runs: the next connection uses what is current.
package final class TLSContext: Sendable {
    private let box: Locked<(context: NIOSSLContext, chain: [[UInt8]])>

    /// - Parameter chain: what the context shows.
    package init(_ context: NIOSSLContext, chain: [[UInt8]]) { box = Locked((context, chain)) }

    package var current: NIOSSLContext { box.withLock { $0.context } }
    package var chain: [[UInt8]] { box.withLock { $0.chain } }
    package func replace(_ context: NIOSSLContext, chain: [[UInt8]]) { box.withLock { $0 = (context, chain) } }

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
