import Ledger
import Wire

/// What `lifelong verify checkpoint` says.
package struct CheckpointReport: JudgedReport, Equatable {
    package var verified: Bool
    /// The name that the trusted key stands for.
    package var origin: String
    package var head: TreeHead?
    /// Names on all signature lines, the log's own included; only the log's and the named witnesses' were checked.
    package var signers: [String]
    package var witnesses: [Vouching] = []
    package var findings: [AuditFinding]

    package var lines: [String] {
        let what = "checkpoint of \(origin)" + (head.map { ": \($0.line)" } ?? "")
        return [verdict(verified, what)] + witnesses.map(\.line) + signers.map { "  signature line by \($0)" }
            + findings.map { "  \($0.line)" }
    }
}

package enum VerifyCheckpoint {
    /// - Parameter note: the bytes of the signed note.
    package static func run(
        note: [UInt8], key: VerifierKey, quorum: WitnessQuorum = .none
    ) -> CheckpointReport {
        let signers = ((try? Note(note))?.signatures ?? []).map(\.name)
        do throws(Refusal) {
            let found = try WitnessedCheckpoint(note: note, key: key, quorum: quorum)
            return CheckpointReport(
                verified: true, origin: key.name, head: found.checkpoint.head, signers: signers,
                witnesses: found.cosignatures.map(Vouching.init), findings: [])
        } catch {
            return CheckpointReport(
                verified: false, origin: key.name, head: nil, signers: signers, findings: [AuditFinding(error)])
        }
    }

    package static func run(
        at location: String, key: VerifierKey, quorum: WitnessQuorum = .none
    ) async throws -> CheckpointReport {
        run(note: try await note(at: location, key: key, quorum: quorum), key: key, quorum: quorum)
    }

    /// - Parameter location: a file, a directory or URL prefix of a log, or the URL of a checkpoint itself.
    package static func note(
        at location: String, key: VerifierKey, quorum: WitnessQuorum
    ) async throws -> [UInt8] {
        if LogLocation.isURL(location) && !location.hasSuffix("/checkpoint") {
            return try await LogLocation.with(location) { try await $0.checkpointNote(key: key, quorum: quorum) }
        }
        if let inside = try BoundedFile.read(location + "/checkpoint", limit: Note.maximumBytes) { return inside }
        return try await LogLocation.read(location, limit: Note.maximumBytes)
    }
}
