import Auditor
import Foundation
import Ledger
import Testing
import Trust
import Wire

@Suite struct `What an auditor remembers` {
    private static let now = Timestamp(year: 2026, month: 11, day: 21)

    private func judge(_ memory: inout Remembered, _ log: LogFixture, live: Bool = true, tiles: Bool = true)
        async throws -> [AuditFinding]
    {
        try await memory.judge(
            log.checkpoint(), key: log.key, tiles: tiles ? DirectoryLog(log.path) : nil, isLive: live, at: Self.now)
    }

    @Test func `follows a log that only grows, through a file`() async throws {
        let log = try LogFixture(counting: 5)
        var memory = Remembered()
        for _ in 0..<3 {
            for _ in 0..<2 {
                let findings = try await judge(&memory, log)
                #expect(findings.isEmpty)
            }
            try log.append((0..<300).map { Array("more \($0)".utf8) })
            memory = try Remembered(document: CanonicalJSON.encode(memory))
        }
        #expect(memory.logs.map(\.size) == [605] && memory.contradictions.isEmpty)
    }

    @Test func `names a fork of the same size, a fork of the past, and a rollback`() async throws {
        let log = try LogFixture(counting: 20)
        let seen = try await {
            var memory = Remembered()
            _ = try await judge(&memory, log)
            return memory
        }()
        func verdict(_ leaves: [[UInt8]], tiles: Bool = true) async throws -> (AuditFinding.Kind?, Remembered) {
            var memory = seen
            let twin = try LogFixture(leaves, signer: log.signer)
            return (try await judge(&memory, twin, tiles: tiles).first?.kind, memory)
        }
        let (same, memory) = try await verdict((0..<20).map { Array("twin \($0)".utf8) }, tiles: false)
        #expect(same == .fork)
        // Both signed checkpoints are kept, and the first is not forgotten.
        #expect(memory.contradictions.count == 1 && memory.logs == seen.logs)
        #expect(try await verdict((0..<30).map { Array("twin \($0)".utf8) }).0 == .fork)
        #expect(try await verdict((0..<10).map { Array("entry \($0)".utf8) }).0 == .rollback)
        #expect(try await verdict((0..<30).map { Array("entry \($0)".utf8) }).0 == nil)
    }

    @Test func `takes an older document for what it is, and an older fork for what it is`() async throws {
        let log = try LogFixture(counting: 20)
        var memory = Remembered()
        _ = try await judge(&memory, log)
        let source = DirectoryLog(log.path)
        let old = try log.checkpoint(at: 7)
        for tiles in [source, nil] {
            let findings = try await memory.judge(old, key: log.key, tiles: tiles, isLive: false, at: Self.now)
            #expect(findings.isEmpty)
        }
        let twin = try LogFixture((0..<7).map { Array("twin \($0)".utf8) }, signer: log.signer).checkpoint()
        let findings = try await memory.judge(twin, key: log.key, tiles: source, isLive: false, at: Self.now)
        #expect(findings.first?.kind == .fork)
    }

    @Test func `is refused if it is not such a document`() throws {
        for text in ["", "[]", #"{"v":2,"logs":[],"contradictions":[]}"#, #"{"v":1}"#] {
            #expect(throws: Refusal.self) { try Remembered(document: Array(text.utf8)) }
        }
        #expect(try Remembered(document: nil) == Remembered())
    }

    @Test func `and missing cosignatures have exit codes of their own`() async throws {
        let log = try LogFixture(counting: 3)
        let cosigner = try Cosigner(name: "w", key: EphemeralKey(.ed25519))
        let quorum = try WitnessQuorum([cosigner.key])
        let bare = VerifyCheckpoint.run(note: try log.checkpoint(), key: log.key, quorum: quorum)
        #expect(!bare.verified && bare.exitStatus == 5)
        let state = try WitnessedLog(origin: log.key.name, keys: [log.key])
        let request = WitnessRequest(oldSize: 0, proof: [], note: try log.checkpoint())
        let line = try state.cosign(request, by: cosigner, at: Self.now).line
        var good = VerifyCheckpoint.run(note: try log.checkpoint() + line, key: log.key, quorum: quorum)
        #expect(good.verified && good.exitStatus == 0)
        #expect(good.lines.contains { $0.contains("cosigned by w at 2026-11-21") })
        good.add(bare.findings)
        #expect(!good.verified && good.exitStatus == 5)
        // A log shows its witnessed checkpoint one step behind; the verifier finds it there.
        let cosigned = try log.checkpoint() + line
        try log.write(cosigned, "witnessed/checkpoint")
        let found = try await DirectoryLog(log.path).checkpointNote(key: log.key, quorum: quorum)
        #expect(found == cosigned)
        #expect(try await VerifyLog.run(DirectoryLog(log.path), key: log.key, quorum: quorum).verified)
        try log.remove("witnessed/checkpoint")
        #expect(try await VerifyLog.run(DirectoryLog(log.path), key: log.key, quorum: quorum).exitStatus == 5)
    }
}
