import CPKCS11
import Crypto
import Trust
import Wire

/// The kinds of key as PKCS#11 says them: v2.40 §2.3, and v3.0 §2.3.10 for Edwards curves.
enum TokenAlgorithm {
    private static let p256: [UInt8] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]
    private static let p384: [UInt8] = [0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22]
    private static let ed25519: [UInt8] = [0x06, 0x03, 0x2B, 0x65, 0x70]
    /// The other way to say it: PrintableString "edwards25519".
    private static let ed25519Name: [UInt8] = [0x13, 0x0C] + Array("edwards25519".utf8)

    /// CKA_EC_PARAMS.
    static func parameters(of algorithm: KeyAlgorithm) -> [UInt8] {
        switch algorithm {
        case .p256: p256
        case .p384: p384
        case .ed25519: ed25519
        }
    }

    static func algorithm(parameters: [UInt8]) -> KeyAlgorithm? {
        switch parameters {
        case p256: .p256
        case p384: .p384
        case ed25519, ed25519Name: .ed25519
        default: nil
        }
    }

    static func generation(of algorithm: KeyAlgorithm) -> CK_MECHANISM_TYPE {
        algorithm == .ed25519 ? CKM_EC_EDWARDS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN
    }

    static func signing(with algorithm: KeyAlgorithm) -> CK_MECHANISM_TYPE {
        algorithm == .ed25519 ? CKM_EDDSA : CKM_ECDSA
    }

    /// SubjectPublicKeyInfo of the point in CKA_EC_POINT: a DER OCTET STRING, or the bare point as some tokens give it.
    static func publicKey(_ algorithm: KeyAlgorithm, point attribute: [UInt8]) throws(Refusal) -> [UInt8] {
        let length =
            switch algorithm {
            case .p256: 65
            case .p384: 97
            case .ed25519: 32
            }
        let isWrapped = attribute.count == length + 2 && attribute[0] == 0x04 && attribute[1] == UInt8(length)
        let point = isWrapped ? Array(attribute.dropFirst(2)) : attribute
        do {
            guard point.count == length else { throw CryptoKitError.incorrectParameterSize }
            switch algorithm {
            case .p256: return Array(try P256.Signing.PublicKey(x963Representation: point).derRepresentation)
            case .p384: return Array(try P384.Signing.PublicKey(x963Representation: point).derRepresentation)
            case .ed25519: return PublicKeys.ed25519Prefix + point
            }
        } catch {
            throw Refusal(
                .unavailable, "The token's CKA_EC_POINT is no \(algorithm.rawValue) key (\(attribute.count) bytes).",
                hint: "Look at the key with pkcs11-tool; it may have been imported broken.",
                rule: "PKCS#11 v2.40 §2.3.3")
        }
    }

    /// What is handed to C_Sign: the digest for ECDSA (FIPS 186-5 §6.4), the message for EdDSA (RFC 8032 §5.1.6).
    static func input(_ message: [UInt8], for algorithm: KeyAlgorithm) -> [UInt8] {
        switch algorithm {
        case .p256: Array(SHA256.hash(data: message))
        case .p384: Array(SHA384.hash(data: message))
        case .ed25519: message
        }
    }

    /// r ‖ s as the token gives it (PKCS#11 v2.40 §2.3.1), as the DER that certificates carry.
    static func signature(_ raw: [UInt8], by algorithm: KeyAlgorithm) throws(Refusal) -> [UInt8] {
        do {
            switch algorithm {
            case .p256: return Array(try P256.Signing.ECDSASignature(rawRepresentation: raw).derRepresentation)
            case .p384: return Array(try P384.Signing.ECDSASignature(rawRepresentation: raw).derRepresentation)
            case .ed25519:
                guard raw.count == 64 else { throw CryptoKitError.incorrectParameterSize }
                return raw
            }
        } catch {
            throw Refusal(
                .internal, "The token gave \(raw.count) bytes that are no \(algorithm.rawValue) signature.",
                hint: "Stop issuing and examine the token.", rule: "PKCS#11 v2.40 §2.3.1")
        }
    }
}
