import Wire

/// The present snapshot; signed anew so often that nobody can be held back for long (§4.6).
package struct TimestampRole: ReadableRole {
    package static let type = "timestamp"

    package let version: Int
    package let expires: Timestamp
    package let snapshot: ListedFile

    package init(version: Int, expires: Timestamp, snapshot: ListedFile) {
        self.version = version
        self.expires = expires
        self.snapshot = snapshot
    }

    init(_ fields: Fields) throws(MetadataRefusal) {
        try Specification.demand(fields)
        version = try fields.integer("version", UpdateLimits.version)
        expires = try fields.instant("expires")
        let meta = try fields.object("meta")
        guard meta.values.count == 1 else { throw fields.fault("meta", "describes more than snapshot.json") }
        snapshot = try ListedFile(try meta.object("snapshot.json"))
    }

    package var signed: JSONValue { object(["meta": .object(["snapshot.json": snapshot.form])]) }
}
