import Wire

/// Files that may be installed, and the roles that may say more of them (§4.5); the top-level one and every delegated one.
package struct TargetsRole: ReadableRole {
    package static let type = "targets"

    package let version: Int
    package let expires: Timestamp
    /// By path.
    package let targets: [String: TargetFile]
    package let delegations: Delegations?

    package init(version: Int, expires: Timestamp, targets: [TargetFile], delegations: Delegations? = nil) {
        self.version = version
        self.expires = expires
        self.targets = Dictionary(targets.map { ($0.path, $0) }) { _, last in last }
        self.delegations = delegations
    }

    init(_ fields: Fields) throws(MetadataRefusal) {
        try Specification.demand(fields)
        version = try fields.integer("version", UpdateLimits.version)
        expires = try fields.instant("expires")
        var targets: [String: TargetFile] = [:]
        let listed = try fields.object("targets")
        for (path, value) in listed.values {
            targets[path] = try TargetFile(path, try Fields(value, as: path, of: fields.role))
        }
        self.targets = targets
        delegations =
            fields.values["delegations"] == nil ? nil : try Delegations(try fields.object("delegations"))
    }

    package var signed: JSONValue {
        var own: [String: JSONValue] = ["targets": .object(targets.mapValues(\.form))]
        if let delegations { own["delegations"] = delegations.form }
        return object(own)
    }

    /// Byte for byte: two paths that only look alike are two.
    func target(_ path: String) -> TargetFile? {
        targets[path].flatMap { $0.path.utf8.elementsEqual(path.utf8) ? $0 : nil }
    }
}

/// One file that may be installed.
package struct TargetFile: Sendable, Equatable {
    /// Relative to the base of targets, with "/".
    package let path: String
    /// Bytes.
    package let length: Int
    package let hashes: FileHashes
    /// What the repository tells the application: hardware, versions that it may follow.
    package let custom: JSONValue?

    package init(path: String, length: Int, hashes: FileHashes, custom: JSONValue? = nil) {
        self.path = path
        self.length = length
        self.hashes = hashes
        self.custom = custom
    }

    init(_ path: String, _ fields: Fields) throws(MetadataRefusal) {
        guard (1...UpdateLimits.pathBytes).contains(path.utf8.count), !path.utf8.contains(0) else {
            throw fields.fault(path, "is no path of 1 to \(UpdateLimits.pathBytes) bytes")
        }
        self.path = path
        length = try fields.integer("length", UpdateLimits.length)
        hashes = try FileHashes(try fields.object("hashes"))
        custom = fields.values["custom"]
    }

    var form: JSONValue {
        var form: [String: JSONValue] = ["length": .integer(Int64(length)), "hashes": hashes.form]
        if let custom { form["custom"] = custom }
        return .object(form)
    }

    /// The path to fetch: with consistent snapshots the file name begins with one of its hashes (§5.7.3).
    func fetched(consistently: Bool) -> String {
        guard consistently, let hash = hashes.known.first?.value ?? hashes.values.values.sorted().first else {
            return path
        }
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
        return "\(folder)\(hash).\(path[folder.endIndex...])"
    }
}
