/// What a client reads and follows at most, so that a hostile mirror cannot fill its memory or hold it for ever (§5: W, X, Y, Z).
package struct UpdateLimits: Sendable, Equatable {
    /// Bytes of one version of the root.
    package var rootBytes = 512_000
    package var timestampBytes = 16_384
    /// Bytes of a snapshot, also where the timestamp states more.
    package var snapshotBytes = 2_000_000
    /// Bytes of one targets document, also where the snapshot states more.
    package var targetsBytes = 5_000_000
    /// Versions of the root that are taken in one update; the rest follows in the next.
    package var rootRotations = 256
    /// Delegated roles that one search visits.
    package var delegations = 32

    /// Signatures of one document.
    static let signatures = 64
    /// Keys that one document lists.
    static let keys = 1024
    /// Key identifiers of one role.
    static let keyids = 128
    /// Roles that one document delegates to.
    static let roles = 4096
    /// Patterns or prefixes of one delegation.
    static let patterns = 4096
    /// Bytes of a role's name, of a pattern and of a target's path.
    static let nameBytes = 160
    static let pathBytes = 1024
    /// Bytes of a public key in PEM; RSA of 8192 bits has 1.5 kB.
    static let publicKeyBytes = 8192
    /// Versions stay exact in every JSON reader.
    static let version = 1...(Int(1) << 53 - 1)
    static let length = 0...(Int(1) << 53 - 1)

    package init() {}
}
