import Trust

/// A signature over an artifact's manifest: ECDSA on P-256 as the two numbers of 32 bytes one after the other, RSA as PKCS #1 v1.5,
/// both with SHA-256.
package enum ManifestSignature {
    package static func verifies(_ signature: [UInt8], over message: [UInt8], spki: [UInt8]) -> Bool {
        guard let kind = try? PublicKeys.algorithm(spki) else {
            // Nil of a key that can be read: one that this project does not make.
            return PublicKeys.verify(signature: signature, over: message, spki: spki)
        }
        switch kind {
        case .p256:
            return signature.count == 64
                && PublicKeys.verify(signature: der(signature), over: message, spki: spki)
        case .ed25519: return PublicKeys.verify(signature: signature, over: message, spki: spki)
        case .p384: return false
        }
    }

    /// SEQUENCE of two INTEGERs (RFC 3279 §2.2.3), each of at most 33 bytes.
    package static func der(_ raw: [UInt8]) -> [UInt8] {
        let numbers = [raw[0..<raw.count / 2], raw[(raw.count / 2)...]].flatMap { number -> [UInt8] in
            var digits = Array(number.drop { $0 == 0 })
            if digits.first.map({ $0 >= 0x80 }) ?? true { digits.insert(0, at: 0) }
            return [2, UInt8(digits.count)] + digits
        }
        return [0x30, UInt8(numbers.count)] + numbers
    }
}
