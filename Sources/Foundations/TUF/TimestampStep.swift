import Wire

/// The second step (§5.4): what the present snapshot is.
package struct TimestampStep: ~Copyable {
    private let ground: UpdateGround
    private var trusted: TimestampRole?

    init(_ ground: UpdateGround) { self.ground = ground }

    /// The root that this update goes by.
    package var root: RootRole { ground.root }

    /// Hands in the timestamp that an earlier update wrote down, so that nothing older is taken. It may have expired. Nil if it
    /// is believed; otherwise why it counts for nothing, which is no reason to stop.
    @discardableResult
    package mutating func recall(_ bytes: [UInt8]) -> MetadataRefusal? {
        do throws(MetadataRefusal) {
            guard !ground.isRotated else { throw MetadataRefusal("timestamp", "5.3.11", .rotatedAway) }
            trusted = try open(bytes)
            return nil
        } catch { return error }
    }

    package var request: MetadataRequest {
        MetadataRequest(role: "timestamp", version: nil, limit: ground.limits.timestampBytes)
    }

    private func open(_ bytes: [UInt8]) throws(MetadataRefusal) -> TimestampRole {
        let envelope = try Envelope(bytes, of: "timestamp", limit: ground.limits.timestampBytes)
        try ground.root.timestamp.demand(envelope, of: "timestamp", by: ground.rootName, "5.4.2")
        return try envelope.content(TimestampRole.self)
    }

    /// §5.4.2 to §5.4.4.
    package consuming func take(_ bytes: [UInt8]) throws(MetadataRefusal) -> SnapshotStep {
        let offered = try open(bytes)
        var isNew = true
        var present = offered
        if let trusted {
            // 5.4.3.1: an equal one is no error, and what is trusted stays, whatever the new one says.
            guard offered.version >= trusted.version else {
                throw MetadataRefusal(
                    "timestamp", "5.4.3.1", .rollback(trusted: trusted.version, offered: offered.version))
            }
            if offered.version == trusted.version {
                (isNew, present) = (false, trusted)
            } else if offered.snapshot.version < trusted.snapshot.version {
                throw MetadataRefusal(
                    "timestamp", "5.4.3.2",
                    .listedRollback(
                        file: "snapshot.json", trusted: trusted.snapshot.version, offered: offered.snapshot.version))
            }
        }
        try present.demandValid(at: ground.now, as: "timestamp", "5.4.4")
        return SnapshotStep(ground, present, isTimestampNew: isNew)
    }
}
