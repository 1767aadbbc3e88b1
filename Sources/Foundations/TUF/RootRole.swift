import Wire

/// Whom the repository trusts: the keys of the four top-level roles, its own among them (§4.3).
package struct RootRole: ReadableRole {
    package static let type = "root"

    package let version: Int
    package let expires: Timestamp
    /// Whether files bear their version or hash in their names (§6.2).
    package let consistentSnapshot: Bool
    package let root: Signers
    package let timestamp: Signers
    package let snapshot: Signers
    package let targets: Signers

    package init(
        version: Int, expires: Timestamp, root: Signers, timestamp: Signers, snapshot: Signers, targets: Signers
    ) {
        self.version = version
        self.expires = expires
        consistentSnapshot = true
        self.root = root
        self.timestamp = timestamp
        self.snapshot = snapshot
        self.targets = targets
    }

    init(_ fields: Fields) throws(MetadataRefusal) {
        try Specification.demand(fields)
        version = try fields.integer("version", UpdateLimits.version)
        expires = try fields.instant("expires")
        consistentSnapshot = try fields.flag("consistent_snapshot") ?? false
        let keys = try MetadataKey.table(try fields.object("keys"))
        let roles = try fields.object("roles")
        root = try Signers(try roles.object("root"), keys: keys)
        timestamp = try Signers(try roles.object("timestamp"), keys: keys)
        snapshot = try Signers(try roles.object("snapshot"), keys: keys)
        targets = try Signers(try roles.object("targets"), keys: keys)
    }

    package var signed: JSONValue {
        let signers = [root, timestamp, snapshot, targets]
        let keys = signers.reduce(into: [:]) { keys, signers in
            keys.merge(signers.keys.mapValues(\.form)) { first, _ in first }
        }
        let roles = zip(["root", "timestamp", "snapshot", "targets"], signers).map { ($0, JSONValue.object($1.fields)) }
        return object([
            "consistent_snapshot": .flag(consistentSnapshot), "keys": .object(keys),
            "roles": .object(Dictionary(uniqueKeysWithValues: roles)),
        ])
    }

    /// Whether what timestamp or snapshot keys signed under `self` is to be forgotten under `next` (§5.3.11): a key went, so its
    /// holder may have been somebody else. A key that only came along forgets nothing.
    func rotates(to next: RootRole) -> Bool {
        !Set(timestamp.keyids).isSubset(of: next.timestamp.keyids)
            || !Set(snapshot.keyids).isSubset(of: next.snapshot.keyids)
    }
}
