import Crypto
import CryptoExtras
import Foundation
import Wire

/// CMS EnvelopedData for one recipient (RFC 5652 §6): AES-256-CBC under a key that is agreed with an elliptic-curve key
/// (RFC 5753 §3.1.1: one-pass ECDH, X9.63 KDF, AES-256 key wrap) or transported to an RSA key (RFC 5652 §6.2.1 with
/// RSAES-OAEP, RFC 3560).
///
/// It hides and does not authenticate: what is put into it bears its own signature.
package enum EnvelopedData {
    /// Most bytes of content.
    package static let largestContent = 128 << 10
    package static let seedBytes = 32

    /// - Parameter seed: 32 secret bytes, of this content and this recipient alone. All that is chosen is derived from it,
    ///   so that each node of a service makes the same envelope and none has to be kept.
    /// - Parameter carried: for an RSA key, what `carried` gave for the same recipient and seed; without it each envelope is
    ///   another one.
    package static func encode(
        _ content: [UInt8], for recipient: EnvelopeRecipient, seed: [UInt8], carried: [UInt8]? = nil
    ) throws(Refusal) -> [UInt8] {
        guard content.count <= largestContent, seed.count == seedBytes else {
            throw Refusal(
                .tooLarge, "An envelope holds at most \(largestContent) bytes.",
                hint: "Put a key into it, not the data.",
                rule: "RFC 5652 §6")
        }
        return try explained {
            let choices = Choices(seed: seed)
            let contentKey = choices.contentKey
            let iv = choices.bytes("content IV", 16)
            let encrypted = try AES._CBC.encrypt(content, using: contentKey, iv: AES._CBC.IV(ivBytes: iv))
            let (version, entry) = try Self.entry(for: recipient, contentKey, choices, carried)
            let contentInfo = DERWriter.sequence(
                DERWriter.oid(.pkcs7Data),
                DERWriter.sequence(DERWriter.oid(.aes256CBC), DERWriter.octets(iv)),
                DERWriter.primitive(.context(0), encrypted))
            let enveloped = DERWriter.sequence(
                DERWriter.integer(UInt64(version)), DERWriter.set([entry]), contentInfo)
            return DERWriter.sequence(DERWriter.oid(.pkcs7EnvelopedData), DERWriter.context(0, enveloped))
        }
    }

    /// The content key as it is encrypted to an RSA key: its padding is random, so whoever wants the same envelope again has to
    /// bring it along. Nil for a key on a curve, for which all is made from the seed.
    package static func carried(for recipient: EnvelopeRecipient, seed: [UInt8]) throws(Refusal) -> [UInt8]? {
        guard case .rsa(let key) = recipient.key else { return nil }
        return try explained { try transported(Choices(seed: seed).contentKey, to: key) }
    }

    private static func explained<T>(_ body: () throws -> T) throws(Refusal) -> T {
        do {
            return try body()
        } catch let refusal as Refusal {
            throw refusal
        } catch {
            throw Refusal(
                .internal, "The envelope could not be made.", hint: "Report this with the server's log.",
                rule: "RFC 5652 §6")
        }
    }

    /// RecipientInfo, and the version that it asks of the whole.
    private static func entry(
        for recipient: EnvelopeRecipient, _ contentKey: SymmetricKey, _ choices: Choices, _ carried: [UInt8]?
    ) throws -> (version: Int, der: [UInt8]) {
        switch recipient.key {
        case .p256(let key):
            let ephemeral = try choices.scalar(32) { try P256.KeyAgreement.PrivateKey(rawRepresentation: $0) }
            let shared = try ephemeral.sharedSecretFromKeyAgreement(
                with: P256.KeyAgreement.PublicKey(x963Representation: key.x963Representation))
            let wrapping = shared.x963DerivedSymmetricKey(
                using: SHA256.self, sharedInfo: sharedInfo, outputByteCount: 32)
            return try agreement(
                .dhSHA256KDF, point: ephemeral.publicKey.x963Representation, wrapping, contentKey, recipient.name)
        case .p384(let key):
            let ephemeral = try choices.scalar(48) { try P384.KeyAgreement.PrivateKey(rawRepresentation: $0) }
            let shared = try ephemeral.sharedSecretFromKeyAgreement(
                with: P384.KeyAgreement.PublicKey(x963Representation: key.x963Representation))
            let wrapping = shared.x963DerivedSymmetricKey(
                using: SHA384.self, sharedInfo: sharedInfo, outputByteCount: 32)
            return try agreement(
                .dhSHA384KDF, point: ephemeral.publicKey.x963Representation, wrapping, contentKey, recipient.name)
        case .rsa(let key):
            let encrypted = try carried ?? transported(contentKey, to: key)
            guard encrypted.count == (key.keySizeInBits + 7) / 8 else {
                throw Refusal(
                    .malformed, "What was carried along is not encrypted to this key.",
                    hint: "Ask for the deployment again, and follow its link.", rule: "RFC 5652 §6.2.1")
            }
            return transport(encrypted, recipient.name)
        case .p521, .ed25519:
            throw Refusal(
                .unsupported, "Nothing can be encrypted to this kind of key.", hint: "Enrol with a key on P-256.",
                rule: "RFC 5753 §7")
        }
    }

    // MARK: - KeyAgreeRecipientInfo (RFC 5652 §6.2.2, RFC 5753 §3.1.1)

    private static let wrapAlgorithm = DERWriter.sequence(DERWriter.oid(.aes256Wrap))

    /// ECC-CMS-SharedInfo (RFC 5753 §7.2): the wrapping algorithm, and the length of its key in bits.
    private static let sharedInfo = DERWriter.sequence(
        wrapAlgorithm, DERWriter.context(2, DERWriter.octets([0, 0, 1, 0])))

    private static func agreement(
        _ scheme: OID, point: Data, _ wrapping: SymmetricKey, _ contentKey: SymmetricKey, _ name: EnvelopeRecipient.Name
    ) throws -> (version: Int, der: [UInt8]) {
        let wrapped = try AES.KeyWrap.wrap(contentKey, using: wrapping)
        let originator = DERWriter.context(
            1, DERWriter.sequence(DERWriter.oid(.ecPublicKey)), DERWriter.bits(Array(point)))
        let identifier =
            switch name {
            case .key(let identifier): DERWriter.context(0, DERWriter.octets(identifier))
            case .certificate(let issuerAndSerial): issuerAndSerial
            }
        let der = DERWriter.context(
            1, DERWriter.integer(3), DERWriter.context(0, originator),
            DERWriter.sequence(DERWriter.oid(scheme), wrapAlgorithm),
            DERWriter.sequence(DERWriter.sequence(identifier, DERWriter.octets(wrapped))))
        return (2, der)
    }

    // MARK: - KeyTransRecipientInfo (RFC 5652 §6.2.1)

    /// RSAES-OAEP-params (RFC 8017 §A.2.1): SHA-256, and MGF1 with SHA-256.
    private static let oaep = DERWriter.sequence(
        DERWriter.oid(.rsaOAEP),
        DERWriter.sequence(
            DERWriter.context(0, hash), DERWriter.context(1, DERWriter.sequence(DERWriter.oid(.mgf1), hash))))
    private static let hash = DERWriter.sequence(DERWriter.oid(.sha256), DERWriter.null)

    private static func transported(_ contentKey: SymmetricKey, to key: _RSA.Signing.PublicKey) throws -> [UInt8] {
        let encryption = try _RSA.Encryption.PublicKey(derRepresentation: key.derRepresentation)
        return Array(
            try encryption.encrypt(contentKey.withUnsafeBytes { Data($0) }, padding: .PKCS1_OAEP_SHA256))
    }

    private static func transport(_ encrypted: [UInt8], _ name: EnvelopeRecipient.Name) -> (version: Int, der: [UInt8])
    {
        let (version, identifier) =
            switch name {
            case .key(let identifier): (2, DERWriter.primitive(.context(0), identifier))
            case .certificate(let issuerAndSerial): (0, issuerAndSerial)
            }
        let der = DERWriter.sequence(
            DERWriter.integer(UInt64(version)), identifier, oaep, DERWriter.octets(encrypted))
        return (version, der)
    }

    /// What would otherwise be drawn at random, each from the seed under a name of its own (RFC 5869).
    private struct Choices {
        let seed: SymmetricKey

        init(seed: [UInt8]) { self.seed = SymmetricKey(data: seed) }

        var contentKey: SymmetricKey { key("content key") }

        func key(_ name: String, _ count: Int = 32) -> SymmetricKey {
            HKDF<SHA256>.deriveKey(
                inputKeyMaterial: seed, info: Array("lifelong envelope v1: \(name)".utf8), outputByteCount: count)
        }

        func bytes(_ name: String, _ count: Int) -> [UInt8] { key(name, count).withUnsafeBytes { Array($0) } }

        /// A private key; a value that is not below the curve's order is passed over (one in 2^32 at most).
        func scalar<Key>(_ count: Int, _ make: ([UInt8]) throws -> Key) throws -> Key {
            for attempt in 0..<8 {
                if let key = try? make(bytes("ephemeral key \(attempt)", count)) { return key }
            }
            return try make(bytes("ephemeral key", count))
        }
    }
}
