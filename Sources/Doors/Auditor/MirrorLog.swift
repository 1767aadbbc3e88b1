import Foundation
import Ledger
import Wire

/// What `lifelong mirror` says.
package struct MirrorReport: AuditReport, Equatable {
    package var verified: Bool
    package var origin: String
    package var head: TreeHead
    /// Resources fetched now, and those that were there from an earlier run.
    package var fetched: Int
    package var kept: Int
    package var findings: [AuditFinding] = []

    package var lines: [String] {
        [verdict(verified, "mirror of \(origin): \(head.line)"), "  \(fetched) files fetched, \(kept) kept"]
    }
}

/// Copies a log into a directory in its own layout, so that it can be audited offline and served again.
///
/// Invariants: the checkpoint is written last, so that the directory never promises what it does not hold; files are
/// written whole or not at all; a checkpoint is only ever replaced by one that is consistent with it. A run that was
/// interrupted goes on where it stopped, because finished files are kept.
package enum MirrorLog {
    /// Resources that are fetched at the same time.
    private static let parallel = 8

    package static func run(
        from source: any LogSource, to directory: String, key: VerifierKey, quorum: WitnessQuorum = .none,
        progress: AuditProgress = { _, _ in }
    ) async throws -> MirrorReport {
        let note = try await source.checkpointNote(key: key, quorum: quorum)
        let head = try WitnessedCheckpoint(note: note, key: key, quorum: quorum).checkpoint.head
        let target = DirectoryLog(directory)
        if let earlier = try await target.read("checkpoint", limit: Note.maximumBytes) {
            try await refuseUnlessConsistent(earlier, note, key, source)
        }
        let paths = resources(inTreeOf: head.size)
        var (fetched, kept) = (0, 0)
        try await inOrder(0..<Int64(paths.count), ahead: parallel) { index in
            let path = paths[Int(index)]
            if let there = try await target.read(path.text, limit: EntryBundle.maximumBytes), isWhole(there, path) {
                return false
            }
            try write(try await fetch(path, from: source, size: head.size), path.text, in: target.directory)
            return true
        } body: { isNew in
            if isNew { fetched += 1 } else { kept += 1 }
            progress(Int64(fetched + kept), Int64(paths.count))
        }
        try write(note, "checkpoint", in: target.directory)
        return MirrorReport(verified: true, origin: key.name, head: head, fetched: fetched, kept: kept)
    }

    private static func refuseUnlessConsistent(
        _ earlier: [UInt8], _ note: [UInt8], _ key: VerifierKey, _ source: any LogSource
    ) async throws {
        let report = try await VerifyConsistency.run(old: earlier, new: note, key: key, tiles: source)
        guard report.verified else {
            throw Refusal(
                .conflict,
                "The log is not consistent with the mirror (\(report.outcome.rawValue)): "
                    + report.findings.map(\.detail).joined(separator: " "),
                hint: "Keep the mirror as evidence, and mirror into another directory.", rule: "RFC 9162 §2.1.4")
        }
    }

    /// Every resource of a tree of `size` entries but the checkpoint: bundles and tiles, full and partial.
    static func resources(inTreeOf size: Int64) -> [TilePath] {
        var paths: [TilePath] = []
        var (level, hashes) = (0, size)
        while hashes > 0 {
            for index in 0..<((hashes + Int64(TileID.fullWidth) - 1) / Int64(TileID.fullWidth)) {
                let width = TileID(level: level, index: index).width(inTreeOf: size)
                if level == 0 { paths.append(.entries(index, width: width)) }
                paths.append(TilePath(kind: .hashes(level: level), index: index, width: width))
            }
            hashes >>= 8
            level += 1
        }
        return paths
    }

    private static func isWhole(_ bytes: [UInt8], _ path: TilePath) -> Bool {
        path.tile == nil
            ? (try? EntryBundle.decode(bytes, count: path.width)) != nil
            : bytes.count == path.width * MerkleTree.hashBytes
    }

    private static func fetch(_ path: TilePath, from source: any LogSource, size: Int64) async throws -> [UInt8] {
        let bytes =
            if let tile = path.tile {
                try await source.tile(tile, size: size)
            } else {
                try await source.bundle(path.index, size: size)
            }
        guard let bytes, isWhole(bytes, path) else {
            throw Refusal(
                .notFound, "\(source.name) does not have \(path.text), or not the whole of it.",
                hint: "Try again later; what was fetched is kept. If it persists, tell the log's operator.",
                rule: "C2SP tlog-tiles")
        }
        return bytes
    }

    private static func write(_ bytes: [UInt8], _ path: String, in directory: URL) throws {
        let file = directory.appendingPathComponent(path)
        do {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(bytes).write(to: file, options: .atomic)
        } catch {
            throw Refusal(
                .unavailable, "The file \(file.path) cannot be written.",
                hint: "Check the free space and the permissions of the directory, then run the mirror again.")
        }
    }
}
