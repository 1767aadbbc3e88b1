import Auditor
import Foundation
import Ledger
import Testing
import Trust
import Wire

private func audit(_ log: LogFixture, key: VerifierKey? = nil) async throws -> LogReport {
    try await VerifyLog.run(DirectoryLog(log.path), key: key ?? log.key)
}

@Suite struct `A log under audit` {
    @Test(arguments: [0, 1, 2, 255, 256, 257, 511, 512, 700, 66_000])
    func `verifies when nothing was touched`(count: Int) async throws {
        let log = try LogFixture(counting: count)
        let steps = Steps()
        let report = try await VerifyLog.run(DirectoryLog(log.path), key: log.key) { steps.add($0, $1) }
        #expect(report.verified, "\(report.lines)")
        #expect(report.head == (try log.head))
        #expect(report.entriesRead == Int64(count))
        #expect(report.entriesMakeRoot)
        #expect(steps.last.map { $0.done == $0.total && $0.total == count } ?? (count == 0))
        #expect(report.lines[0].hasPrefix("VERIFIED: log log.example/one"))
    }

    @Test(arguments: [0, 1, 255, 256, 511, 512, 699])
    func `names the entry in which one bit was flipped`(entry: Int) async throws {
        let log = try LogFixture(counting: 700)
        let bundle = TilePath.entries(Int64(entry / 256), width: min(256, 700 - entry / 256 * 256)).text
        let position = log.leaves[(entry / 256 * 256)..<entry].reduce(2) { $0 + $1.count + 2 }
        try log.flip(bundle, byte: position, bit: 3)
        let report = try await audit(log)
        #expect(!report.verified)
        #expect(!report.entriesMakeRoot)
        #expect(report.findings.first?.entry == Int64(entry))
        #expect(report.findings.first?.detail == "entry \(entry): leaf hash differs")
        #expect(report.lines[0].hasPrefix("NOT VERIFIED"))
        // One bad entry makes one finding, and the verdict over the whole; not one a level.
        #expect(report.findings.count == 2)
        #expect(try CanonicalJSON.decode(LogReport.self, from: CanonicalJSON.encode(report)) == report)
    }

    @Test func `tells a bad tile from a bad entry`() async throws {
        let log = try LogFixture(counting: 700)
        try log.flip("tile/0/001", byte: 32 * 44 + 5)
        let report = try await audit(log)
        #expect(report.findings.first?.entry == 300)
        #expect(report.findings.first?.resource == "tile/0/001")
        #expect(report.entriesMakeRoot)
        #expect(!report.verified)
    }

    @Test func `names the entries under a bad hash of a higher level`() async throws {
        let log = try LogFixture(counting: 700)
        try log.flip("tile/1/000.p/2", byte: 32)
        let report = try await audit(log)
        #expect(report.findings.first?.entry == 256)
        #expect(report.findings.first?.detail == "entries 256 to 511: their hash in tile/1/000.p/2 differs")
        #expect(report.entriesMakeRoot)
    }

    @Test func `finds an entry that was rewritten together with its tile`() async throws {
        let log = try LogFixture(counting: 700)
        let forged = try LogFixture(counting: 700)
        var entries = Array(forged.leaves[..<256])
        entries[9] = Array("forged".utf8)
        try log.write(EntryBundle.encode(entries), "tile/entries/000")
        try log.write(entries.flatMap { MerkleTree.leafHash($0).bytes }, "tile/0/000")
        let report = try await audit(log)
        #expect(report.findings.first?.detail == "entries 0 to 255: their hash in tile/1/000.p/2 differs")
        #expect(!report.entriesMakeRoot)
    }

    @Test func `finds a history that was rewritten whole`() async throws {
        let log = try LogFixture(counting: 700)
        let signed = try log.checkpoint()
        var leaves = log.leaves
        leaves[9] = Array("forged".utf8)
        let forged = try LogFixture(leaves)
        try forged.write(signed, "checkpoint")
        let report = try await audit(forged, key: log.key)
        #expect(!report.verified)
        #expect(!report.entriesMakeRoot)
        #expect(report.findings.map(\.resource) == ["checkpoint", "checkpoint"])
    }

    @Test func `reports what is missing or cut`() async throws {
        for (path, first) in [("tile/entries/001", 256), ("tile/entries/002.p/188", 512)] as [(String, Int64)] {
            let log = try LogFixture(counting: 700)
            let whole = try log.bytes(path)
            try log.remove(path)
            let report = try await audit(log)
            #expect(report.findings.first?.entry == first)
            #expect(report.findings.first?.detail.contains("are missing") == true)
            #expect(!report.entriesMakeRoot && !report.verified)
            for broken in [Array(whole.dropLast()), whole + [0], [0], []] as [[UInt8]] {
                try log.write(broken, path)
                #expect(try await audit(log).findings.first?.detail.contains("cannot be read") == true)
            }
        }
        for path in ["tile/0/000", "tile/0/002.p/188", "tile/1/000.p/2"] {
            let log = try LogFixture(counting: 700)
            let whole = try log.bytes(path)
            try log.remove(path)
            let report = try await audit(log)
            #expect(report.findings.first?.detail == "\(path) is missing")
            #expect(report.entriesMakeRoot && !report.verified)
            try log.write(Array(whole.dropLast()), path)
            #expect(try await audit(log).findings.first?.resource == path)
        }
    }

    @Test func `does not go on without entries and tiles of a full bundle`() async throws {
        let log = try LogFixture(counting: 700)
        try log.remove("tile/entries/000")
        try log.remove("tile/0/000")
        let report = try await audit(log)
        #expect(!report.verified)
        #expect(report.findings.first?.entry == 0)
    }

    @Test func `may serve a full tile for a partial one that it deleted`() async throws {
        let log = try LogFixture(counting: 200)
        let earlier = try log.checkpoint()
        try log.append((200..<300).map { Array("entry \($0)".utf8) })
        for path in ["tile/0/000.p", "tile/entries/000.p"] { try log.remove(path) }
        try log.write(earlier, "checkpoint")
        let report = try await audit(log)
        #expect(report.verified, "\(report.lines)")
        #expect(report.entriesRead == 200)
    }

    @Test func `is not believed under another key`() async throws {
        let log = try LogFixture(counting: 3)
        let other = try NoteSigner(name: "log.example/one", key: EphemeralKey(.ed25519)).verifierKey
        let report = try await audit(log, key: other)
        #expect(!report.verified)
        #expect(report.head == nil)
    }

    @Test func `without a checkpoint is refused`() async throws {
        let log = try LogFixture(counting: 3)
        try log.remove("checkpoint")
        await #expect(throws: Refusal.self) { try await audit(log) }
    }

    @Test func `reports at most a hundred findings`() async throws {
        let log = try LogFixture(counting: 40_000)
        for bundle in 0..<150 {
            try log.flip(TilePath.entries(Int64(bundle)).text, byte: 2)
        }
        #expect(try await audit(log).findings.count == LogReport.maximumFindings)
    }
}

/// Progress, from whichever thread.
final class Steps: Sendable {
    private let steps = Locked<[(done: Int64, total: Int64)]>([])
    func add(_ done: Int64, _ total: Int64) { steps.withLock { $0.append((done, total)) } }
    var last: (done: Int64, total: Int64)? { steps.withLock { $0.last } }
}
