/// The kinds of key that this project makes. RSA is only verified, for legacy devices (STANDARDS §1).
package enum KeyAlgorithm: String, Codable, Sendable, CaseIterable {
    case p256, p384, ed25519

    /// DER of the AlgorithmIdentifier that a signature by such a key carries; without parameters (RFC 5758 §3.2,
    /// RFC 8410 §3).
    package var signatureAlgorithmDER: [UInt8] { signatureAlgorithm.der }

    var signatureAlgorithm: SignatureAlgorithm {
        switch self {
        case .p256: .ecdsaSHA256
        case .p384: .ecdsaSHA384
        case .ed25519: .ed25519
        }
    }
}
