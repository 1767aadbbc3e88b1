import ArgumentParser
import Auditor
import Foundation
import KeysFile
import Ledger
import Wire

/// Whom a verification trusts.
struct Trusted: ParsableArguments {
    @Option(help: "The log's verifier key, or a file that holds it.") var vkey: String
    @Option(
        help: ArgumentHelp(
            "A witness's key, or a file that holds it; its cosignature is required. May be repeated.",
            valueName: "vkey"))
    var witness: [String] = []
    @Option(help: "So many of the witnesses are enough; all of them unless told.") var quorum: Int?
    @Flag(help: "The report as JSON.") var json = false

    func key() throws -> VerifierKey { try VerifierKey(Self.text(vkey)) }

    func witnesses() throws -> WitnessQuorum {
        try WitnessQuorum(witness.map { try WitnessKey(Self.text($0)) }, needed: quorum)
    }

    private static func text(_ named: String) -> String {
        guard let data = FileManager.default.contents(atPath: named), data.count <= 4096 else { return named }
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func show(_ report: some AuditReport) throws {
        if json { print(try CanonicalJSON.pretty(report)) } else { report.lines.forEach { print($0) } }
        if !report.verified { throw ExitCode(report.exitStatus) }
    }
}

/// The small file in which an auditor keeps what it saw.
struct Memory: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Keep what was seen of the log in this file, and compare: a fork or a rollback is named.",
            valueName: "file"))
    var remember: String?

    /// Compares the checkpoint with the memory, keeps it, and adds what was found to the report.
    func judge(
        _ report: inout some JudgedReport, note: [UInt8], key: VerifierKey, tiles: (any LogSource)?, isLive: Bool
    ) async throws {
        // Only what its log signed, and its witnesses cosigned, is worth remembering.
        guard let remember, (try? Checkpoint(note: note, key: key)) != nil,
            !report.findings.contains(where: { $0.kind == .notWitnessed })
        else { return }
        var memory = try Remembered(document: BoundedFile.read(remember, limit: Remembered.maximumBytes))
        let before = memory
        let findings = try await memory.judge(note, key: key, tiles: tiles, isLive: isLive, at: Machine.clock())
        if memory != before {
            try DurableFile.write(Array((CanonicalJSON.pretty(memory) + "\n").utf8), to: remember)
        }
        report.add(findings)
    }
}
