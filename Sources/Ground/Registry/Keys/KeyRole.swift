import Keys
import Store
import Wire

/// What a key of the house is for, where it is not an authority's. One key has the role; those that it succeeded keep
/// signing beside it until they are retired, for whoever knows only them.
package enum KeyRole: String, CaseIterable, Codable, Sendable {
    /// Release manifests; devices learn its public key at birth.
    case release
    /// Permits for stations, which pin its public key.
    case permit
    /// Checkpoints (Ed25519); auditors pin its public key.
    case ledger
    /// The handshakes of the server.
    case serviceTLS
    /// Wraps the data keys of tenures; symmetric.
    case wrapping
    /// Snapshots of update metadata; there once a root of it was drafted (`UpdateKeys`), and trusted by what the root names.
    case snapshot
    /// Timestamps of update metadata; the same.
    case timestamp

    /// Beginning of its labels; the first of a house is older than the numbers for some.
    var stem: String {
        switch self {
        case .release: "release"
        case .permit: "permit"
        case .ledger: "ledger"
        case .serviceTLS: "service-tls"
        case .wrapping: "tenure-wrapping"
        case .snapshot: "update-snapshot"
        case .timestamp: "update-timestamp"
        }
    }

    /// Of the key that follows `count` others.
    func label(after count: Int) throws(Refusal) -> KeyLabel { try KeyLabel("\(stem)-\(count + 1)") }

    /// Those that are in use, the one that has the role first.
    static func labels(in rows: any Rows) throws -> [KeyRole: [KeyLabel]] {
        var labels: [KeyRole: [KeyLabel]] = [:]
        let sql = "SELECT role, label FROM key_role WHERE retired IS NULL ORDER BY since DESC, label DESC"
        for row in try rows.query(sql) {
            guard let role = KeyRole(rawValue: try row.text("role")) else { continue }
            labels[role, default: []].append(try KeyLabel(row.text("label")))
        }
        return labels
    }
}
