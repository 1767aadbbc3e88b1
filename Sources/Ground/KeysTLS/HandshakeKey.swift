import Dispatch
import NIOCore
import NIOSSL
import Trust
import Wire

/// Lets BoringSSL sign a handshake with a key that it cannot see: the same for a server and for a device. Two are equal if
/// their public keys are, so that connections of one identity are pooled together.
package final class HandshakeKey: NIOSSLCustomPrivateKey, Hashable {
    private let key: any SigningKey
    private let name: Digest

    package init(_ key: any SigningKey) {
        self.key = key
        name = key.keyDigest
    }

    package var signatureAlgorithms: [NIOSSL.SignatureAlgorithm] {
        switch key.algorithm {
        case .p256: [.ecdsaSecp256R1Sha256]
        case .p384: [.ecdsaSecp384R1Sha384]
        case .ed25519: [.ed25519]
        }
    }

    package func sign(
        channel: any Channel, algorithm: NIOSSL.SignatureAlgorithm, data: ByteBuffer
    ) -> EventLoopFuture<ByteBuffer> {
        let promise = channel.eventLoop.makePromise(of: ByteBuffer.self)
        let message = Array(data.readableBytesView)
        if key.signsAtOnce {
            promise.completeWith(Result { ByteBuffer(bytes: try key.signature(over: message)) })
            return promise.futureResult
        }
        // Off the event loop: a TPM or token takes its time, and an event loop serves many connections.
        DispatchQueue.global().async { [key] in
            promise.completeWith(Result { ByteBuffer(bytes: try key.signature(over: message)) })
        }
        return promise.futureResult
    }

    package func decrypt(channel: any Channel, data: ByteBuffer) -> EventLoopFuture<ByteBuffer> {
        channel.eventLoop.makeFailedFuture(
            Refusal(.unsupported, "This key only signs.", hint: "Use a cipher suite with ephemeral key agreement."))
    }

    package static func == (a: HandshakeKey, b: HandshakeKey) -> Bool { a.name == b.name }
    package func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
