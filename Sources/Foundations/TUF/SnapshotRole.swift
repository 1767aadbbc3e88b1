import Wire

/// Which versions belong together: all targets documents of one moment (§4.4).
package struct SnapshotRole: ReadableRole {
    package static let type = "snapshot"

    package let version: Int
    package let expires: Timestamp
    /// By file name: "targets.json", "product~thermostat-2.json".
    package let files: [String: ListedFile]

    package init(version: Int, expires: Timestamp, files: [String: ListedFile]) {
        self.version = version
        self.expires = expires
        self.files = files
    }

    init(_ fields: Fields) throws(MetadataRefusal) {
        try Specification.demand(fields)
        version = try fields.integer("version", UpdateLimits.version)
        expires = try fields.instant("expires")
        files = try ListedFile.table(try fields.object("meta"))
    }

    package var signed: JSONValue { object(["meta": .object(files.mapValues(\.form))]) }

    func file(of role: String, _ rule: String) throws(MetadataRefusal) -> ListedFile {
        guard let file = files[MetadataRequest.listedName(of: role)] else {
            throw MetadataRefusal(role, rule, .notInSnapshot)
        }
        return file
    }

    /// §5.5.5: nothing that this lists may go back or go away in `next`.
    func demandSuccessor(_ next: SnapshotRole) throws(MetadataRefusal) {
        // In an order, so that the same documents always give the same refusal.
        for (name, file) in files.sorted(by: { $0.key < $1.key }) {
            guard let successor = next.files[name] else {
                throw MetadataRefusal("snapshot", "5.5.5", .unlisted(file: name, trusted: file.version))
            }
            guard successor.version >= file.version else {
                throw MetadataRefusal(
                    "snapshot", "5.5.5",
                    .listedRollback(file: name, trusted: file.version, offered: successor.version))
            }
        }
    }
}
