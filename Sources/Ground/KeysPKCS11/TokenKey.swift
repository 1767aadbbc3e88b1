import CPKCS11
import Keys
import Trust
import Wire

/// One key pair whose private half never leaves its token.
final class TokenKey: SigningKey {
    let algorithm: KeyAlgorithm
    let publicKeyDER: [UInt8]
    private let label: String
    private let pool: TokenPool
    private let handle: Locked<(Session.Stamp, CK_OBJECT_HANDLE)?>

    init(_ found: FoundKey, label: String, pool: TokenPool) {
        algorithm = found.algorithm
        publicKeyDER = found.publicKeyDER
        self.label = label
        self.pool = pool
        handle = Locked((found.stamp, found.handle))
    }

    func signature(over message: [UInt8]) throws -> [UInt8] {
        let input = TokenAlgorithm.input(message, for: algorithm)
        let raw = try pool.run { [self] session in
            try session.sign(input, TokenAlgorithm.signing(with: algorithm), current(in: session))
        }
        return try TokenAlgorithm.signature(raw, by: algorithm)
    }

    /// Handles die with the sessions; after a loss the key is looked for again, and must be the same one.
    private func current(in session: Session) throws -> CK_OBJECT_HANDLE {
        if let known = handle.withLock({ $0 }), known.0 == session.stamp { return known.1 }
        guard let found = try FoundKey(label, in: session) else {
            throw Refusal(
                .unavailable, "The token \(pool.settings.token) holds no key \"\(label)\" any more.",
                hint: "Attach the token that holds it, or restore it.", rule: "PKCS#11", retryAfterSeconds: 5)
        }
        guard found.publicKeyDER == publicKeyDER else {
            throw Refusal(
                .conflict, "The key \"\(label)\" of the token \(pool.settings.token) is not the one that it was.",
                hint: "Attach the right token; start again if the key was changed on purpose.", rule: "PKCS#11")
        }
        handle.withLock { $0 = (found.stamp, found.handle) }
        return found.handle
    }
}

/// A private key in a token, with its public half read out.
struct FoundKey: Sendable {
    let stamp: Session.Stamp
    let handle: CK_OBJECT_HANDLE
    let algorithm: KeyAlgorithm
    let publicKeyDER: [UInt8]

    /// Nil if there is none under the label. Two are a refusal: nobody could say which of them signs.
    init?(_ label: String, in session: Session) throws {
        try session.demandLogin()
        let keys = try session.find(Attributes([CKA_CLASS: .number(CKO_PRIVATE_KEY), CKA_LABEL: .text(label)]))
        guard let key = keys.first else { return nil }
        guard keys.count == 1 else {
            throw Refusal(
                .conflict, "The token holds \(keys.count) private keys named \"\(label)\".",
                hint: "Remove or rename all but the right one with pkcs11-tool.", rule: "PKCS#11")
        }
        try self.init(key, label: label, in: session)
    }

    init(_ key: CK_OBJECT_HANDLE, label: String, in session: Session) throws {
        let identity = try session.bytes(CKA_ID, of: key) ?? []
        let name: Attributes =
            identity.isEmpty
            ? Attributes([CKA_CLASS: .number(CKO_PUBLIC_KEY), CKA_LABEL: .text(label)])
            : Attributes([CKA_CLASS: .number(CKO_PUBLIC_KEY), CKA_ID: .bytes(identity)])
        // Some tokens give the point on the private key too, and keep no public one.
        let publicHalf = try session.find(name, limit: 1).first ?? key
        guard let parameters = try session.bytes(CKA_EC_PARAMS, of: publicHalf),
            let algorithm = TokenAlgorithm.algorithm(parameters: parameters),
            let point = try session.bytes(CKA_EC_POINT, of: publicHalf)
        else {
            throw Refusal(
                .unsupported,
                "The key \"\(label)\" in the token is of a kind that is not used here, or has no public half.",
                hint: "Use P-256, P-384 or Ed25519, and keep the public key in the token.", rule: "PKCS#11 v2.40 §2.3.3"
            )
        }
        stamp = session.stamp
        handle = key
        self.algorithm = algorithm
        publicKeyDER = try TokenAlgorithm.publicKey(algorithm, point: point)
    }
}
