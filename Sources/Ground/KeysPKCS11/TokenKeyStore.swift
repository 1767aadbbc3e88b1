import CPKCS11
import Glibc
import Keys
import Trust
import Wire

/// Keys in a PKCS#11 token: made there, used there, never read out (sensitive, not extractable).
///
/// Any number of processes may use one token at once. A token that goes away is used again when it is back, without a
/// restart; what was asked meanwhile was refused.
package final class TokenKeyStore: KeyStore {
    package var kind: String { "PKCS#11 token \(settings.token), \(settings.module)" }
    package var mayBlock: Bool { true }
    private let settings: TokenSettings
    private let pool: TokenPool
    private let wrapping: TokenWrapping
    /// One `make` at a time in this process; between processes `LabelClaim` decides.
    private let exclusive = Locked(())

    /// Opens the token and logs in, so that a wrong module, token or PIN is told now and not at the first signature.
    package init(_ settings: TokenSettings) throws {
        self.settings = settings
        pool = try TokenPool(settings)
        wrapping = TokenWrapping(pool)
        try pool.run { try $0.demandLogin() }
    }

    package func make(_ label: KeyLabel, algorithm: KeyAlgorithm) throws -> any SigningKey {
        let name = settings.prefix + label.text
        let key = try exclusive.withLock { _ in
            try pool.claim(CKO_PRIVATE_KEY, name) { session, identity, label in
                try Self.generate(algorithm, label, identity, in: session)
            }
        }
        let found = try pool.run { try FoundKey(key, label: name, in: $0) }
        let made = TokenKey(found, label: name, pool: pool)
        // A key that cannot sign is noticed here, and not when its first certificate is in the field.
        let probe = Array("lifelong: a new key's first signature".utf8)
        guard PublicKeys.verify(signature: try made.signature(over: probe), over: probe, spki: made.publicKeyDER) else {
            try? destroy(label)
            throw Refusal(
                .internal, "The token \(settings.token) made a key whose signatures do not verify.",
                hint: "Do not use this token; look at its log.", rule: "PKCS#11 v2.40 §2.3")
        }
        return made
    }

    private static func generate(
        _ algorithm: KeyAlgorithm, _ label: String, _ identity: [UInt8], in session: Session
    ) throws -> CK_OBJECT_HANDLE {
        let mechanism = TokenAlgorithm.generation(of: algorithm)
        guard try TokenSearch(list: session.list).mechanisms(session.slot).contains(mechanism) else {
            throw Refusal(
                .unsupported, "The token makes no \(algorithm.rawValue) keys.",
                hint: "Use a token that offers them; the ledger needs Ed25519, all else P-256.", rule: "PKCS#11")
        }
        return try session.generatePair(
            mechanism,
            public: Attributes([
                CKA_TOKEN: .yes, CKA_VERIFY: .yes, CKA_EC_PARAMS: .bytes(TokenAlgorithm.parameters(of: algorithm)),
                CKA_LABEL: .text(label), CKA_ID: .bytes(identity),
            ]),
            private: Attributes([
                CKA_TOKEN: .yes, CKA_PRIVATE: .yes, CKA_SENSITIVE: .yes, CKA_EXTRACTABLE: .no, CKA_SIGN: .yes,
                CKA_LABEL: .text(label), CKA_ID: .bytes(identity),
            ])
        ).private
    }

    package func find(_ label: KeyLabel) throws -> (any SigningKey)? {
        let name = settings.prefix + label.text
        return try pool.run { try FoundKey(name, in: $0) }.map { TokenKey($0, label: name, pool: pool) }
    }

    /// Of what stands in the token under the house's prefix and can be a label.
    package func labels() throws -> [KeyLabel] {
        let prefix = settings.prefix
        let names = try pool.run { session in
            try session.demandLogin()
            return try session.find(Attributes([CKA_CLASS: .number(CKO_PRIVATE_KEY)])).map { try session.label(of: $0) }
        }
        return names.filter { $0.hasPrefix(prefix) }.compactMap { try? KeyLabel(String($0.dropFirst(prefix.count))) }
            .sorted()
    }

    package func holdsWrapping(_ label: KeyLabel) throws -> Bool {
        try wrapping.holds(settings.prefix + label.text)
    }

    package func makeWrapping(_ label: KeyLabel) throws { try wrapping.make(settings.prefix + label.text) }

    package func destroy(_ label: KeyLabel) throws {
        let name = settings.prefix + label.text
        try exclusive.withLock { _ in
            try pool.run { session in
                try session.demandLogin()
                // The private half first: what is cut off here leaves a public key, which harms nobody.
                for kind in [CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_SECRET_KEY] {
                    for label in [name, TokenWrapping.macLabel(name)] {
                        let doomed = try session.find(Attributes([CKA_CLASS: .number(kind), CKA_LABEL: .text(label)]))
                        for object in doomed { try session.destroy(object) }
                    }
                }
            }
        }
    }

    package func wrap(_ secret: [UInt8], under label: KeyLabel, context: [UInt8]) throws -> [UInt8] {
        try wrapping.wrap(secret, under: settings.prefix + label.text, context: context)
    }

    package func unwrap(_ wrapped: [UInt8], under label: KeyLabel, context: [UInt8]) throws -> [UInt8] {
        try wrapping.unwrap(wrapped, under: settings.prefix + label.text, context: context)
    }
}

extension TokenPool {
    /// A new object under a label of its own, or a refusal that it is taken.
    /// - Parameter generate: makes it, with the identity and under the label that it is given.
    func claim(
        _ objectClass: CK_OBJECT_CLASS, _ label: String,
        generate: @escaping @Sendable (Session, _ identity: [UInt8], _ label: String) throws -> CK_OBJECT_HANDLE
    ) throws -> CK_OBJECT_HANDLE {
        var generator = SystemRandomNumberGenerator()
        let identity = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
        for _ in 0..<8 {
            let outcome = try run { session in
                try LabelClaim(objectClass: objectClass, label: label, identity: identity) {
                    try generate($0, identity, $1)
                }.perform(in: session)
            }
            switch outcome {
            case .made(let object): return object
            case .taken:
                throw Refusal(.conflict, "The key \"\(label)\" exists.", hint: "Choose another label.")
            case .contested: usleep(.random(in: 5_000...100_000, using: &generator))
            }
        }
        throw Refusal(
            .conflict, "Others make the key \"\(label)\" at the same moment.", hint: "Try again.", retryAfterSeconds: 1)
    }
}
