import Passport
import Store
import TUF
import Wire

/// The part of the audit that looks at update metadata: what people signed, byte for byte, and whose keys may sign. Snapshot and
/// timestamp are the house's own, and hold nothing that is not in these.
struct UpdateAudit {
    private struct DocumentName: Hashable {
        var role: String
        var version: Int
        var about: String { "update metadata \(role) \(version)" }
    }

    private struct SignerName: Hashable {
        var role: String
        var key: String
        var about: String { "update signer \(key) of \(role)" }
    }

    private struct Signer: Equatable {
        var person: String
        var isInToken: Bool
    }

    /// The ledger's word.
    private var documents: [DocumentName: Digest] = [:]
    private var signers: [SignerName: Signer] = [:]

    mutating func take(_ event: Event) {
        switch event {
        case .updateMetadataPublished(let role, let version, let content):
            documents[DocumentName(role: role, version: version)] = content
        case .updateSignerAdded(let role, let key, let person, let inToken):
            signers[SignerName(role: role, key: key.description)] = Signer(person: person.text, isInToken: inToken)
        case .updateSignerRemoved(let role, let key): signers[SignerName(role: role, key: key.description)] = nil
        default: break
        }
    }

    func compare(_ rows: any Rows, _ notes: Notes) throws {
        try compareDocuments(rows, notes)
        try compareSigners(rows, notes)
    }

    private func compareDocuments(_ rows: any Rows, _ notes: Notes) throws {
        var left = documents
        let names = try rows.query(
            "SELECT role, version FROM tuf_document WHERE role <> $1 AND role <> $2 ORDER BY role, version",
            [.text(SnapshotRole.type), .text(TimestampRole.type)]
        ).map { DocumentName(role: try $0.text("role"), version: try $0.int("version")) }
        for name in names {
            guard let content = left.removeValue(forKey: name) else {
                notes.find(name.about, "The ledger never heard of it.")
                continue
            }
            let row = try rows.first(
                "SELECT document FROM tuf_document WHERE role = $1 AND version = $2",
                [.text(name.role), Value(name.version)])
            let draft = (try? row?.bytes("document")).flatMap { try? MetadataDraft(document: $0, as: name.role) }
            if draft?.contentDigest != content { notes.find(name.about, "Its bytes are not what was approved.") }
        }
        for name in left.keys { notes.find(name.about, "Its row is gone from the registry.") }
    }

    private func compareSigners(_ rows: any Rows, _ notes: Notes) throws {
        var left = signers
        for row in try rows.query("SELECT role, keyid, person, in_token FROM tuf_signer WHERE removed_at IS NULL") {
            let name = SignerName(role: try row.text("role"), key: try row.text("keyid"))
            let found = Signer(person: try row.text("person"), isInToken: try row.int("in_token") != 0)
            if left.removeValue(forKey: name) != found { notes.find(name.about, "The ledger says otherwise.") }
        }
        for name in left.keys { notes.find(name.about, "Its row is gone from the registry.") }
    }
}
