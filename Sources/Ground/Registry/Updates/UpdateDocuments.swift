import Store
import TUF
import Trust
import Wire

/// Published update metadata: every version of every document, byte for byte as it was signed, and only ever added to.
package enum UpdateDocuments {
    /// One file below `/tuf/metadata/`: "4.root.json", "timestamp.json", "7.product~thermostat-2~os.json".
    package static func file(named name: String, in rows: any Rows) throws -> [UInt8]? {
        guard name.hasSuffix(".json"), name.utf8.count <= 256 else { return nil }
        if name == MetadataRequest.localName(of: TimestampRole.type) {
            return try newest(TimestampRole.type, in: rows)?.document
        }
        guard let dot = name.firstIndex(of: "."), name[dot...].count > ".json".count else { return nil }
        let digits = name[..<dot]
        let role = String(name[name.index(after: dot)...].dropLast(".json".count))
        // One spelling of each name, and never the timestamp's older versions.
        guard (1...15).contains(digits.utf8.count), let version = Int(digits), String(version) == digits,
            role != TimestampRole.type, role.utf8.allSatisfy({ (0x21..<0x7f).contains($0) })
        else { return nil }
        return try document(role, version, in: rows)
    }

    static func document(_ role: String, _ version: Int, in rows: any Rows) throws -> [UInt8]? {
        try rows.first(
            "SELECT document FROM tuf_document WHERE role = $1 AND version = $2", [.text(role), Value(version)])?
            .bytes("document")
    }

    /// The newest root, for a device of this product to begin with; nil as long as no document names who signs for the product.
    package static func anchor(for product: ProductID, in rows: any Rows) throws -> UpdateAnchor? {
        guard try newest(ReleaseLayout.role(of: product), in: rows) != nil,
            let root = try newest(RootRole.type, in: rows)
        else { return nil }
        return UpdateAnchor(version: root.version, sha256: LeafCertificate.sha256(root.document))
    }

    static func newest(_ role: String, in rows: any Rows) throws -> (version: Int, document: [UInt8])? {
        try rows.first(
            "SELECT version, document FROM tuf_document WHERE role = $1 ORDER BY version DESC LIMIT 1", [.text(role)]
        ).map { (try $0.int("version"), try $0.bytes("document")) }
    }

    /// The newest version of each role.
    static func versions(in rows: any Rows) throws -> [String: Int] {
        let found = try rows.query("SELECT role, MAX(version) AS version FROM tuf_document GROUP BY role").map {
            (try $0.text("role"), try $0.int("version"))
        }
        return Dictionary(uniqueKeysWithValues: found)
    }

    static func add(_ draft: MetadataDraft, at now: Timestamp, in rows: any Rows) throws {
        try rows.execute(
            "INSERT INTO tuf_document (role, version, document, content, at) VALUES ($1, $2, $3, $4, $5)",
            [
                .text(draft.role), Value(draft.version), .bytes(draft.document), Value(draft.contentDigest), Value(now),
            ])
    }
}

/// What is published at one moment: what the next edition is made from.
struct PublishedUpdates: Sendable {
    /// The newest version of each role; what the compare and set of a publication compares.
    let versions: [String: Int]
    /// The root's versions, the first at the front.
    let roots: [[UInt8]]
    /// The newest document of every other role.
    let newest: [String: [UInt8]]

    init(_ rows: any Rows) throws {
        versions = try UpdateDocuments.versions(in: rows)
        roots = try rows.query(
            "SELECT document FROM tuf_document WHERE role = $1 ORDER BY version", [.text(RootRole.type)]
        ).map { try $0.bytes("document") }
        var newest: [String: [UInt8]] = [:]
        for role in versions.keys where role != RootRole.type {
            newest[role] = try UpdateDocuments.newest(role, in: rows)?.document
        }
        self.newest = newest
        guard roots.count == versions[RootRole.type] ?? 0 else { throw Row.damaged("version") }
    }

    func version(of role: String) -> Int { versions[role] ?? 0 }

    /// The newest document of the role, as something that its content can be asked of; nil if there is none.
    func draft(_ role: String) throws(Refusal) -> MetadataDraft? {
        guard let bytes = role == RootRole.type ? roots.last : newest[role] else { return nil }
        return try MetadataRefusal.explained { () throws(MetadataRefusal) in
            try MetadataDraft(document: bytes, as: role)
        }
    }

    func root() throws(Refusal) -> RootRole? {
        guard let last = roots.last else { return nil }
        return try Self.root(last)
    }

    /// The present root alone, without all the rest.
    static func root(in rows: any Rows) throws -> RootRole? {
        try UpdateDocuments.newest(RootRole.type, in: rows).map { try root($0.document) }
    }

    private static func root(_ document: [UInt8]) throws(Refusal) -> RootRole {
        try MetadataRefusal.explained { () throws(MetadataRefusal) in
            try MetadataDraft(document: document, as: RootRole.type).root()
        }
    }

    static func targets(_ role: String, in rows: any Rows) throws -> TargetsRole? {
        try UpdateDocuments.newest(role, in: rows).map { newest in
            try MetadataRefusal.explained { () throws(MetadataRefusal) in
                try MetadataDraft(document: newest.document, as: role).targets()
            }
        }
    }

    func targets(_ role: String) throws(Refusal) -> TargetsRole? {
        guard let draft = try draft(role) else { return nil }
        return try MetadataRefusal.explained { () throws(MetadataRefusal) in try draft.targets() }
    }

    /// All files as a client sees them, with these in the place of their elders.
    func files(with next: [MetadataDraft]) -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for (index, root) in roots.enumerated() { files[Self.name(RootRole.type, index + 1)] = root }
        for (role, bytes) in newest { files[Self.name(role, version(of: role))] = bytes }
        for draft in next { files[Edition.fileName(draft)] = draft.document }
        return files
    }

    private static func name(_ role: String, _ version: Int) -> String {
        MetadataRequest(role: role, version: role == TimestampRole.type ? nil : version, limit: 0).remoteName
    }
}
