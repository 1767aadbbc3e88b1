import Passport
import Store
import TUF
import Wire

/// The part of the audit that looks at update metadata: what people signed, byte for byte, whose keys may sign, that what devices
/// get now is signed as they will demand it, and the sequences that were ever published. Snapshot and timestamp are the house's
/// own, and hold nothing that is not in these.
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
        // What follows from a document that is not the approved one is not told again.
        let told = try compareDocuments(rows, notes)
        try compareSigners(rows, notes)
        try compareSequences(rows, told, notes)
        guard let published = try? PublishedUpdates(rows) else { return }
        checkRoots(published, told, notes)
        checkSignatures(published, told, notes)
    }

    /// - Returns: the roles that something was found about.
    private func compareDocuments(_ rows: any Rows, _ notes: Notes) throws -> Set<String> {
        var left = documents
        var told: Set<String> = []
        func find(_ name: DocumentName, _ finding: String) {
            notes.find(name.about, finding)
            told.insert(name.role)
        }
        let names = try rows.query(
            "SELECT role, version FROM tuf_document WHERE role <> $1 AND role <> $2 ORDER BY role, version",
            [.text(SnapshotRole.type), .text(TimestampRole.type)]
        ).map { DocumentName(role: try $0.text("role"), version: try $0.int("version")) }
        for name in names {
            guard let content = left.removeValue(forKey: name) else {
                find(name, "The ledger never heard of it.")
                continue
            }
            let document = try? UpdateDocuments.document(name.role, name.version, in: rows)
            let draft = document.flatMap { try? MetadataDraft(document: $0, as: name.role) }
            if draft?.contentDigest != content { find(name, "Its bytes are not what was approved.") }
        }
        for name in left.keys { find(name, "Its row is gone from the registry.") }
        return told
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

    /// Each root is taken by whoever trusts the one before (TUF 1.0.34 §5.3.4, §5.3.5).
    private func checkRoots(_ published: PublishedUpdates, _ told: Set<String>, _ notes: Notes) {
        guard !told.contains(RootRole.type) else { return }
        var before: [UInt8]?
        for (index, root) in published.roots.enumerated() {
            if (try? RootStep.demand(root, after: before)) == nil {
                notes.find(
                    DocumentName(role: RootRole.type, version: index + 1).about,
                    "Devices that trust the root before it do not take it.")
            }
            before = root
        }
    }

    /// The newest document of each role has the signatures that the newest one above it demands (§5.4.2, §5.5.3, §5.6.3): a
    /// publication is rehearsed for that before it is written.
    private func checkSignatures(_ published: PublishedUpdates, _ told: Set<String>, _ notes: Notes) {
        guard let root = try? published.root() else { return }
        let own = [
            TargetsRole.type: root.targets, SnapshotRole.type: root.snapshot, TimestampRole.type: root.timestamp,
        ]
        for role in published.newest.keys.sorted() {
            let name = DocumentName(role: role, version: published.version(of: role))
            let above = ReleaseLayout.delegator(of: role) ?? TargetsRole.type
            guard told.isDisjoint(with: [role, above, RootRole.type]) else { continue }
            let signers =
                own[role]
                ?? (try? published.targets(above))?.delegations?.roles.first { $0.name == role }?.signers
            guard let signers else {
                notes.find(name.about, "Nothing says who signs it.")
                continue
            }
            if (try? published.draft(role)?.missing(of: signers)) != 0 {
                notes.find(name.about, "It lacks signatures of those who may sign it.")
            }
        }
    }

    /// What every version of every layer lists, with the version that listed it first.
    private func compareSequences(_ rows: any Rows, _ told: Set<String>, _ notes: Notes) throws {
        struct Name: Hashable {
            var role: String
            var sequence: Int
        }
        var left: [Name: Int] = [:]
        for name in documents.keys.sorted(by: { ($0.role, $0.version) < ($1.role, $1.version) }) {
            guard ReleaseLayout.place(of: name.role)?.layer != nil else { continue }
            for sequence in try UpdateReleases.listed(in: name.role, version: name.version, rows) {
                let first = left[Name(role: name.role, sequence: sequence)]
                left[Name(role: name.role, sequence: sequence)] = first ?? name.version
            }
        }
        for row in try rows.query("SELECT role, sequence, version FROM tuf_release ORDER BY role, sequence") {
            let name = Name(role: try row.text("role"), sequence: try row.int("sequence"))
            let version = try row.int("version")
            if left.removeValue(forKey: name) != version, !told.contains(name.role) {
                notes.find(
                    "release \(name.sequence) of \(name.role)", "Version \(version) is not the first to list it.")
            }
        }
        for name in left.keys where !told.contains(name.role) {
            notes.find(
                "release \(name.sequence) of \(name.role)", "Its row is gone from the registry: it could come again.")
        }
    }
}
