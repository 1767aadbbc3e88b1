import Wire

/// The fourth step (§5.6.1 to §5.6.6): the top-level targets.
package struct TargetsStep: ~Copyable {
    private let ground: UpdateGround
    private let timestamp: TimestampRole
    package let snapshot: SnapshotRole
    /// Whether the snapshot that was handed in is to be written down now (§5.5.7).
    package let isSnapshotNew: Bool
    private var recalled: TargetsRole?

    init(_ ground: UpdateGround, _ timestamp: TimestampRole, _ snapshot: SnapshotRole, isSnapshotNew: Bool) {
        self.ground = ground
        self.timestamp = timestamp
        self.snapshot = snapshot
        self.isSnapshotNew = isSnapshotNew
    }

    /// Hands in the targets that an earlier update wrote down. Nil if they are still the present ones.
    @discardableResult
    package mutating func recall(_ bytes: [UInt8]) -> MetadataRefusal? {
        do throws(MetadataRefusal) {
            recalled = try open(bytes)
            return nil
        } catch { return error }
    }

    /// Nil where what was written down is still the present one, and nothing is to be fetched.
    package var request: MetadataRequest? {
        get throws(MetadataRefusal) {
            recalled == nil ? try ground.request(for: "targets", in: snapshot, "5.6.1") : nil
        }
    }

    private func open(_ bytes: [UInt8]) throws(MetadataRefusal) -> TargetsRole {
        try ground.targets(bytes, of: "targets", by: ground.root.targets, ground.rootName, in: snapshot)
    }

    /// §5.6.2 to §5.6.5. Nil where nothing was to be fetched.
    package consuming func take(_ bytes: [UInt8]?) throws(MetadataRefusal) -> TrustedRepository {
        let targets: TargetsRole
        if let bytes {
            targets = try open(bytes)
        } else if let recalled {
            targets = recalled
        } else {
            throw MetadataRefusal("targets", "5.6.1", .notFetched)
        }
        return TrustedRepository(
            ground: ground, timestamp: timestamp, snapshot: snapshot, targets: targets, areTargetsNew: bytes != nil)
    }
}

extension UpdateGround {
    /// A targets document is asked for only if the snapshot lists it.
    func request(for role: String, in snapshot: SnapshotRole, _ rule: String) throws(MetadataRefusal) -> MetadataRequest
    {
        let file = try snapshot.file(of: role, rule)
        return MetadataRequest(
            role: role, version: version(file.version), limit: try file.limit(limits.targetsBytes, of: role, rule))
    }

    /// §5.6.2 to §5.6.5, the same for the top-level targets and for every delegated role.
    func targets(
        _ bytes: [UInt8], of role: String, by signers: Signers, _ delegator: String, in snapshot: SnapshotRole
    ) throws(MetadataRefusal) -> TargetsRole {
        let file = try snapshot.file(of: role, "5.6.1")
        try file.demand(bytes, of: role, "5.6.2")
        let envelope = try Envelope(bytes, of: role, limit: limits.targetsBytes)
        try signers.demand(envelope, of: role, by: delegator, "5.6.3")
        let targets = try envelope.content(TargetsRole.self)
        guard targets.version == file.version else {
            throw MetadataRefusal(role, "5.6.4", .otherVersion(expected: file.version, offered: targets.version))
        }
        try targets.demandValid(at: now, as: role, "5.6.5")
        return targets
    }
}

/// The top of the ladder: one consistent state of a repository, proven. There is no other way to make one.
package struct TrustedRepository: Sendable {
    let ground: UpdateGround
    package let timestamp: TimestampRole
    package let snapshot: SnapshotRole
    package let targets: TargetsRole
    /// Whether the targets that were handed in are to be written down now (§5.6.6).
    package let areTargetsNew: Bool

    package var root: RootRole { ground.root }

    /// Looks for a target (§5.6.7).
    package func search(for path: String) -> TargetSearch { TargetSearch(self, path) }
}
