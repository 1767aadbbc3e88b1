import Crypto
import Wire

/// The device's own log: one JSON entry a line, each chained to the one before, appended and synced.
///
/// Invariants: an entry is on the disk before `append` returns; a line that a power cut tore is dropped at start, and no
/// other; what the service has taken may be forgotten, except the hash of the last of it, which the rest is chained to.
/// The chain is the device's for life, so that the service can tell a gap from a new owner. An instance has one owner,
/// the agent.
package struct DeviceLog: Sendable {
    /// Entries kept while the service takes none; after that the log stands still, and says so in its last entry.
    package static let largestCount = 16_384
    /// When more than so many are kept, those that the service has taken are forgotten.
    static let comfortableCount = 1024
    static let largestTextBytes = 512
    static let largestFileBytes = 32 << 20

    private let disk: any Disk
    private let path: String
    private let takenFile: String
    /// Number of entries that are safe at the service, as far as is known here.
    package private(set) var taken = 0
    private(set) var entries: [DeviceLogEntry] = []
    /// Index of the first entry that does not fit the one before; nil if the chain is whole.
    package private(set) var fault: Int?

    package init(on disk: any Disk, folder: String) throws {
        self.disk = disk
        path = folder + "/entries.jsonl"
        takenFile = folder + "/taken.json"
        try load()
        taken = min(try disk.read(Int.self, from: takenFile) ?? 0, count)
    }

    /// Index of the next entry, which is the number of entries ever written since the chain began.
    package var count: Int { entries.last.map { $0.index + 1 } ?? 0 }
    package var head: Wire.Digest? { entries.last?.hash }
    package var first: Int? { entries.first?.index }

    package mutating func append(_ kind: String, _ text: String, at now: Timestamp) throws {
        guard entries.count < Self.largestCount else { return }
        let full = entries.count == Self.largestCount - 1
        let entry = Self.entry(
            index: count, at: now, kind: full ? "full" : kind,
            text: full ? "The log is full; later entries are lost." : Self.bounded(text), after: head)
        if try disk.size(of: path) == nil {
            try disk.create(path)
            try disk.syncFolder(disk.folder(of: path))
        }
        try disk.append(try Self.line(entry), to: path)
        try disk.sync(path)
        entries.append(entry)
    }

    /// The next page for the service: at most 256 entries that it does not have.
    package func page(limit: Int = DeviceAPI.maximumLogEntries) -> [DeviceLogEntry] {
        Array(entries.drop { $0.index < taken }.prefix(limit))
    }

    /// Whether entries would be left after the next page.
    package var hasMorePages: Bool { count > taken + DeviceAPI.maximumLogEntries }

    /// Remembers what the service has, and lets go of it once it is worth rewriting the file.
    package mutating func remember(taken reported: Int) throws {
        // A service that says it has more than there is does not make the log shorter.
        let known = min(max(reported, 0), count)
        if known != taken {
            taken = known
            try disk.write(taken, as: takenFile)
        }
        guard entries.count > Self.comfortableCount else { return }
        let kept = entries.drop { $0.index < taken - 1 }
        guard kept.count < entries.count / 2 else { return }
        try rewrite(Array(kept))
    }

    /// Deletes what the log says of a tenure that ends: every entry that the service has. Those that it does not have yet
    /// stay until the next check-in, because without them the chain would have a gap, which is an alarm.
    package mutating func wipe() throws {
        var kept = Array(entries.drop { $0.index < taken - 1 })
        if let anchor = kept.first, anchor.index == taken - 1 {
            kept[0] = DeviceLogEntry(index: anchor.index, at: anchor.at, kind: "anchor", text: "", hash: anchor.hash)
        }
        try rewrite(kept)
    }

    private mutating func rewrite(_ kept: [DeviceLogEntry]) throws {
        try disk.write(try kept.flatMap { try Self.line($0) }, to: path)
        entries = kept
    }

    // MARK: - The chain

    package static func entry(
        index: Int, at: Timestamp, kind: String, text: String, after previous: Wire.Digest?
    ) -> DeviceLogEntry {
        var entry = DeviceLogEntry(index: index, at: at, kind: kind, text: text, hash: Wire.Digest([]))
        entry.hash = hash(of: entry, after: previous)
        return entry
    }

    package static func hash(of entry: DeviceLogEntry, after previous: Wire.Digest?) -> Wire.Digest {
        let before = previous?.bytes ?? [UInt8](repeating: 0, count: 32)
        // Encoding two integers and two strings cannot fail; an empty encoding would only fail the comparison.
        return Wire.Digest(SHA256.hash(data: before + ((try? CanonicalJSON.encode(entry.covered)) ?? [])))
    }

    /// Index of the first entry that does not fit; nil if all do. The first entry of a log that was shortened is taken as
    /// it is, because what it is chained to is no longer here.
    package static func firstFault(in entries: [DeviceLogEntry]) -> Int? {
        var previous: DeviceLogEntry?
        for entry in entries {
            if let previous {
                guard entry.index == previous.index + 1, entry.hash == hash(of: entry, after: previous.hash) else {
                    return entry.index
                }
            } else if entry.index == 0, entry.kind != "anchor", entry.hash != hash(of: entry, after: nil) {
                return 0
            }
            previous = entry
        }
        return nil
    }

    // MARK: - The file

    private static func line(_ entry: DeviceLogEntry) throws -> [UInt8] { try CanonicalJSON.encode(entry) + [10] }

    private mutating func load() throws {
        guard let bytes = try disk.readWhole(path, limit: Self.largestFileBytes) else { return }
        var at = 0
        /// End of the last line that can be read.
        var kept = 0
        while let end = bytes[at...].firstIndex(of: 10) {
            if let entry = try? CanonicalJSON.decode(DeviceLogEntry.self, from: bytes[at..<end], limit: 8192) {
                // Unreadable lines before a readable one were not torn but changed; they stay, and are reported.
                if at > kept { fault = fault ?? count }
                entries.append(entry)
                kept = end + 1
            }
            at = end + 1
        }
        fault = fault ?? Self.firstFault(in: entries)
        // What is left at the end is what a power cut tore.
        guard kept < bytes.count else { return }
        try disk.truncate(path, to: kept)
        try disk.sync(path)
    }

    /// At most 512 bytes, cut between characters.
    private static func bounded(_ text: String) -> String {
        guard text.utf8.count > largestTextBytes else { return text }
        var out = ""
        for character in text {
            guard out.utf8.count + character.utf8.count <= largestTextBytes - 3 else { break }
            out.append(character)
        }
        return out + "…"
    }
}
