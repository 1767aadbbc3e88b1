import Foundation
import Ledger
import Wire

/// One log's memory: asked one request at a time, on disk before a cosignature leaves.
///
/// Invariants: the decision is made on what the file says, so that nothing that may have reached the disk is forgotten;
/// a cosignature is returned only after the write returned. Killed at any instant, it has stored at most one checkpoint
/// more than it told anybody, and goes on from there.
actor LogRecord {
    private let file: String
    private let cosigner: Cosigner
    private let write: WitnessHome.Write
    /// What the file says; nil when it has to be read: at the start, and after a write that may have half worked.
    private var known: WitnessedLog?

    init(file: String, cosigner: Cosigner, write: @escaping WitnessHome.Write) {
        self.file = file
        self.cosigner = cosigner
        self.write = write
    }

    /// Compare and set: the actor runs one of these at a time, and there is no suspension between the two.
    func cosign(_ request: WitnessRequest, at now: Timestamp) throws -> [UInt8] {
        let log = try current()
        let (next, line) = try log.cosign(request, by: cosigner, at: now)
        known = nil
        try write(next.bytes, file)
        known = next
        return line
    }

    /// The latest cosigned checkpoint; empty before the first.
    func note() throws -> [UInt8] { try current().note }

    private func current() throws -> WitnessedLog {
        if let known { return known }
        let log = try load()
        known = log
        return log
    }

    nonisolated func load() throws -> WitnessedLog {
        guard let handle = FileHandle(forReadingAtPath: file) else {
            throw Refusal(
                .unavailable, "The witness cannot read \(file).", hint: "Check the disk and the permissions.")
        }
        defer { try? handle.close() }
        let data = try handle.read(upToCount: WitnessedLog.maximumBytes + 1) ?? Data()
        return try WitnessedLog(Array(data), witness: cosigner.key)
    }
}
