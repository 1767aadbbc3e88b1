import Foundation
import Keys
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// The folder of a station, and where everything lies in it:
/// ```
/// station.json            its name, and the maker's key that permits are checked with
/// station-request.json    what goes to the maker
/// lock                    held while one process gives out identities
/// batches/<batch>/        permit.json births.jsonl intents.jsonl notes.jsonl manifest.json labels.html labels/<serial>.svg
/// ```
package struct StationHome: Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    package var requestFile: String { path + "/station-request.json" }
    var recordFile: String { path + "/station.json" }
    var batchesFolder: String { path + "/batches" }

    package func folder(of batch: BatchID) -> BatchFolder { BatchFolder(path: batchesFolder + "/\(batch)") }

    /// The batches that were ever opened here, in the order of their names.
    package func batches() -> [BatchID] {
        StationFile.names(in: batchesFolder).compactMap { name in
            guard let batch = try? BatchID(name), StationFile.exists(folder(of: batch).permit) else { return nil }
            return batch
        }
    }

    package func record() throws(Refusal) -> StationRecord {
        guard let bytes = try StationFile.read(recordFile, limit: 64 << 10) else {
            throw Refusal(
                .notFound, "\(path) is not a station.",
                hint: "Run \"lifelong station init --home \(path) --name NAME\" first.")
        }
        return try CanonicalJSON.decode(StationRecord.self, from: bytes)
    }

    /// Keeps a second process from giving out identities at the same time. Released by `close`, or when the process ends.
    func lock() throws(Refusal) -> StationLock {
        let file = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw StationFile.failure("open", path + "/lock") }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            close(file)
            throw Refusal(
                .conflict, "Another process is using the station \(path).",
                hint: "Wait until its run has ended, or stop it.")
        }
        return StationLock(file: file)
    }
}

/// Held as long as it lives.
final class StationLock: Sendable {
    private let file: Int32
    fileprivate init(file: Int32) { self.file = file }
    deinit { close(file) }
}

/// The folder of one batch.
package struct BatchFolder: Sendable {
    package let path: String
    package var permit: String { path + "/permit.json" }
    package var births: String { path + "/births.jsonl" }
    /// What was about to be signed, written before the key was used.
    package var intents: String { path + "/intents.jsonl" }
    /// Units that were refused, and why.
    package var notes: String { path + "/notes.jsonl" }
    package var manifest: String { path + "/manifest.json" }
    package var labels: String { path + "/labels" }
    package var sheet: String { path + "/labels.html" }
    package func label(_ serial: String) -> String { labels + "/\(serial).svg" }
}

/// What the station knows of itself.
package struct StationRecord: Codable, Sendable, Equatable {
    package var name: String
    /// Base64 SPKI of the key that signs permits, if it was pinned when the station was made.
    package var makerKey: String?
    /// Base64 SPKI of the keys that succeeded it, by the statement of this number; only they are believed then.
    package var permitKeys: [String]?
    package var succession: Int?
    /// Of its own keys (`MoveStation`); 1 if left out.
    package var generation: Int?

    func write(to home: StationHome) throws {
        try StationFile.write(Array((try CanonicalJSON.pretty(self) + "\n").utf8), to: home.recordFile)
    }
}

/// `count` bytes from a cryptographic generator.
package typealias RandomBytes = @Sendable (_ count: Int) -> [UInt8]

package enum SystemRandom {
    /// The operating system's generator.
    package static let bytes: RandomBytes = { count in
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
