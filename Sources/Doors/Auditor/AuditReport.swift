import Ledger
import Wire

/// What an audit found: for programs as JSON, for people as lines. A check that fails is a report that is not
/// `verified`; only what hindered the audit itself (no such file, no network) is thrown.
package protocol AuditReport: Codable, Sendable {
    var verified: Bool { get }
    /// The report as text, a line each, the verdict first.
    var lines: [String] { get }
}

/// One thing that is wrong.
package struct AuditFinding: Codable, Sendable, Equatable {
    /// The entry that it is about, from 0.
    package var entry: Int64?
    /// The resource that it is about ("tile/0/000.p/5").
    package var resource: String?
    /// One sentence.
    package var detail: String
    package var hint: String

    init(entry: Int64? = nil, resource: String? = nil, _ detail: String, hint: String) {
        self.entry = entry
        self.resource = resource
        self.detail = detail
        self.hint = hint
    }

    init(_ refusal: Refusal, entry: Int64? = nil) {
        self.init(entry: entry, refusal.detail, hint: refusal.hint)
    }

    var line: String { detail + " " + hint }
}

extension TreeHead {
    /// For people: "1234 entries, root 5dc9…".
    var line: String { "\(size) entries, root \(root)" }
}

/// The verdict's line: starts with a word that can be searched for.
func verdict(_ verified: Bool, _ what: String) -> String { (verified ? "VERIFIED: " : "NOT VERIFIED: ") + what }
