import Crypto
import Wire

package enum LeafCertificate {
    /// SHA-256 of the DER: how the ledger names a certificate.
    package static func sha256(_ der: [UInt8]) -> Wire.Digest { Wire.Digest(SHA256.hash(data: der)) }
}
