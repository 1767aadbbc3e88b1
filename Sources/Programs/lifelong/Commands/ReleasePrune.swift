import ArgumentParser
import Use
import Wire

/// `lifelong release prune`
struct ReleasePrune: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Remove the artifacts that nothing needs any more.",
        discussion: """
            Stays: what a device runs, is offered or may go back to; what is in an open rollout or in update metadata; the newest
            releases; what is young; and every bill of materials and provenance. The manifests of releases stay, too: an artifact
            that was removed can be uploaded again.

            Examples:
              lifelong release prune --dry-run
              lifelong release prune --keep-days 90 --keep-releases 5
            """)
    @Flag(help: "Say what would be removed, and remove nothing.") var dryRun = false
    @Option(help: "Days for which everything that was published or uploaded stays.") var keepDays = 30
    @Option(help: "Releases of each layer, the newest, that stay.") var keepReleases = 2
    @OptionGroup var connection: Connection

    func run() async throws {
        let client = try connection.client()
        let input = PruneArtifacts(keepDays: keepDays, keepReleases: keepReleases, dryRun: dryRun)
        var total: PruneArtifacts.Answer = try await client.perform(PruneArtifacts.name, input)
        var isDone = dryRun || !total.more || total.removedCount == 0
        while !isDone {
            let next: PruneArtifacts.Answer = try await client.perform(PruneArtifacts.name, input)
            total.removed += next.removed
            total.removedCount += next.removedCount
            total.removedBytes += next.removedBytes
            (total.kept, total.keptCount, total.keptBytes) = (next.kept, next.keptCount, next.keptBytes)
            total.more = next.more
            isDone = !next.more || next.removedCount == 0
        }
        let answer = total
        try connection.show(answer) { lines(answer) }
    }

    private func lines(_ answer: PruneArtifacts.Answer) -> [String] {
        func rows(_ pieces: [PruneArtifacts.Piece], _ what: String) -> [[String]] {
            pieces.map { piece in
                [
                    what, "\(piece.artifact.description.prefix(12))…", "\(piece.size)",
                    piece.releases.isEmpty ? "-" : piece.releases.joined(separator: ", "), piece.why,
                ]
            }
        }
        let goes = dryRun ? "goes" : "removed"
        let table = Plain.table(
            ["", "ARTIFACT", "BYTES", "RELEASES", "WHY"], rows(answer.removed, goes) + rows(answer.kept, "stays"))
        let omitted = answer.removedCount + answer.keptCount - answer.removed.count - answer.kept.count
        return table + (omitted > 0 ? ["… and \(omitted) more."] : []) + [
            """
            \(dryRun ? "Would remove" : "Removed") \(answer.removedCount) artifacts of \(answer.removedBytes) bytes; \
            \(answer.keptCount) of \(answer.keptBytes) bytes stay.
            """
        ]
    }
}
