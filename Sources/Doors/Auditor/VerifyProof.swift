import Ledger
import Wire

/// What `lifelong verify proof` says.
package struct ProofReport: JudgedReport, Equatable {
    package struct Proven: Codable, Sendable, Equatable {
        package var index: Int64
        /// The leaf as text: the canonical JSON of an event.
        package var leaf: String
    }

    package var verified: Bool
    package var origin: String
    package var head: TreeHead?
    package var witnesses: [Vouching] = []
    package var entries: [Proven]
    package var findings: [AuditFinding]

    package var lines: [String] {
        let what = "\(entries.count) entries of \(origin)" + (head.map { " in the tree of \($0.line)" } ?? "")
        return [verdict(verified, what)] + witnesses.map(\.line) + entries.map { "  \($0.index): \($0.leaf)" }
            + findings.map { "  \($0.line)" }
    }
}

/// Checks that entries are in the log: the checkpoint's signature with the one trusted key, then each inclusion proof.
package enum VerifyProof {
    /// - Parameter document: `Evidence` as JSON.
    package static func run(
        document: [UInt8], key: VerifierKey, quorum: WitnessQuorum = .none
    ) throws(Refusal) -> ProofReport {
        let evidence = try CanonicalJSON.decode(Evidence.self, from: document, limit: Evidence.maximumBytes)
        do throws(Refusal) {
            let proven = try evidence.verify(vkey: key, quorum: quorum)
            let entries = proven.entries.map {
                ProofReport.Proven(index: $0.index, leaf: String(decoding: $0.leaf, as: UTF8.self))
            }
            return ProofReport(
                verified: true, origin: key.name, head: proven.checkpoint.head,
                witnesses: proven.cosignatures.map(Vouching.init), entries: entries, findings: [])
        } catch {
            return ProofReport(
                verified: false, origin: key.name, head: nil, entries: [], findings: [AuditFinding(error)])
        }
    }
}
