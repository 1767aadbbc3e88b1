import Crypto
import CryptoExtras
import Wire

/// Crockford's base 32: digits and capital letters without I, L, O and U, so that a person can read and type it.
package enum CrockfordBase32 {
    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

    /// Five bits a character, the first bits first. The bit count must be a multiple of five.
    package static func encode(_ bytes: [UInt8]) -> String {
        precondition(bytes.count % 5 == 0, "only whole groups of 40 bits are written")
        var out: [UInt8] = []
        var bits = 0
        var held = 0
        for byte in bytes {
            held = (held << 8 | Int(byte)) & 0xfff
            bits += 8
            while bits >= 5 {
                bits -= 5
                out.append(alphabet[held >> bits & 31])
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// What a person typed, in the one form that is hashed: capitals, without spaces and hyphens, O read as 0, I and L
    /// as 1. Nil if any other character is there or the length is not `count`.
    package static func normalize(_ text: String, count: Int) -> String? {
        guard text.utf8.count <= 4 * count + 16 else { return nil }
        var out: [UInt8] = []
        for c in text.utf8 {
            let upper = (97...122).contains(c) ? c - 32 : c
            switch upper {
            case 32, 45: continue
            case 79: out.append(48)
            case 73, 76: out.append(49)
            default:
                guard alphabet.contains(upper) else { return nil }
                out.append(upper)
            }
        }
        return out.count == count ? String(decoding: out, as: UTF8.self) : nil
    }
}

/// The code on a label's QR picture: 40 bits, 8 characters. It shows that somebody saw the label; it is no secret.
package enum LabelCode {
    package static let randomBytes = 5
    private static let characters = 8

    /// - Parameter random: 5 bytes from a cryptographic generator.
    package static func make(random: [UInt8]) -> String {
        precondition(random.count == randomBytes)
        return CrockfordBase32.encode(random)
    }

    /// SHA-256 over "serial:code" with the code as it was made, however it was typed. Nil if it is no label code.
    package static func digest(serial: String, code: String) -> Wire.Digest? {
        CrockfordBase32.normalize(code, count: characters).map { code in
            Wire.Digest(SHA256.hash(data: Array("\(serial):\(code)".utf8)))
        }
    }

    /// Whether the code is the one of this serial; takes as long for a wrong one as for the right one.
    package static func verify(serial: String, code: String, against stored: Wire.Digest) -> Bool {
        guard let given = digest(serial: serial, code: code) else { return false }
        return ConstantTime.equal(given.bytes, stored.bytes)
    }
}

/// The one-time secret on a label that pairs a device: 80 bits, 16 characters in groups of four. It stands on the label
/// only; everywhere else there is its scrypt hash (RFC 7914).
package enum PairingSecret {
    package static let randomBytes = 10
    package static let saltBytes = 16
    private static let characters = 16
    /// 16 MiB and some 50 ms a guess: with 80 random bits that is for defence in depth, and bearable at a station.
    private static let cost = 1 << 14
    private static let blockSize = 8
    private static let parallelism = 1
    private static let hashBytes = 32

    /// "ABCD-EFGH-JKMN-PQRS".
    /// - Parameter random: 10 bytes from a cryptographic generator.
    package static func make(random: [UInt8]) -> String {
        precondition(random.count == randomBytes)
        let flat = Array(CrockfordBase32.encode(random))
        return stride(from: 0, to: flat.count, by: 4).map { String(flat[$0..<($0 + 4)]) }.joined(separator: "-")
    }

    /// "scrypt:N:r:p:salt(base64):hash(base64)".
    /// - Parameter salt: 16 bytes from a cryptographic generator.
    package static func hash(_ secret: String, salt: [UInt8]) throws(Refusal) -> String {
        precondition(salt.count == saltBytes)
        guard let secret = CrockfordBase32.normalize(secret, count: characters) else {
            throw Refusal(
                .malformed, "That is not a pairing secret.", hint: "Type the 16 letters and digits as on the label.")
        }
        guard let hash = derive(secret, salt, cost, blockSize, parallelism, hashBytes) else {
            throw Refusal(
                .unavailable, "There is not enough memory to hash a pairing secret.", hint: "Free 32 MiB and try again."
            )
        }
        return "scrypt:\(cost):\(blockSize):\(parallelism):\(Base64.encode(salt)):\(Base64.encode(hash))"
    }

    /// Whether `secret` is the one that was hashed. Compares in constant time; false for anything that cannot be read.
    package static func verify(_ secret: String, against stored: String) -> Bool {
        guard let secret = CrockfordBase32.normalize(secret, count: characters), let stored = Stored(stored),
            let hash = derive(
                secret, stored.salt, stored.cost, stored.blockSize, stored.parallelism, stored.hash.count)
        else { return false }
        return ConstantTime.equal(hash, stored.hash)
    }

    /// Whether `verify` could ever say yes to it: for those who take hashes in.
    package static func isHash(_ stored: String) -> Bool { Stored(stored) != nil }

    private static func derive(
        _ secret: String, _ salt: [UInt8], _ cost: Int, _ blockSize: Int, _ parallelism: Int, _ count: Int
    ) -> [UInt8]? {
        let key = try? KDF.Scrypt.deriveKey(
            from: Array(secret.utf8), salt: salt, outputByteCount: count, rounds: cost, blockSize: blockSize,
            parallelism: parallelism)
        return key.map { $0.withUnsafeBytes { Array($0) } }
    }

    /// The parsed form. Bounded, because whoever may write hashes must not be able to make verifying them expensive.
    private struct Stored {
        let cost: Int
        let blockSize: Int
        let parallelism: Int
        let salt: [UInt8]
        let hash: [UInt8]

        init?(_ text: String) {
            guard text.utf8.count <= 256 else { return nil }
            let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 6, parts[0] == "scrypt", let cost = Int(parts[1]), let blockSize = Int(parts[2]),
                let parallelism = Int(parts[3]), let salt = Base64.decode(parts[4]), let hash = Base64.decode(parts[5]),
                (1 << 14...1 << 16).contains(cost), cost & (cost - 1) == 0, blockSize == 8,
                (1...4).contains(parallelism),
                (16...64).contains(salt.count), (32...64).contains(hash.count)
            else { return nil }
            (self.cost, self.blockSize, self.parallelism) = (cost, blockSize, parallelism)
            (self.salt, self.hash) = (salt, hash)
        }
    }
}

/// Comparing secrets without saying where they differ.
package enum ConstantTime {
    /// The lengths are not secret.
    package static func equal(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        guard a.count == b.count else { return false }
        var difference: UInt8 = 0
        for i in a.indices { difference |= a[i] ^ b[i] }
        return difference == 0
    }
}
