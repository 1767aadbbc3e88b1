import Foundation
import Registry
import Store
import Wire

/// `lifelong-bench [folder] [seconds]`: measures what costs, each against the machine's own limit in the same run, and
/// prints the table for docs/performance.md. Build it for release (`make bench`); debug figures mean nothing.
///
/// For a closer look: ONLY="sqlite postgresql" leaves out all but durable changes on those engines, WRITERS="1 2000" sets
/// how many wait at a time.
@main
enum BenchProgram {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.first == "home" {
            let counts = arguments.dropFirst(2).map { Int($0) ?? 0 }
            guard counts.count == 1 || counts.count == 3, counts.allSatisfy({ $0 >= 0 }) else {
                throw Refusal(
                    .malformed, "lifelong-bench home takes a folder, devices, and folders and number of newborn ones.",
                    hint: "Example: lifelong-bench home FOLDER 500 3 2000")
            }
            let newborn = counts.count == 3 ? (counts[1], counts[2]) : (0, 0)
            return try await DoorFleet(folder: CommandLine.arguments[2]).make(counts[0], newborn: newborn)
        }
        // Not /tmp, which is often memory: a sync there costs nothing and means nothing.
        let parent = arguments.first ?? FileManager.default.currentDirectoryPath + "/.build"
        let seconds = arguments.dropFirst().first.flatMap { Double($0) } ?? 5
        let folder = parent + "/bench-\(ProcessInfo.processInfo.processIdentifier)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        print("machine: \(Limits.machine)\nfolder: \(parent)\n")
        fflush(nil)
        let results = try await measure(folder, seconds)
        print("\n| what | a second | limit or peer, same run | ratio |\n|---|---|---|---|")
        for result in results {
            let ratio = result.ratio.map { String(format: $0 < 0.1 ? "%.4f" : "%.2f", $0) } ?? ""
            print("| \(result.name) | \(whole(result.perSecond)) | \(result.limit ?? "") | \(ratio) |")
        }
        #if DEBUG
        print("\nThis is a debug build: the figures mean nothing.")
        #endif
    }

    private static let environment = ProcessInfo.processInfo.environment

    private static func wants(_ part: String) -> Bool {
        environment["ONLY"].map { $0.split(separator: " ").contains(Substring(part)) } ?? true
    }

    private static func whole(_ value: Double) -> String { String(format: value < 100 ? "%.1f" : "%.0f", value) }

    private static func measure(_ folder: String, _ seconds: Double) async throws -> [Measured] {
        let syncs = try Limits.syncs(in: folder, seconds: seconds)
        let hashes = Limits.leafHashes(seconds: seconds)
        let signs = Limits.opensslSigns
        var results = [
            Measured(name: "limit: syncs of 4 KiB", perSecond: syncs),
            Measured(name: "limit: leaf hashes, one core", perSecond: hashes),
        ]
        if let signs { results.append(Measured(name: "peer: openssl P-256 signatures, one core", perSecond: signs)) }
        func add(_ name: String, _ value: Double, _ limit: String? = nil, _ of: Double? = nil) {
            results.append(Measured(name: name, perSecond: value, limit: limit, ratio: of.map { value / $0 }))
            print("\(name): \(whole(value))/s")
            fflush(nil)
        }
        let bench = try await Bench(folder: folder, seconds: seconds)
        if wants("others") { try await others(bench, syncs, signs, hashes, add) }
        if wants("sqlite") { try await durable(bench, "SQLite", syncs, add) }
        try bench.house.database.close()
        if wants("postgresql"), let server = environment["LIFELONG_BENCH_DATABASE"] {
            let inserts = environment["PGBENCH_INSERTS"].flatMap { Double($0) }
            if let inserts { add("peer: pgbench, one INSERT a transaction, 8 clients", inserts, "syncs", syncs) }
            let bench = try await Bench(folder: folder, seconds: seconds, server: server)
            try await durable(bench, "PostgreSQL", syncs, add)
            try bench.house.database.close()
        }
        return results
    }

    private static func others(
        _ bench: Bench, _ syncs: Double, _ signs: Double?, _ hashes: Double,
        _ add: (String, Double, String?, Double?) -> Void
    ) async throws {
        add("ledger appends, one at a time", try await bench.appends(workers: 1), "syncs", syncs)
        add("ledger appends, 256 under way", try await bench.appends(workers: 256), "syncs", syncs)
        add("certificates issued, 64 under way", try await bench.certificates(workers: 64), "openssl signatures", signs)
        try await bench.fill(to: 100_000)
        let (proofs, reads) = try await bench.proofs()
        add("plain reads of a row by its key", reads, nil, nil)
        add("inclusion proofs at 100,000 leaves and more", proofs, "plain reads", reads)
        add("events through the stage machine, one core", try bench.advances(), "leaf hashes", hashes)
    }

    /// Changes of devices with one, some and many writers that wait.
    private static func durable(
        _ bench: Bench, _ engine: String, _ syncs: Double, _ add: (String, Double, String?, Double?) -> Void
    ) async throws {
        let devices = try await bench.makeDevices(20_000)
        // As a node does it: what is in memory counts only while somebody looks at what others write.
        let house = bench.house
        let following = Task { await house.follow() }
        defer { following.cancel() }
        let counts = environment["WRITERS"].map { $0.split(separator: " ").compactMap { Int($0) } }
        for writers in counts ?? [1, 16, 256, 2000] {
            let found = try await bench.changes(of: devices, writers: writers)
            let wait = writers == 1 ? ", median wait \(Int(found.median)) us" : ""
            add(
                "\(engine): durable changes of devices, \(writers) waiting (\(Int(found.processor)) us of processor each\(wait))",
                found.perSecond, "syncs", syncs)
        }
    }
}
