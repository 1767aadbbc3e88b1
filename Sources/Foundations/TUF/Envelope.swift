import Wire

/// A document with its signatures, of which nothing is believed yet (§4.2.1).
struct Envelope: Sendable {
    let role: String
    let signed: JSONValue
    let signatures: [(keyid: String, value: String)]
    /// What was signed: the canonical form of exactly the object that came.
    let signedBytes: [UInt8]

    init(_ bytes: [UInt8], of role: String, limit: Int) throws(MetadataRefusal) {
        guard bytes.count <= limit else {
            throw MetadataRefusal(role, "5.3.3", .tooLarge(bytes: bytes.count, limit: limit))
        }
        let document: JSONValue
        do { document = try JSONValue(bytes) } catch {
            throw MetadataRefusal(role, "4.1", .malformed(error.sentence))
        }
        let fields = try Fields(document, as: "document", of: role)
        guard let signed = fields.values["signed"] else { throw fields.fault("signed", "is missing") }
        self.role = role
        self.signed = signed
        signatures = try Self.signatures(fields)
        signedBytes = signed.canonical
    }

    private static func signatures(_ fields: Fields) throws(MetadataRefusal) -> [(keyid: String, value: String)] {
        var signatures: [(keyid: String, value: String)] = []
        for entry in try fields.list("signatures", limit: UpdateLimits.signatures) {
            let entry = try Fields(entry, as: "signatures", of: fields.role)
            let keyid = try entry.text("keyid")
            guard !signatures.contains(where: { $0.keyid == keyid }) else {
                throw entry.fault("keyid", "occurs twice")
            }
            signatures.append((keyid, try entry.text("sig", limit: UpdateLimits.publicKeyBytes)))
        }
        return signatures
    }

    /// The content, if it is of this type. Who signed it is another question.
    func content<Role: ReadableRole>(_ type: Role.Type) throws(MetadataRefusal) -> Role {
        let fields = try Fields(signed, as: "signed", of: role)
        let found = try fields.text("_type")
        guard found == Role.type else { throw MetadataRefusal(role, "4.2.1", .otherType(found)) }
        return try Role(fields)
    }
}

/// What all roles have in common (§4.3).
package protocol MetadataRole: Sendable, Equatable {
    /// The field `_type`.
    static var type: String { get }
    var version: Int { get }
    var expires: Timestamp { get }
    /// The object that is signed.
    var signed: JSONValue { get }
}

/// Reading is for the steps alone: content without proof is worth nothing.
protocol ReadableRole: MetadataRole {
    init(_ fields: Fields) throws(MetadataRefusal)
}

extension MetadataRole {
    /// "The expiration timestamp MUST be higher than the fixed update start time."
    func demandValid(at now: Timestamp, as role: String, _ rule: String) throws(MetadataRefusal) {
        guard expires > now else { throw MetadataRefusal(role, rule, .expired(expires, now: now)) }
    }

    func object(_ own: [String: JSONValue]) -> JSONValue {
        .object(
            own.merging([
                "_type": .text(Self.type), "spec_version": .text(Specification.version),
                "version": .integer(Int64(version)), "expires": expires.inMetadata,
            ]) { _, common in common })
    }
}

package enum Specification {
    /// That this follows and writes.
    package static let version = "1.0.34"

    /// Any 1.x: within a major version documents stay readable (§4.3, semantic versioning).
    static func demand(_ fields: Fields) throws(MetadataRefusal) {
        let text = try fields.text("spec_version", limit: 32)
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), parts[0] == "1", parts.allSatisfy({ Int($0).map { $0 >= 0 } ?? false })
        else {
            throw fields.fault("spec_version", "is not 1.x")
        }
    }
}
