import Trust
import Wire

/// A signature over an artifact's manifest: ECDSA on P-256 as the two numbers of 32 bytes one after the other, RSA as PKCS #1 v1.5,
/// both with SHA-256; or Ed25519. Nothing else counts: mender-artifact signs with nothing else.
package enum ManifestSignature {
    package static func verifies(_ signature: [UInt8], over message: [UInt8], spki: [UInt8]) -> Bool {
        guard (try? demandUsable(spki)) != nil else { return false }
        guard (try? PublicKeys.algorithm(spki)) == .p256 else {
            return PublicKeys.verify(signature: signature, over: message, spki: spki)
        }
        return signature.count == 64 && PublicKeys.verify(signature: der(signature), over: message, spki: spki)
    }

    /// Refuses a key with which nobody signs artifacts.
    package static func demandUsable(_ spki: [UInt8]) throws(Refusal) {
        let (kind, isRSA) = (try PublicKeys.algorithm(spki), try PublicKeys.isRSA(spki))
        guard kind == .p256 || kind == .ed25519 || isRSA else {
            throw Refusal(
                .malformed, "Mender artifacts are signed with ECDSA on P-256, RSA or Ed25519.",
                hint: "Name a key of one of these kinds.", rule: "mender: manifest.sig")
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
