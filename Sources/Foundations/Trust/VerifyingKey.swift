import Wire

/// A public key together with the one way in which its signatures are made: read once, used for many signatures.
package struct VerifyingKey: Sendable {
    /// By the names of the TUF specification §4.2.
    package enum Scheme: String, Sendable, CaseIterable {
        case ed25519
        case ecdsaP256 = "ecdsa-sha2-nistp256"
        case ecdsaP384 = "ecdsa-sha2-nistp384"
        case rsaPSS = "rsassa-pss-sha256"
    }

    private let key: PublicKey
    private let algorithm: SignatureAlgorithm

    /// Refuses a key that cannot be read, or that is of another kind than the scheme's.
    package init(spki: [UInt8], scheme: Scheme) throws(Refusal) {
        key = try PublicKey(spki: spki)
        switch (key, scheme) {
        case (.ed25519, .ed25519): algorithm = .ed25519
        case (.p256, .ecdsaP256): algorithm = .ecdsaSHA256
        case (.p384, .ecdsaP384): algorithm = .ecdsaSHA384
        case (.rsa, .rsaPSS): algorithm = .rsaPSSSHA256
        default:
            throw Refusal(
                .malformed, "The public key is of another kind than \(scheme.rawValue) needs.",
                hint: "Name the scheme that belongs to the key.", rule: "TUF §4.2")
        }
    }

    /// The scheme of a kind of key that this project makes.
    package static func scheme(of algorithm: KeyAlgorithm) -> Scheme {
        switch algorithm {
        case .p256: .ecdsaP256
        case .p384: .ecdsaP384
        case .ed25519: .ed25519
        }
    }

    package func verifies(_ signature: [UInt8], over message: [UInt8]) -> Bool {
        key.verifies(signature[...], over: message[...], by: algorithm)
    }
}
