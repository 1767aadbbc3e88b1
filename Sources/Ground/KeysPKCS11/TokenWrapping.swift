import CPKCS11
import Crypto
import Glibc
import Keys
import Synchronization
import Trust
import Wire

/// Encrypts small secrets under AES-256 keys that stay in the token, authenticated there too.
///
/// The first byte of what comes out says by which construction it was made; the first that the token offers is used:
/// 1. AES-GCM (SP 800-38D): 1 ‖ nonce (12) ‖ ciphertext ‖ tag (16); the context is authenticated data.
/// 2. AES-CBC with padding, then HMAC-SHA256 under a second key (encrypt-then-MAC), for tokens without GCM such as a TPM:
///    2 ‖ IV (16) ‖ ciphertext ‖ HMAC(2 ‖ length of context (8) ‖ context ‖ IV ‖ ciphertext).
struct TokenWrapping: Sendable {
    private enum Construction {
        static let gcm: UInt8 = 1
        static let cbcThenHMAC: UInt8 = 2
    }
    private static let nonceBytes = 12
    private static let blockBytes = 16
    private static let macBytes = 32
    /// Bound of a secret, and about that of what it becomes.
    private static let longest = 4096

    private let pool: TokenPool

    init(_ pool: TokenPool) { self.pool = pool }

    func wrap(_ secret: [UInt8], under label: String, context: [UInt8]) throws -> [UInt8] {
        guard secret.count <= Self.longest else { throw Self.notOurs(label) }
        return try pool.run { session in
            guard let key = try Self.key(label, in: session) else { throw Refusal.missingKey(label) }
            if try Self.hasGCM(session) {
                let nonce = Self.random(Self.nonceBytes)
                let sealed = try Self.withGCM(nonce, context) { try session.encrypt(secret, CKM_AES_GCM, $0, key) }
                return [Construction.gcm] + nonce + sealed
            }
            guard let mac = try Self.key(Self.macLabel(label), in: session) else { throw Refusal.missingKey(label) }
            var iv = Self.random(Self.blockBytes)
            let sealed = try iv.withUnsafeMutableBytes { try session.encrypt(secret, CKM_AES_CBC_PAD, $0, key) }
            let tag = try session.sign(Self.macInput(context, iv, sealed), CKM_SHA256_HMAC, mac)
            return [Construction.cbcThenHMAC] + iv + sealed + tag
        }
    }

    func unwrap(_ wrapped: [UInt8], under label: String, context: [UInt8]) throws -> [UInt8] {
        guard wrapped.count <= Self.longest + 128 else { throw Self.notOurs(label) }
        return try pool.run { session in
            guard let key = try Self.key(label, in: session) else { throw Refusal.missingKey(label) }
            let body = Array(wrapped.dropFirst())
            do {
                switch wrapped.first {
                case Construction.gcm where body.count >= Self.nonceBytes + 16:
                    return try Self.withGCM(Array(body.prefix(Self.nonceBytes)), context) {
                        try session.decrypt(Array(body.dropFirst(Self.nonceBytes)), CKM_AES_GCM, $0, key)
                    }
                case Construction.cbcThenHMAC where body.count >= Self.blockBytes + Self.macBytes:
                    return try Self.openCBC(body, label, key, context, in: session)
                default: throw Self.notOurs(label)
                }
            } catch let fault as TokenFault where fault.call == "C_Decrypt" && fault.kind != .unsupported {
                // SoftHSM says CKR_GENERAL_ERROR for a tag that is wrong, as for a token that is gone.
                try session.demandLogin()
                throw Self.notOurs(label)
            }
        }
    }

    private static func openCBC(
        _ body: [UInt8], _ label: String, _ key: CK_OBJECT_HANDLE, _ context: [UInt8], in session: Session
    ) throws -> [UInt8] {
        guard let mac = try self.key(macLabel(label), in: session) else { throw notOurs(label) }
        var iv = Array(body.prefix(blockBytes))
        let sealed = Array(body.dropFirst(blockBytes).dropLast(macBytes))
        let expected = try session.sign(macInput(context, iv, sealed), CKM_SHA256_HMAC, mac)
        // Whoever can ask must not find a tag byte by byte.
        guard expected.count == macBytes, ConstantTime.equal(expected, Array(body.suffix(macBytes))) else {
            throw notOurs(label)
        }
        return try iv.withUnsafeMutableBytes { try session.decrypt(sealed, CKM_AES_CBC_PAD, $0, key) }
    }

    private static func macInput(_ context: [UInt8], _ iv: [UInt8], _ sealed: [UInt8]) -> [UInt8] {
        [Construction.cbcThenHMAC] + withUnsafeBytes(of: UInt64(context.count).bigEndian) { Array($0) } + context + iv
            + sealed
    }

    /// CK_GCM_PARAMS lives only as long as `body` runs, and what it points to as well.
    private static func withGCM<T>(
        _ nonce: [UInt8], _ context: [UInt8], _ body: (UnsafeMutableRawBufferPointer) throws -> T
    ) throws -> T {
        var nonce = nonce
        var context = context
        return try nonce.withUnsafeMutableBufferPointer { nonce in
            try context.withUnsafeMutableBufferPointer { context in
                var parameters = CK_GCM_PARAMS()
                parameters.pIv = nonce.baseAddress
                parameters.ulIvLen = UInt(nonce.count)
                parameters.ulIvBits = UInt(nonce.count * 8)
                parameters.pAAD = context.count > 0 ? context.baseAddress : nil
                parameters.ulAADLen = UInt(context.count)
                parameters.ulTagBits = 128
                return try withUnsafeMutableBytes(of: &parameters) { try body($0) }
            }
        }
    }

    // Keys.

    func holds(_ label: String) throws -> Bool { try pool.run { try Self.key(label, in: $0) != nil } }

    static func macLabel(_ label: String) -> String { label + ".mac" }

    private static func key(_ label: String, in session: Session) throws -> CK_OBJECT_HANDLE? {
        try session.demandLogin()
        let found = try session.find(Attributes([CKA_CLASS: .number(CKO_SECRET_KEY), CKA_LABEL: .text(label)]))
        guard found.count <= 1 else {
            throw Refusal(
                .conflict, "The token holds \(found.count) secret keys named \"\(label)\".",
                hint: "Remove or rename all but the right one with pkcs11-tool.", rule: "PKCS#11")
        }
        return found.first
    }

    private static func hasGCM(_ session: Session) throws -> Bool {
        try TokenSearch(list: session.list).mechanisms(session.slot).contains(CKM_AES_GCM)
    }

    /// Unless they are there. Two processes that come together agree on one key: the slower finds the faster one's.
    func make(_ label: String) throws {
        let hasGCM = try pool.run { try Self.hasGCM($0) }
        let wanted: [(label: String, mechanism: CK_MECHANISM_TYPE, uses: [CK_ATTRIBUTE_TYPE], use: CK_MECHANISM_TYPE)] =
            [(label, CKM_AES_KEY_GEN, [CKA_ENCRYPT, CKA_DECRYPT], hasGCM ? CKM_AES_GCM : CKM_AES_CBC_PAD)]
            + (hasGCM
                ? [] : [(Self.macLabel(label), CKM_GENERIC_SECRET_KEY_GEN, [CKA_SIGN, CKA_VERIFY], CKM_SHA256_HMAC)])
        for (label, mechanism, uses, use) in wanted where try !pool.run({ try Self.key(label, in: $0) != nil }) {
            do {
                _ = try pool.claim(CKO_SECRET_KEY, label) { session, identity, label in
                    try Self.generate(mechanism, uses, use, label, identity, in: session)
                }
            } catch let refusal as Refusal where refusal.code == .conflict {
                guard try pool.run({ try Self.key(label, in: $0) != nil }) else { throw refusal }
            }
        }
    }

    private static func generate(
        _ mechanism: CK_MECHANISM_TYPE, _ uses: [CK_ATTRIBUTE_TYPE], _ use: CK_MECHANISM_TYPE, _ label: String,
        _ identity: [UInt8], in session: Session
    ) throws -> CK_OBJECT_HANDLE {
        let offered = try TokenSearch(list: session.list).mechanisms(session.slot)
        let name = String(label.prefix { $0 != "?" })
        guard offered.contains(use) else { throw cannot(name) }
        do {
            guard offered.contains(mechanism) else {
                throw TokenFault(code: CKR_MECHANISM_INVALID, call: "C_GenerateKey")
            }
            return try session.generateKey(
                mechanism,
                Attributes([
                    CKA_TOKEN: .yes, CKA_PRIVATE: .yes, CKA_SENSITIVE: .yes, CKA_EXTRACTABLE: .no,
                    CKA_VALUE_LEN: .number(32), uses[0]: .yes, uses[1]: .yes, CKA_LABEL: .text(label),
                    CKA_ID: .bytes(identity),
                ]))
        } catch let fault as TokenFault where fault.kind == .unsupported {
            throw Refusal(
                .unsupported, "The token cannot make the secret key \"\(name)\" by itself (\(fault.sentence)).",
                hint: "Make it with the token's own tools: AES-256 as \"\(name)\", HMAC-SHA256 as \"\(name).mac\".",
                rule: "PKCS#11")
        }
    }

    private static func cannot(_ label: String) -> Refusal {
        Refusal(
            .unsupported, "The token offers no authenticated encryption: neither AES-GCM, nor AES-CBC and HMAC-SHA256.",
            hint: "Use a token that has one of them for \"\(label)\".", rule: "PKCS#11")
    }

    private static func notOurs(_ label: String) -> Refusal {
        Refusal(
            .internal, "A wrapped secret does not open under \"\(label)\".",
            hint: "Restore keys and database from the same backup.")
    }

    private static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
}
