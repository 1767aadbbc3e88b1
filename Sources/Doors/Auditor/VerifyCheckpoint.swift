import Ledger
import Wire

/// What `lifelong verify checkpoint` says.
package struct CheckpointReport: AuditReport, Equatable {
    package var verified: Bool
    /// The name that the trusted key stands for.
    package var origin: String
    package var head: TreeHead?
    /// Names on all signature lines, the log's own included; only the log's signature was checked.
    package var signers: [String]
    package var findings: [AuditFinding]

    package var lines: [String] {
        let what = "checkpoint of \(origin)" + (head.map { ": \($0.line)" } ?? "")
        return [verdict(verified, what)] + signers.map { "  signature line by \($0)" } + findings.map { "  \($0.line)" }
    }
}

package enum VerifyCheckpoint {
    /// - Parameter note: the bytes of the signed note.
    package static func run(note: [UInt8], key: VerifierKey) -> CheckpointReport {
        let signers = ((try? Note(note))?.signatures ?? []).map(\.name)
        do throws(Refusal) {
            let checkpoint = try Checkpoint(note: note, key: key)
            return CheckpointReport(
                verified: true, origin: checkpoint.origin, head: checkpoint.head, signers: signers, findings: [])
        } catch {
            return CheckpointReport(
                verified: false, origin: key.name, head: nil, signers: signers, findings: [AuditFinding(error)])
        }
    }

    /// - Parameter location: a file, a directory or URL prefix of a log, or the URL of a checkpoint itself.
    package static func run(at location: String, key: VerifierKey) async throws -> CheckpointReport {
        let note: [UInt8]
        if LogLocation.isURL(location) && !location.hasSuffix("/checkpoint") {
            note = try await LogLocation.with(location) { try await $0.checkpointNote() }
        } else if let inside = try BoundedFile.read(location + "/checkpoint", limit: Note.maximumBytes) {
            note = inside
        } else {
            note = try await LogLocation.read(location, limit: Note.maximumBytes)
        }
        return run(note: note, key: key)
    }
}
