import Auditor
import Ledger
import Testing
import Trust
import Wire

@Suite struct `Two checkpoints` {
    private func compare(
        _ old: [UInt8], _ new: [UInt8], _ log: LogFixture, key: VerifierKey? = nil
    ) async throws -> ConsistencyReport {
        try await VerifyConsistency.run(old: old, new: new, key: key ?? log.key, tiles: DirectoryLog(log.path))
    }

    @Test func `of one history are consistent`() async throws {
        let log = try LogFixture(counting: 1000)
        for old in [0, 1, 2, 255, 256, 257, 512, 768, 999, 1000] as [Int64] {
            let report = try await compare(log.checkpoint(at: old), log.checkpoint(), log)
            #expect(report.outcome == .consistent, "\(report.lines)")
            #expect(report.verified)
            #expect(report.old?.size == old)
        }
    }

    @Test func `in the wrong order are a rollback`() async throws {
        let log = try LogFixture(counting: 300)
        let report = try await compare(log.checkpoint(), log.checkpoint(at: 299), log)
        #expect(report.outcome == .rollback)
        #expect(!report.verified)
    }

    @Test func `of two histories are a fork`() async throws {
        let log = try LogFixture(counting: 1000)
        for size in [1, 4, 255, 256, 257, 512, 999] {
            var leaves = Array(log.leaves.prefix(size))
            leaves[size / 2] = Array("forged".utf8)
            let other = try LogFixture(leaves, signer: log.signer)
            let report = try await compare(other.checkpoint(), log.checkpoint(), log)
            #expect(report.outcome == .fork)
            #expect(report.computedOldRoot != report.old?.root)
            #expect(report.computedNewRoot == report.new?.root)
        }
    }

    @Test func `with two roots for one size are a fork`() async throws {
        let log = try LogFixture(counting: 300)
        var leaves = log.leaves
        leaves[7] = []
        let other = try LogFixture(leaves, signer: log.signer)
        #expect(try await compare(other.checkpoint(), log.checkpoint(), log).outcome == .fork)
    }

    @Test func `are not called a fork because of bad or missing tiles`() async throws {
        let log = try LogFixture(counting: 1000)
        let (old, new) = (try log.checkpoint(at: 300), try log.checkpoint())
        try log.flip("tile/0/001", byte: 3)
        #expect(try await compare(old, new, log).outcome == .badTiles)
        try log.remove("tile/0/001")
        #expect(try await compare(old, new, log).outcome == .badTiles)
        let other = try LogFixture(counting: 1000)
        try other.flip("tile/1/000.p/3", byte: 3)
        #expect(
            try await compare(other.checkpoint(at: 300), other.checkpoint(), other).outcome == .badTiles)
    }

    @Test func `are not compared unless both are signed`() async throws {
        let log = try LogFixture(counting: 300)
        let stranger = try LogFixture(counting: 300)
        #expect(try await compare(stranger.checkpoint(), log.checkpoint(), log).outcome == .badCheckpoint)
        #expect(try await compare(log.checkpoint(), stranger.checkpoint(), log).outcome == .badCheckpoint)
        #expect(try await compare(Array("nonsense".utf8), log.checkpoint(), log).outcome == .badCheckpoint)
    }

    @Test func `of size 0 need the root of nothing`() async throws {
        let log = try LogFixture(counting: 300)
        let root = Base64.encode(MerkleTree.leafHash([]).bytes)
        let zero = try log.signer.note("\(log.key.name)\n0\n\(root)\n")
        let report = try await compare(zero, log.checkpoint(), log)
        #expect(report.outcome == .badCheckpoint)
    }
}
