import Crypto
import Trust
import Wire

/// A document on its way to its signatures: made where the content is known, carried to whoever holds a key, assembled from what
/// comes back. Pure: keys sign elsewhere, `bytesToSign` is all they need.
package struct MetadataDraft: Sendable, Equatable {
    /// "root", "timestamp", "snapshot", "targets", or a delegated role's name.
    package let role: String
    package let version: Int
    /// End of the content, in whole seconds.
    package let expires: Timestamp
    /// Exactly what is signed: the canonical form of the content.
    package let bytesToSign: [UInt8]
    private let signed: JSONValue
    /// By the name of the key.
    private var signatures: [String: [UInt8]] = [:]

    /// - Parameter role: of a delegated role; otherwise the content's type says it.
    package init(_ content: some MetadataRole, as role: String? = nil) {
        self.role = role ?? type(of: content).type
        version = content.version
        expires = Timestamp(seconds: content.expires.seconds)
        signed = content.signed
        bytesToSign = signed.canonical
    }

    /// A draft that was carried as its document, with the signatures that it has already. Nothing of it is believed: whoever signs
    /// reads the content first (`root`, `targets`).
    package init(document: [UInt8], as role: String, limits: UpdateLimits = UpdateLimits()) throws(MetadataRefusal) {
        let envelope = try Envelope(document, of: role, limit: max(limits.targetsBytes, limits.rootBytes))
        let fields = try Fields(envelope.signed, as: "signed", of: role)
        self.role = role
        version = try fields.integer("version", UpdateLimits.version)
        expires = try fields.instant("expires")
        signed = envelope.signed
        bytesToSign = envelope.signedBytes
        for signature in envelope.signatures { signatures[signature.keyid] = Hex.decode(signature.value) }
    }

    /// SHA-256 of exactly what is signed: the name of what somebody approves.
    package var contentDigest: Wire.Digest { Wire.Digest(SHA256.hash(data: bytesToSign)) }

    /// The names of the keys whose signatures it has.
    package var signedBy: [String] { signatures.keys.sorted() }

    package func signature(by keyid: String) -> [UInt8]? { signatures[keyid] }

    /// The same content with the signatures of `other`, too; nil if that is of other content. They are not looked at.
    package func joined(with other: MetadataDraft) -> MetadataDraft? {
        guard other.role == role, other.bytesToSign == bytesToSign else { return nil }
        var joined = self
        joined.signatures.merge(other.signatures) { own, _ in own }
        return joined
    }

    /// Takes a signature only if it is one: a document never leaves here with what nobody can check.
    package mutating func add(_ signature: [UInt8], by key: MetadataKey) throws(MetadataRefusal) {
        guard let opened = key.opened(), opened.key.verifies(signature, over: bytesToSign) else {
            throw MetadataRefusal(role, "4.2.1", .tooFewSignatures(valid: 0, threshold: 1, by: "key " + key.keyid))
        }
        signatures[key.keyid] = signature
    }

    /// Signs with a key at hand.
    package mutating func sign(with key: any SigningKey) throws {
        let signature = try key.signature(over: bytesToSign)
        try add(signature, by: try MetadataKey(spki: key.publicKeyDER))
    }

    /// How many signatures are wanting until these signers are content.
    package func missing(of signers: Signers) -> Int {
        guard let envelope = try? Envelope(document, of: role, limit: .max) else { return signers.threshold }
        return max(0, signers.threshold - signers.count(envelope))
    }

    /// The file as it is published, whether it has all its signatures or not; always the same bytes for the same content.
    package var document: [UInt8] {
        let list = signatures.sorted { $0.key < $1.key }.map {
            JSONValue.object(["keyid": .text($0.key), "sig": .text(Hex.encode($0.value))])
        }
        return JSONValue.object(["signatures": .list(list), "signed": signed]).document + [10]
    }

    // The content, for a person who is asked to sign and for whoever makes the next one: of the type that it says, and no other.
    package func root() throws(MetadataRefusal) -> RootRole { try content() }
    package func targets() throws(MetadataRefusal) -> TargetsRole { try content() }
    package func snapshot() throws(MetadataRefusal) -> SnapshotRole { try content() }
    package func timestamp() throws(MetadataRefusal) -> TimestampRole { try content() }

    private func content<Role: ReadableRole>() throws(MetadataRefusal) -> Role {
        let fields = try Fields(signed, as: "signed", of: role)
        let found = try fields.text("_type")
        guard found == Role.type else { throw MetadataRefusal(role, "4.2.1", .otherType(found)) }
        return try Role(fields)
    }
}
