import Ledger
import Wire

/// What an audit found: for programs as JSON, for people as lines. A check that fails is a report that is not
/// `verified`; only what hindered the audit itself (no such file, no network) is thrown.
package protocol AuditReport: Codable, Sendable {
    var verified: Bool { get }
    /// The report as text, a line each, the verdict first.
    var lines: [String] { get }
    var findings: [AuditFinding] { get }
}

extension AuditReport {
    /// What the program ends with: 0 verified, 2 not, and of that 3 a fork, 4 a rollback, 5 cosignatures missing.
    package var exitStatus: Int32 {
        if verified { return 0 }
        let kinds = findings.compactMap(\.kind)
        if kinds.contains(.fork) { return 3 }
        if kinds.contains(.rollback) { return 4 }
        return kinds.contains(.notWitnessed) ? 5 : 2
    }
}

/// A report that what was remembered of a log may still spoil.
package protocol JudgedReport: AuditReport {
    var verified: Bool { get set }
    var findings: [AuditFinding] { get set }
}

/// A witness that vouched for the checkpoint.
package struct Vouching: Codable, Sendable, Equatable {
    package var witness: String
    /// When it signed, by its own clock.
    package var at: Timestamp

    init(_ cosignature: Cosignature) { (witness, at) = (cosignature.witness.name, cosignature.at) }

    var line: String { "  cosigned by \(witness) at \(at)" }
}

/// One thing that is wrong.
package struct AuditFinding: Codable, Sendable, Equatable {
    /// What has a name and an exit status of its own.
    package enum Kind: String, Codable, Sendable {
        /// Two histories under one key.
        case fork
        /// The log is shorter than it was.
        case rollback
        /// Too few witnesses vouch for the checkpoint.
        case notWitnessed
    }

    package var kind: Kind?
    /// The entry that it is about, from 0.
    package var entry: Int64?
    /// The resource that it is about ("tile/0/000.p/5").
    package var resource: String?
    /// One sentence.
    package var detail: String
    package var hint: String

    init(kind: Kind? = nil, entry: Int64? = nil, resource: String? = nil, _ detail: String, hint: String) {
        self.kind = kind
        self.entry = entry
        self.resource = resource
        self.detail = detail
        self.hint = hint
    }

    init(_ refusal: Refusal, entry: Int64? = nil) {
        self.init(
            kind: refusal.rule == WitnessQuorum.rule ? .notWitnessed : nil, entry: entry, refusal.detail,
            hint: refusal.hint)
    }

    var line: String { detail + " " + hint }
}

extension TreeHead {
    /// For people: "1234 entries, root 5dc9…".
    var line: String { "\(size) entries, root \(root)" }
}

/// The verdict's line: starts with a word that can be searched for.
func verdict(_ verified: Bool, _ what: String) -> String { (verified ? "VERIFIED: " : "NOT VERIFIED: ") + what }
