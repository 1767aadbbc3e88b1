import Crypto
import Foundation
import Trust
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// A rate that was measured, and what it is compared with.
struct Measured: Codable, Sendable {
    var name: String
    /// How often a second.
    var perSecond: Double
    /// The limit or peer that was measured in the same run.
    var limit: String?
    var ratio: Double?
}

/// Repeats `body` for about `seconds` and tells how often it ran a second.
func rate(seconds: Double, _ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    let began = clock.now
    var count = 0
    while clock.now - began < .seconds(seconds) {
        try body()
        count += 1
    }
    let took = clock.now - began
    return Double(count) / (Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18)
}

/// What the machine itself can do: the disk's syncs, another program's signatures, the processor's hashes.
enum Limits {
    /// Writes of 4 KiB into a file of fixed size, each made durable by itself, as a write-ahead log does: what a commit cannot
    /// beat unless it shares.
    static func syncs(in folder: String, seconds: Double) throws -> Double {
        let path = folder + "/sync-probe"
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard file >= 0 else { throw Refusal(.unavailable, "\(path) cannot be made.", hint: "Check the folder.") }
        defer {
            close(file)
            unlink(path)
        }
        let block = [UInt8](repeating: 1, count: 4096)
        let blocks = 1024
        for number in 0..<blocks { _ = pwrite(file, block, block.count, number * block.count) }
        _ = fsync(file)
        var next = 0
        return rate(seconds: seconds) {
            _ = pwrite(file, block, block.count, next % blocks * block.count)
            _ = fdatasync(file)
            next += 1
        }
    }

    /// P-256 signatures a second of `openssl speed`, on one core, as scripts/bench.sh measured them right before. Not run from
    /// here: a child of Foundation's `Process` starts with SIGALRM blocked, which `openssl speed` ends its rounds with.
    static var opensslSigns: Double? { ProcessInfo.processInfo.environment["OPENSSL_SIGNS"].flatMap { Double($0) } }

    /// RFC 9162 leaf hashes of an entry of usual size.
    static func leafHashes(seconds: Double) -> Double {
        let entry = [UInt8](repeating: 7, count: 400)
        var sum = 0
        return rate(seconds: seconds) {
            var hasher = SHA256()
            hasher.update(data: [0])
            hasher.update(data: entry)
            sum &+= hasher.finalize().reduce(0) { $0 &+ Int($1) }
        }
    }

    static var machine: String {
        let info = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let model =
            info.split(separator: "\n").first { $0.hasPrefix("model name") }?.split(separator: ":").last
            ?? "unknown processor"
        let kernel = (try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)) ?? ""
        return "\(model.trimmingCharacters(in: .whitespaces)), \(ProcessInfo.processInfo.activeProcessorCount) cores, "
            + "Linux \(kernel.trimmingCharacters(in: .whitespacesAndNewlines))"
    }
}
