import Crypto
import CryptoExtras
import Foundation
import Wire

/// Whether a key that somebody else made may stand in a certificate.
package enum KeyQuality {
    /// Refuses a key that is weak, of an unsupported kind, or published (STANDARDS §1): for keys that come without a CSR.
    package static func demand(_ spki: [UInt8]) throws(Refusal) { _ = try check(spki) }

    /// The key, if it is of an accepted kind, long enough, and known to nobody else.
    static func check(_ spki: [UInt8]) throws(Refusal) -> PublicKey {
        let key = try PublicKey(spki: spki)
        switch key {
        case .p256, .p384, .ed25519: break
        case .p521:
            throw Refusal(
                .malformed, "Keys on the curve P-521 are not accepted.", hint: "Make a key on P-256 or P-384.",
                rule: "IEEE 802.1AR §9")
        case .rsa(let rsa): try check(rsa)
        }
        guard !WeakKeys.digests.contains(PublicKeys.digest(spki)) else {
            throw Refusal(
                .forbidden, "The private key of this request is published: it is an example or trivial key.",
                hint: "Make a new key pair in the device, from its own random generator.", rule: "key blocklist")
        }
        return key
    }

    private static func check(_ key: _RSA.Signing.PublicKey) throws(Refusal) {
        guard let numbers = try? key.getKeyPrimitives(), (2048...8192).contains(key.keySizeInBits) else {
            throw Refusal(
                .malformed, "RSA keys have between 2048 and 8192 bits.",
                hint: "Make an ECDSA key on P-256, or an RSA key of 2048 bits or more.", rule: "NIST SP 800-131A §3")
        }
        let exponent = numbers.publicExponent.reduce(UInt64(0)) { $0 > 1 << 48 ? $0 : $0 << 8 | UInt64($1) }
        guard exponent >= 65_537, exponent % 2 == 1 else {
            throw Refusal(
                .malformed, "The RSA key's public exponent is too small or even.", hint: "Use the exponent 65537.",
                rule: "FIPS 186-5 §A.1.1")
        }
        guard !isFromBrokenChip(Array(numbers.modulus)) else {
            throw Refusal(
                .forbidden, "The RSA key comes from a chip whose keys can be broken (ROCA).",
                hint: "Make the key elsewhere, or make an ECDSA key.", rule: "CVE-2017-15361")
        }
    }

    /// The fingerprint of CVE-2017-15361: modulo each small prime, the modulus is a power of 65537. A sound key shows
    /// that by chance once in 2^27 or more rarely.
    static func isFromBrokenChip(_ modulus: [UInt8]) -> Bool {
        smallPrimes.allSatisfy { prime in
            let rest = modulus.reduce(0) { ($0 << 8 | Int($1)) % prime }
            var power = 1
            repeat {
                if power == rest { return true }
                power = power * 65_537 % prime
            } while power != 1
            return false
        }
    }

    private static let smallPrimes = [
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
        113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ]
}
