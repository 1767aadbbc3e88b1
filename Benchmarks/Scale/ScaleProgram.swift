import ArgumentParser
import Foundation
import Registry
import Store
import StoreSQLite
import Wire

/// `lifelong-scale`: makes homes of large fleets, and measures what a house costs on them (`make scale`). Not shipped.
@main
struct ScaleProgram: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lifelong-scale", abstract: "Large fleets, made and measured.",
        subcommands: [Make.self, Measure.self, AuditTime.self, Day.self, Serve.self, RolloutTime.self])
}

struct Make: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Make the home of a fleet.")
    @Argument(help: "Its folder; a disk, not memory.") var home: String
    @Option(help: "Number of devices.") var devices = 10_000
    @Option(help: "Entries of the ledger a device, in the mean.") var eventsPerDevice = 10

    func run() async throws {
        guard (100...100_000_000).contains(devices), (8...1000).contains(eventsPerDevice) else {
            throw ValidationError("100 devices at least, 8 to 1000 events a device.")
        }
        let began = ContinuousClock.now
        try await HomeMaker.make(home, devices: devices, eventsPerDevice: eventsPerDevice)
        let (cpu, peak) = Bar.processor
        print(
            String(
                format: "%d devices in %.0f s, %.0f s of processor, %.0f MiB at most", devices,
                Bar.seconds(since: began), cpu, Double(peak) / 1_048_576))
    }
}

struct AuditTime: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Audit a home, and tell what it took.")
    @Argument(help: "Its folder.") var home: String
    @Option(help: "Parts under way at once.") var workers = ProcessInfo.processInfo.activeProcessorCount
    @Option(help: "Add the figures to this file.") var json: String?

    func run() async throws {
        let database = try SQLiteDatabase(path: home + "/lifelong.db", migrations: Schema.migrations)
        let began = ContinuousClock.now
        let bar = Bar()
        let size = try await database.read { try $0.count("SELECT size AS n FROM ledger_size WHERE one = 1") }
        bar.begin("entries", size)
        let report = try await Audit.run(database, workers: workers) { done, _ in bar.show(Int(done)) }
        bar.end()
        let seconds = Bar.seconds(since: began)
        let (cpu, peak) = Bar.processor
        for finding in report.findings.prefix(20) { print("  ✗ \(finding.what): \(finding.finding)") }
        print(
            String(
                format: "%lld entries, %d devices, %d findings: %.1f s, %.1f s of processor, %.0f MiB at most",
                report.entries, report.devices, report.findings.count + report.omitted, seconds, cpu,
                Double(peak) / 1_048_576))
        var figures = try Figures(json, devices: report.devices)
        figures.add("audit", seconds, "s")
        figures.add("audit, processor", cpu, "s")
        figures.add("audit, entries", Double(report.entries), "")
        figures.add("audit, memory", Double(peak), "bytes")
        try figures.save()
        guard report.findings.isEmpty else { throw ExitCode(2) }
    }
}

/// What was measured, collected in one file over several homes.
struct Figures {
    struct Figure: Codable {
        var name: String
        var devices: Int
        var value: Double
        /// "s", "ms", "us", "bytes", "a second" or nothing.
        var unit: String
    }
    private let path: String?
    private let devices: Int
    private var all: [Figure] = []

    init(_ path: String?, devices: Int) throws {
        self.path = path
        self.devices = devices
        if let path, let data = FileManager.default.contents(atPath: path) {
            all = try JSONDecoder().decode([Figure].self, from: data)
        }
    }

    mutating func add(_ name: String, _ value: Double, _ unit: String) {
        all.removeAll { $0.name == name && $0.devices == devices }
        all.append(Figure(name: name, devices: devices, value: value, unit: unit))
        print(String(format: "  %-58@ %12.3f %@", name as NSString, value, unit as NSString))
        fflush(nil)
    }

    func save() throws {
        guard let path else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(all).write(to: URL(filePath: path))
    }
}
