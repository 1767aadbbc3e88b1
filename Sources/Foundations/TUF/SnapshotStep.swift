import Wire

/// The third step (§5.5): which versions belong together.
package struct SnapshotStep: ~Copyable {
    private let ground: UpdateGround
    package let timestamp: TimestampRole
    /// Whether the timestamp that was handed in is to be written down now (§5.4.5).
    package let isTimestampNew: Bool
    private var trusted: SnapshotRole?
    /// The one that was written down is the very one that the timestamp lists.
    private var isPresent = false

    init(_ ground: UpdateGround, _ timestamp: TimestampRole, isTimestampNew: Bool) {
        self.ground = ground
        self.timestamp = timestamp
        self.isTimestampNew = isTimestampNew
    }

    /// Hands in the snapshot that an earlier update wrote down, so that nothing in it goes back. Its hash may be an older
    /// timestamp's. Nil if it is believed; otherwise why it counts for nothing, which is no reason to stop.
    @discardableResult
    package mutating func recall(_ bytes: [UInt8]) -> MetadataRefusal? {
        do throws(MetadataRefusal) {
            guard !ground.isRotated else { throw MetadataRefusal("snapshot", "5.3.11", .rotatedAway) }
            let envelope = try Envelope(bytes, of: "snapshot", limit: ground.limits.snapshotBytes)
            let recalled = try open(envelope)
            trusted = recalled
            isPresent =
                recalled.version == timestamp.snapshot.version && recalled.expires > ground.now
                && (try? timestamp.snapshot.demand(bytes, of: "snapshot", "5.5.2")) != nil
            return nil
        } catch { return error }
    }

    /// Nil where what was written down is still the present one, and nothing is to be fetched.
    package var request: MetadataRequest? {
        get throws(MetadataRefusal) {
            if isPresent { return nil }
            return MetadataRequest(
                role: "snapshot", version: ground.version(timestamp.snapshot.version),
                limit: try timestamp.snapshot.limit(ground.limits.snapshotBytes, of: "snapshot", "5.5.1"))
        }
    }

    private func open(_ envelope: Envelope) throws(MetadataRefusal) -> SnapshotRole {
        try ground.root.snapshot.demand(envelope, of: "snapshot", by: ground.rootName, "5.5.3")
        return try envelope.content(SnapshotRole.self)
    }

    /// §5.5.2 to §5.5.6. Nil where nothing was to be fetched.
    package consuming func take(_ bytes: [UInt8]?) throws(MetadataRefusal) -> TargetsStep {
        guard let bytes else {
            guard isPresent, let trusted else { throw MetadataRefusal("snapshot", "5.5.1", .notFetched) }
            return TargetsStep(ground, timestamp, trusted, isSnapshotNew: false)
        }
        try timestamp.snapshot.demand(bytes, of: "snapshot", "5.5.2")
        let offered = try open(try Envelope(bytes, of: "snapshot", limit: ground.limits.snapshotBytes))
        guard offered.version == timestamp.snapshot.version else {
            throw MetadataRefusal(
                "snapshot", "5.5.4", .otherVersion(expected: timestamp.snapshot.version, offered: offered.version))
        }
        try trusted?.demandSuccessor(offered)
        try offered.demandValid(at: ground.now, as: "snapshot", "5.5.6")
        return TargetsStep(ground, timestamp, offered, isSnapshotNew: true)
    }
}
