import Crypto
import Keys
import Store
import Wire

/// What opens an encrypted release: the payload key, or the message that it stands in. At rest it is encrypted under a data key of
/// its own, which a key of the store wraps; it is opened for the moment in which an envelope is made.
package enum PayloadKeys {
    /// Whose key it is.
    package enum Owner: Sendable, CustomStringConvertible {
        /// By the SHA-256 of its manifest.
        case release(Wire.Digest)
        /// Of stored bytes that are proposed in update metadata: what they are part of has no manifest before it is published, and
        /// then keeps the key under this name.
        case artifact(Wire.Digest)

        static let artifactPrefix = "artifact:"

        package var description: String {
            switch self {
            case .release(let digest): digest.description
            case .artifact(let digest): Self.artifactPrefix + digest.description
            }
        }
    }

    /// What a release needs before it can be published: made outside of the change, because the key store may be a token.
    package struct Prepared: Sendable {
        fileprivate let owner: Owner
        fileprivate let wrapped: [UInt8]
        fileprivate let wrapping: KeyLabel
        fileprivate let sealed: [UInt8]
    }

    /// As the store holds it: read in a transaction, and opened outside of it.
    package struct Stored: Sendable {
        fileprivate let owner: String
        fileprivate let wrapped: [UInt8]
        fileprivate let wrapping: KeyLabel
        fileprivate let sealed: [UInt8]
    }

    /// Never in a log, an error or an answer.
    package struct Opened: Sendable {
        package let secret: [UInt8]
        private let dataKey: SymmetricKey

        fileprivate init(secret: [UInt8], dataKey: SymmetricKey) {
            self.secret = secret
            self.dataKey = dataKey
        }

        /// 32 bytes of this release and this certificate alone, the same on every node and at every time: what an envelope is
        /// made from, so that none has to be kept.
        package func seed(for certificate: Wire.Digest) -> [UInt8] {
            HKDF<SHA256>.deriveKey(
                inputKeyMaterial: dataKey, info: Array("lifelong envelope seed v1".utf8) + certificate.bytes,
                outputByteCount: 32
            ).withUnsafeBytes { Array($0) }
        }
    }

    package static func prepare(
        _ secret: [UInt8], for owner: Owner, in house: House
    ) async throws -> Prepared {
        let dataKey = house.random(32)
        let (keys, wrapping) = (house.keys, try house.authorities.label(of: .wrapping))
        let context = context(of: owner)
        let wrapped = try await keys.apart { try keys.wrap(dataKey, under: wrapping, context: context) }
        let box = try AES.GCM.seal(secret, using: SymmetricKey(data: dataKey), authenticating: context)
        guard let sealed = box.combined else {
            throw Refusal(.internal, "Sealing gave no bytes.", hint: "Report this with the server's log.")
        }
        return Prepared(owner: owner, wrapped: wrapped, wrapping: wrapping, sealed: Array(sealed))
    }

    package static func keep(_ prepared: Prepared, in change: Change) throws {
        try change.rows.execute(
            "INSERT INTO payload_key (release, data_key, wrapped_under, secret, at) VALUES ($1, $2, $3, $4, $5)",
            [
                .text(prepared.owner.description), .bytes(prepared.wrapped), Value(prepared.wrapping),
                .bytes(prepared.sealed),
                Value(change.now),
            ])
    }

    /// Nil if the release is not encrypted.
    package static func find(_ release: Wire.Digest, in rows: any Rows) throws -> Stored? {
        if let stored = try find(.release(release), in: rows) { return stored }
        let row = try rows.first(
            "SELECT sha256 FROM release WHERE digest = $1 AND encryption IS NOT NULL", [Value(release)])
        guard let artifact = try row.flatMap({ Wire.Digest(hex: try $0.text("sha256")) }) else { return nil }
        return try find(.artifact(artifact), in: rows)
    }

    static func find(_ owner: Owner, in rows: any Rows) throws -> Stored? {
        let row = try rows.first(
            "SELECT data_key, wrapped_under, secret FROM payload_key WHERE release = $1", [.text(owner.description)])
        return try row.map {
            Stored(
                owner: owner.description, wrapped: try $0.bytes("data_key"),
                wrapping: try KeyLabel($0.text("wrapped_under")), sealed: try $0.bytes("secret"))
        }
    }

    package static func open(_ stored: Stored, in house: House) async throws -> Opened {
        let keys = house.keys
        let context = context(of: stored.owner)
        let dataKey = SymmetricKey(
            data: try await keys.apart {
                try keys.unwrap(stored.wrapped, under: stored.wrapping, context: context)
            })
        do {
            let box = try AES.GCM.SealedBox(combined: stored.sealed)
            return Opened(
                secret: Array(try AES.GCM.open(box, using: dataKey, authenticating: context)), dataKey: dataKey)
        } catch {
            throw Refusal(
                .internal, "The key of an encrypted release does not open.",
                hint: "Restore keys and database from the same backup.")
        }
    }

    /// What is authenticated with both: a key that was moved to another owner does not open.
    static func context(of owner: some CustomStringConvertible) -> [UInt8] { Array("payload \(owner)".utf8) }
}
