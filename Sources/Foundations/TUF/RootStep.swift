import Wire

/// The first step of an update (§5.1 to §5.3): from the root that came with the device to the present one, version by version.
///
/// The steps are a ladder: each is made by the one before it alone, and is used up by the next. `RootStep` → `TimestampStep` →
/// `SnapshotStep` → `TargetsStep` → `TrustedRepository` → `TargetSearch` → `TargetCheck`. None reads a disk, a network or a
/// clock: the caller fetches what a step asks for, hands it in, and writes down what was believed before it goes on. What
/// throws ends the update; the next begins anew with what was written down.
package struct RootStep: ~Copyable {
    /// The trusted root so far.
    package private(set) var root: RootRole
    private let now: Timestamp
    private let limits: UpdateLimits
    private var taken: Int
    private var isRotated: Bool

    /// - Parameters:
    ///   - trusted: the root that is trusted: the one that came with the device, or the last that was written down. It may have
    ///     expired, because the next may follow it; but it has to be its own (§5.2).
    ///   - now: the start of the update, which is its time to the end (§5.1).
    package init(trusted: [UInt8], at now: Timestamp, limits: UpdateLimits = UpdateLimits()) throws(MetadataRefusal) {
        let envelope = try Envelope(trusted, of: "root", limit: limits.rootBytes)
        let root = try envelope.content(RootRole.self)
        try root.root.demand(envelope, of: "root", by: "root \(root.version)", "5.2")
        self.root = root
        self.now = now
        self.limits = limits
        (taken, isRotated) = (0, false)
    }

    /// Whether clients that trust the root before take this one (§5.3.4, §5.3.5); the first has to be its own. Signatures and versions
    /// ask no clock; the end of a root is the clients' affair.
    package static func demand(_ document: [UInt8], after before: [UInt8]?) throws(MetadataRefusal) {
        var step = try RootStep(trusted: before ?? document, at: Timestamp(seconds: 0))
        if before != nil { _ = try step.take(document) }
    }

    /// The next version of the root (§5.3.3); nil when as many were taken as one update may. Where there is no such file, the
    /// root is the present one: call `finish`.
    package var request: MetadataRequest? {
        guard taken < limits.rootRotations, UpdateLimits.version.contains(root.version + 1) else { return nil }
        return MetadataRequest(role: "root", version: root.version + 1, limit: limits.rootBytes)
    }

    /// What to do with a root that was believed, in this order.
    package struct Accepted: Sendable, Equatable {
        /// Forget the timestamp and the snapshot that were written down: their keys were replaced (§5.3.11). Before the root is
        /// written, so that a power cut between the two cannot leave what a thief signed.
        package let forgetsTimestampAndSnapshot: Bool
        package let version: Int
    }

    /// §5.3.4 to §5.3.7. Write the root down before the next is fetched (§5.3.8).
    package mutating func take(_ bytes: [UInt8]) throws(MetadataRefusal) -> Accepted {
        let envelope = try Envelope(bytes, of: "root", limit: limits.rootBytes)
        // 5.3.4: by a threshold of the old keys, and by a threshold of its own.
        try root.root.demand(envelope, of: "root", by: "root \(root.version)", "5.3.4")
        let next = try envelope.content(RootRole.self)
        try next.root.demand(envelope, of: "root", by: "root \(next.version)", "5.3.4")
        // 5.3.5: exactly one more.
        guard next.version == root.version + 1 else {
            let reason: MetadataRefusal.Reason =
                next.version <= root.version
                ? .rollback(trusted: root.version, offered: next.version)
                : .otherVersion(expected: root.version + 1, offered: next.version)
            throw MetadataRefusal("root", "5.3.5", reason)
        }
        // 5.3.6: whether it has expired is asked of the last one only.
        let forgets = root.rotates(to: next)
        isRotated = isRotated || forgets
        root = next
        taken += 1
        return Accepted(forgetsTimestampAndSnapshot: forgets, version: next.version)
    }

    /// §5.3.10 to §5.3.12.
    package consuming func finish() throws(MetadataRefusal) -> TimestampStep {
        try root.demandValid(at: now, as: "root", "5.3.10")
        return TimestampStep(UpdateGround(root: root, now: now, limits: limits, isRotated: isRotated))
    }
}

/// What no step changes any more once the root stands.
struct UpdateGround: Sendable {
    let root: RootRole
    let now: Timestamp
    let limits: UpdateLimits
    /// Keys of timestamp or snapshot were replaced in this update: what was written down before is not believed.
    let isRotated: Bool

    var rootName: String { "root \(root.version)" }

    func version(_ version: Int) -> Int? { root.consistentSnapshot ? version : nil }
}
