import Foundation
import Ledger
import Wire

/// Where a log's resources are read from, by their tlog-tiles paths. Nothing that it says is believed: what is read is
/// checked against a checkpoint that the one trusted key signed.
package protocol LogSource: Sendable {
    /// For messages: the directory or the URL prefix.
    var name: String { get }
    /// The resource, or nil if the source does not have it. Refuses more than `limit` bytes.
    func read(_ path: String, limit: Int) async throws -> [UInt8]?
}

/// A log, or a mirror of one, as files: DIR/checkpoint, DIR/tile/….
package struct DirectoryLog: LogSource {
    package let directory: URL
    package var name: String { directory.path }

    package init(_ path: String) { directory = URL(fileURLWithPath: path, isDirectory: true) }

    package func read(_ path: String, limit: Int) async throws -> [UInt8]? {
        try BoundedFile.read(directory.appendingPathComponent(path).path, limit: limit)
    }
}

/// Reads whole files up to a bound.
package enum BoundedFile {
    /// Nil if there is no such file.
    package static func read(_ path: String, limit: Int) throws -> [UInt8]? {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue else {
            return nil
        }
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw Refusal(
                .unavailable, "The file \(path) cannot be opened.",
                hint: "Check its permissions, and the open-file limit.")
        }
        defer { try? file.close() }
        let data = try file.read(upToCount: limit + 1) ?? Data()
        guard data.count <= limit else {
            throw Refusal(
                .tooLarge, "The file \(path) has more than \(limit) bytes.",
                hint: "Check that it is the file that was meant.")
        }
        return Array(data)
    }

    /// A file that the person named, and that therefore must exist.
    package static func readNamed(_ path: String, limit: Int) throws -> [UInt8] {
        guard let bytes = try read(path, limit: limit) else {
            throw Refusal(.notFound, "There is no file \(path).", hint: "Check the path.")
        }
        return bytes
    }
}

/// What a person names on the command line: a URL prefix or a directory.
package enum LogLocation {
    /// Opens the log for the length of `body`.
    package static func with<Result: Sendable>(
        _ text: String, _ body: (any LogSource) async throws -> Result
    ) async throws -> Result {
        guard isURL(text) else { return try await body(DirectoryLog(text)) }
        return try await WebLog.with(prefix: text) { try await body($0) }
    }

    package static func isURL(_ text: String) -> Bool { text.hasPrefix("http://") || text.hasPrefix("https://") }

    /// A single resource: a file, or a whole URL (for instance of a checkpoint).
    package static func read(_ text: String, limit: Int) async throws -> [UInt8] {
        guard isURL(text) else { return try BoundedFile.readNamed(text, limit: limit) }
        let bytes = try await WebLog.with(prefix: text) { try await $0.read("", limit: limit) }
        guard let bytes else {
            throw Refusal(.notFound, "There is nothing at \(text).", hint: "Check the URL.")
        }
        return bytes
    }
}

extension LogSource {
    /// The log's signed note.
    func checkpointNote() async throws -> [UInt8] {
        guard let note = try await read("checkpoint", limit: Note.maximumBytes) else {
            throw Refusal(
                .notFound, "\(name) has no checkpoint.",
                hint: "Name the prefix of a log: what stands before /checkpoint.")
        }
        return note
    }

    /// The log's signed note; if that has too few cosignatures, the newest one that has enough of them, which a log
    /// shows one step behind.
    package func checkpointNote(key: VerifierKey, quorum: WitnessQuorum) async throws -> [UInt8] {
        let note = try await checkpointNote()
        guard quorum.needed > 0, (try? WitnessedCheckpoint(note: note, key: key, quorum: quorum)) == nil else {
            return note
        }
        return try await read("witnessed/checkpoint", limit: Note.maximumBytes) ?? note
    }

    /// The tile's hashes as the tree of `size` has them, or nil. A full tile stands in for a partial one that its log
    /// has deleted (tlog-tiles, Partial Tiles).
    func tile(_ id: TileID, size: Int64) async throws -> [UInt8]? {
        let width = id.width(inTreeOf: size)
        guard width > 0 else { return nil }
        let fullBytes = TileID.fullWidth * MerkleTree.hashBytes
        var bytes = try await read(id.path(width: width), limit: fullBytes)
        if bytes == nil, width < TileID.fullWidth {
            bytes = try await read(id.path(), limit: fullBytes).map { Array($0.prefix(width * MerkleTree.hashBytes)) }
        }
        return bytes
    }

    /// The bytes of an entry bundle as the tree of `size` has it, or nil; the full bundle may stand in here too.
    func bundle(_ index: Int64, size: Int64) async throws -> [UInt8]? {
        let width = TileID(level: 0, index: index).width(inTreeOf: size)
        guard width > 0 else { return nil }
        if let bytes = try await read(TilePath.entries(index, width: width).text, limit: EntryBundle.maximumBytes) {
            return bytes
        }
        guard width < TileID.fullWidth,
            let full = try await read(TilePath.entries(index).text, limit: EntryBundle.maximumBytes)
        else { return nil }
        return Array(full.prefix(try EntryBundle.decode(prefix: width, of: full).end))
    }

    /// Tiles for a proof; one that is missing is left out, and found missing by the proof.
    func tiles(_ ids: Set<TileID>, size: Int64) async throws -> [TileID: [UInt8]] {
        var tiles: [TileID: [UInt8]] = [:]
        for id in ids { tiles[id] = try await tile(id, size: size) }
        return tiles
    }
}
