import ArgumentParser
import Foundation
import Ledger
import Registry
import Store
import Wire

/// `lifelong audit`: does the registry say what the ledger says?
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Replay the ledger and compare it with the registry.",
        discussion: """
            Also looks through the database's pages and indexes, the artifacts, the settings and the keys that are files.
            Exit code 0: nothing found. 2: findings, each named. Works while the server runs. All processors share the
            work; memory is that of 500 devices, however many there are.

            Example:
              lifelong audit --home lifelong-home
            """)
    @Option(help: "Home of the server.") var home = "lifelong-home"
    @Option(help: "Parts under way at once; the number of processors unless told.") var workers: Int?
    @Flag(help: "The report as JSON.") var json = false

    func run() async throws {
        let database = try ServerHome(home).requireDatabase()
        let (pages, bar) = (ProgressBar(unit: "pages of the database"), ProgressBar(unit: "entries"))
        let count = workers ?? ProcessInfo.processInfo.activeProcessorCount
        guard (1...64).contains(count) else {
            throw Refusal(.malformed, "\(count) workers are not possible.", hint: "Use 1 to 64.")
        }
        // A page that cannot be read ends the replay: what is damaged is then told by the file's own check.
        let damage = try await database.damage(quick: false) { pages.show($0, of: $1) }.map {
            Audit.Finding(what: "database", finding: "\($0): restore it from a backup.")
        }
        pages.end()
        var report: Audit.Report
        do {
            report = try await Audit.run(database, workers: count) { bar.show($0, of: $1) }
            report.findings = damage + report.findings
            report.findings += try await HomeCheck(home: ServerHome(home)).findings(database)
        } catch {
            guard !damage.isEmpty else { throw error }
            report = Audit.Report(entries: 0, devices: 0, findings: damage, root: MerkleTree.emptyRoot)
        }
        bar.end()
        try database.close()
        if json {
            print(try CanonicalJSON.pretty(report))
        } else {
            print("\(report.entries) entries, \(report.devices) devices, root \(report.root)")
            for finding in report.findings { print("  ✗ \(finding.what): \(finding.finding)") }
            print(
                report.findings.isEmpty
                    ? "The registry says what the ledger says."
                    : "\(report.findings.count + report.omitted) findings.")
        }
        if !report.findings.isEmpty { throw ExitCode(2) }
    }
}
