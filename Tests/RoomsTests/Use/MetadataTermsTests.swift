import Foundation
import Passport
import Registry
import Release
import Rollout
import Store
import TUF
import Testing
import Trust
import Use
import Wire
import Workbench

/// An encrypted release, and a way back, in what two persons sign.
@Suite struct `What update metadata says of a release` {
    private let updates: UpdateBench
    private var house: House { updates.house }

    init() async throws { updates = try await UpdateBench(try await HouseBench()) }

    private func terms(_ sequence: Int) async throws -> (terms: ReleaseTerms, file: TargetFile) {
        let found = try #require(try await updates.find(UpdateBench.path(sequence)))
        return (try ReleaseTerms(found.file, of: found.role), found.file)
    }

    private func stored(_ sequence: Int) async throws -> StoredRelease {
        try await house.read { try StoredRelease.require(sequence, of: HouseBench.product, in: $0) }
    }

    private func keys() async throws -> Int {
        try await house.read { try $0.count("SELECT COUNT(*) AS n FROM payload_key") }
    }

    @Test func `is the hash of what is installed, and of what lies in the store`() async throws {
        let chunks = try BenchChunks(Array("plain words".utf8))
        try await updates.release(1, chunks.plain, in: chunks)
        let form = EncryptedForm(.chunks, sha256: chunks.sha256, size: chunks.stored.count)
        let (terms, file) = try await terms(1)
        #expect(terms.encrypted == form && file.length == chunks.plain.count)
        #expect(file.hashes.values["sha256"] == LeafCertificate.sha256(chunks.plain).description)
        let release = try await stored(1)
        #expect(release.manifest.encrypted == form && release.manifest.mayReturnTo == nil)
        #expect(release.manifest.sha256 == LeafCertificate.sha256(chunks.plain))
        let key = try #require(try await house.read { try PayloadKeys.find(release.digest, in: $0) })
        #expect(try await PayloadKeys.open(key, in: house).secret == chunks.key)
        try await updates.bench.publisher.publish()
        #expect(try await Audit.run(house.database).findings.isEmpty)
    }

    @Test func `has one key for the stored bytes, which goes with drafts that nobody publishes`() async throws {
        let (one, two) = (try BenchChunks(Array("one".utf8)), try BenchChunks(Array("two".utf8)))
        let first = try await updates.propose(1, one.plain, in: one).draft
        // Again, in another draft: the same key; and none but that one.
        _ = try await updates.propose(2, one.plain, in: one)
        #expect(try await keys() == 1)
        let forged = ProposeRelease.Release(
            sequence: 3, version: "3", hardware: [HouseBench.hardware], sha256: one.sha256, size: one.stored.count,
            encryption: two.secret)
        await refuses(.malformed, "release: chunk") {
            _ = try await house.perform(
                ProposeRelease(product: HouseBench.product, layer: UpdateBench.layer, release: forged),
                as: updates.grace)
        }
        try await updates.signByBoth(first)
        try await updates.publish([first])
        _ = try await updates.propose(4, two.plain, in: two)
        #expect(try await keys() == 2)
        updates.bench.clock.advance(days: 15)
        let three = try BenchChunks(Array("three".utf8))
        _ = try await updates.propose(5, three.plain, in: three)
        // What was published stays, and what was only proposed does not.
        let left = try await house.read { rows in
            try rows.query("SELECT release FROM payload_key").map { try $0.text("release") }
        }
        #expect(Set(left) == ["artifact:\(one.sha256)", "artifact:\(three.sha256)"])
    }

    @Test func `is not published if what opens it is gone, and is not the wrong key's`() async throws {
        let chunks = try BenchChunks(Array("plain words".utf8))
        let draft = try await updates.propose(1, chunks.plain, in: chunks).draft
        try await updates.signByBoth(draft)
        let row = try #require(
            try await house.read { rows in try rows.first("SELECT secret FROM payload_key")?.bytes("secret") })
        _ = try await house.database.write { try $0.execute("DELETE FROM payload_key", []) }
        await refuses(.conflict, "release: payload key") { try await updates.publish([draft]) }
        #expect(try await house.read { try $0.count("SELECT COUNT(*) AS n FROM release") } == 0)
        // Proposed anew it can be.
        _ = try await updates.propose(1, chunks.plain, in: chunks)
        // What was sealed under another data key, in its place, does not open.
        _ = try await house.database.write { try $0.execute("UPDATE payload_key SET secret = $1", [.bytes(row)]) }
        try await updates.publish([draft])
        let release = try await stored(1).digest
        let key = try #require(try await house.read { try PayloadKeys.find(release, in: $0) })
        await refuses(.internal, nil) { _ = try await PayloadKeys.open(key, in: house) }
    }

    @Test func `is a way back to the release that is listed before it`() async throws {
        await refuses(.conflict, "release: return") {
            _ = try await updates.propose(1, [1], mayReturn: true)
        }
        try await updates.release(1, [1])
        try await updates.release(2, [2], mayReturn: true)
        let (first, second) = (try await stored(1), try await stored(2))
        #expect(second.manifest.mayReturnTo == first.digest)
        #expect(try await terms(2).terms.mayReturnTo == first.digest)
        func plan(_ sequence: Int, from: Int) -> PlanRollout {
            PlanRollout(
                plan: RolloutPlan(
                    product: HouseBench.product, sequence: sequence, stages: [.init(share: 10_000)], returnsFrom: from))
        }
        // A rollout in the other direction is planned on the signed word, and without it is not.
        _ = try await house.perform(plan(1, from: 2), as: updates.grace)
        try await updates.release(3, [3])
        await refuses(.forbidden, "rollout: return") {
            _ = try await house.perform(plan(2, from: 3), as: updates.grace)
        }
        // Taken off, it is no way back any more.
        try await updates.withdraw(1)
        await refuses(.gone, "release: withdrawn") { _ = try await house.perform(plan(1, from: 2), as: updates.grace) }
        let draft = try await updates.propose(4, [4], mayReturn: true).draft
        try await updates.signByBoth(draft)
        try await updates.publish([draft])
        let (third, fourth) = (try await stored(3), try await stored(4))
        #expect(fourth.manifest.mayReturnTo == third.digest)
    }
}
