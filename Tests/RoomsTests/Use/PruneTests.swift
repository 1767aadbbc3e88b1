import Foundation
import Keys
import Passport
import Registry
import Retirement
import Rollout
import Selection
import Store
import TUF
import Testing
import Trust
import Use
import Wire
import Workbench

/// Artifacts that nothing needs any more, and those that something does.
@Suite struct `A prune of artifacts` {
    private let bench: HouseBench
    private let units: [BenchUnit]
    private let keys: [EphemeralKey]
    private let maker: Principal
    private var house: House { bench.house }

    init() async throws {
        bench = try await HouseBench()
        units = try await bench.makeUnits(4)
        let ada = try await bench.ownership()
        var keys: [EphemeralKey] = []
        for unit in units {
            try await bench.pair(unit, with: ada)
            keys.append(try await bench.enrol(unit).key)
        }
        self.keys = keys
        maker = try await bench.person("Mary", .makerAdmin)
    }

    private func artifact(_ sequence: Int) -> Digest { LeafCertificate.sha256(Array("release \(sequence)".utf8)) }

    private func isHere(_ sequence: Int) -> Bool {
        FileManager.default.fileExists(atPath: house.artifacts.path + "/\(artifact(sequence))")
    }

    private func prune(days: Int = 30, releases: Int = 2, dryRun: Bool = false) async throws -> PruneArtifacts.Answer {
        try await house.perform(
            PruneArtifacts(keepDays: days, keepReleases: releases, dryRun: dryRun), as: maker)
    }

    private func offer(_ sequence: Int, to unit: Int) async throws {
        _ = try await house.perform(
            OfferUpdate(product: HouseBench.product, sequence: sequence, devices: [units[unit].serial]), as: maker)
    }

    private func install(_ sequence: Int, on unit: Int) async throws {
        try await offer(sequence, to: unit)
        let device = units[unit].device
        let offered = try #require(
            try await house.read { try Device.require(device.text, in: $0).passport.offeredUpdate })
        let receipt = Receipt(
            kind: .updated, device: device, at: bench.clock.now, release: offered.release, sequence: sequence)
        let seal = try Seal.sign(
            type: Seal.PayloadType.receipt, payload: CanonicalJSON.encode(receipt), with: keys[unit])
        _ = try await house.perform(RecordReceipt(seal: seal), as: .device(device))
    }

    private func count(_ kind: String) async throws -> Int {
        try await house.read { try $0.count("SELECT COUNT(*) AS n FROM ledger WHERE kind = $1", [.text(kind)]) }
    }

    private func demandWhole() async throws {
        let findings = try await Audit.run(house.database).findings
        #expect(findings.isEmpty, "\(findings)")
    }

    // MARK: What stays

    @Test func `leaves what runs, is offered, leads back, rolls out, is held, is new or young, and says why`()
        async throws
    {
        for sequence in 1...9 { try await bench.publishRelease(sequence, mayReturn: sequence == 4 ? true : nil) }
        try await install(1, on: 0)
        try await install(4, on: 1)
        try await offer(5, to: 2)
        _ = try await house.perform(HoldUpdates(device: units[3].serial, highest: 6), as: maker)
        let plan = RolloutPlan(
            product: HouseBench.product, sequence: 7, stages: [.init(share: 10_000)], soakSeconds: 3600,
            deadlineSeconds: 7200, aliveSeconds: 7200, failureLine: 2000, minimumSample: 3)
        let rollout = try await house.perform(PlanRollout(plan: plan), as: maker).rollout
        bench.clock.advance(days: 40)
        try await bench.publishRelease(10)
        bench.clock.advance(days: 20)
        let plain = try await prune(releases: 1, dryRun: true)
        #expect(plain.removed.flatMap(\.releases).sorted() == ["thermostat-2 2", "thermostat-2 8", "thermostat-2 9"])
        var why: [String: String] = [:]
        for piece in plain.kept { why[piece.releases.joined()] = piece.why }
        let expected = [
            1: "runs on 1 device", 3: "the way back from thermostat-2 4", 4: "runs on 1 device",
            5: "offered to 1 device",
            6: "held devices may have it", 7: "in an open rollout", 10: "the newest of thermostat-2",
        ]
        for (sequence, reason) in expected {
            #expect(why["thermostat-2 \(sequence)"]?.contains(reason) == true, "\(sequence): \(why)")
        }
        #expect(why["thermostat-2 10"]?.contains("published less than 30 days ago") == true)
        // Nothing has happened yet.
        #expect((1...10).allSatisfy(isHere))
        let pruned = try await prune(releases: 1)
        #expect(pruned.removed == plain.removed && pruned.removedCount == 3 && !pruned.more)
        #expect(pruned.removedBytes == 3 * "release 1".utf8.count && pruned.keptCount == 7)
        #expect((1...10).filter { !isHere($0) } == [2, 8, 9])
        #expect(try await count("artifactPruned") == 3)
        // A rollout that ended for ever holds nothing, nor does a device that is gone.
        _ = try await house.perform(StopRollout(rollout: rollout, confirm: HouseBench.product.text), as: maker)
        #expect(try await prune(releases: 1).removed.flatMap(\.releases) == ["thermostat-2 7"])
        _ = try await house.perform(RetireDevice(device: units[1].serial, how: .destroyed), as: maker)
        #expect(
            try await prune(releases: 1).removed.flatMap(\.releases).sorted() == ["thermostat-2 3", "thermostat-2 4"])
        try await demandWhole()
    }

    @Test func `believes a device that came with a release of its own`() async throws {
        for sequence in 1...3 { try await bench.publishRelease(sequence) }
        house.contacts.note(
            .init(
                device: units[0].device, tenure: try await bench.tenure(of: units[0].device), at: bench.clock.now,
                report: CheckInReport(agent: "bench/1", sequence: 1, version: "1")))
        await house.contacts.flush()
        bench.clock.advance(days: 60)
        let answer = try await prune(releases: 1)
        #expect(answer.removed.flatMap(\.releases) == ["thermostat-2 2"])
        #expect(answer.kept.contains { $0.why == "runs on 1 device, as they say" })
    }

    @Test func `leaves what update metadata lists, what a draft would, and every document about a release`()
        async throws
    {
        let updates = try await UpdateBench(HouseBench())
        let house = updates.house
        for sequence in 1...3 { try await updates.release(sequence, from: [], bootloader: []) }
        try await updates.withdraw(1)
        updates.bench.clock.advance(days: 60)
        _ = try await updates.propose(4)
        let answer = try await house.perform(PruneArtifacts(keepReleases: 1, dryRun: false), as: updates.grace)
        #expect(answer.removed.flatMap(\.releases) == ["thermostat-2 1"])
        let why = answer.kept.map(\.why)
        #expect(why.count { $0.contains("listed in update metadata") } == 2, "\(why)")
        #expect(why.contains("in a draft of update metadata"), "\(why)")
        try await updates.bench.publisher.publish()
        #expect(try await Audit.run(house.database).findings.isEmpty)
    }

    // MARK: What was pruned

    @Test func `ends that a release is offered, rolled out or published, until its bytes are back`() async throws {
        for sequence in 1...4 { try await bench.publishRelease(sequence) }
        bench.clock.advance(days: 60)
        #expect(try await prune().removedCount == 2)
        await refuses(.gone, "artifact: pruned") { try await offer(1, to: 0) }
        let plan = RolloutPlan(
            product: HouseBench.product, sequence: 1, stages: [.init(share: 10_000)], soakSeconds: 3600,
            deadlineSeconds: 7200, aliveSeconds: 7200, failureLine: 2000, minimumSample: 3)
        await refuses(.gone, "artifact: pruned") { _ = try await house.perform(PlanRollout(plan: plan), as: maker) }
        // The same bytes under another number: whoever writes into the folder brings nothing back.
        let bytes = Array("release 1".utf8)
        try Data(bytes).write(to: URL(filePath: house.artifacts.path + "/\(artifact(1))"))
        await refuses(.gone, "artifact: pruned") {
            _ = try await house.perform(
                PublishRelease(
                    product: HouseBench.product, sequence: 9, version: "9", hardware: [HouseBench.hardware],
                    sha256: artifact(1), size: bytes.count), as: maker)
        }
        #expect(try await ArtifactRecords.expect(artifact(1), in: house, as: maker))
        try await ArtifactRecords.arrive(artifact(1), in: house, as: maker)
        try await offer(1, to: 0)
        #expect(try await count("artifactReturned") == 1)
        try await demandWhole()
    }

    @Test func `is found out where somebody marks what the ledger never heard of, or unmarks it`() async throws {
        for sequence in 1...4 { try await bench.publishRelease(sequence) }
        bench.clock.advance(days: 60)
        _ = try await prune()
        try await demandWhole()
        try await house.database.write { rows in
            try rows.execute(
                "INSERT INTO artifact (sha256, state, uploaded_at, since) VALUES ($1, 'removed', 0, 0)",
                [Value(artifact(4))])
            try rows.execute("UPDATE artifact SET state = 'here' WHERE sha256 = $1", [Value(artifact(1))])
        }
        let findings = try await Audit.run(house.database).findings
        #expect(Set(findings.map(\.what)) == ["artifact \(artifact(1))", "artifact \(artifact(4))"], "\(findings)")
    }

    // MARK: At the same moment

    @Test func `goes on where one before it was killed, and not while that may be at it`() async throws {
        for sequence in 1...4 { try await bench.publishRelease(sequence) }
        bench.clock.advance(days: 60)
        // Killed when it was written down and not done; or done, and that not written down.
        try await house.change(as: maker) { change in
            for sequence in [1, 2] {
                let isMarked = try ArtifactRecords.mark(
                    artifact(sequence), of: 9, uploadedBefore: change.now, in: change)
                #expect(isMarked)
            }
        }
        try house.artifacts.remove(artifact(2))
        let early = try await prune()
        #expect(early.removed.isEmpty && early.kept.contains { $0.why == "it is being removed just now" })
        bench.clock.advance(seconds: 61)
        #expect(try await prune().removed.map(\.artifact) == [artifact(1)])
        #expect(try await count("artifactPruned") == 2)
        // And what a backup brought back, though it was removed.
        try Data("release 2".utf8).write(to: URL(filePath: house.artifacts.path + "/\(artifact(2))"))
        #expect(try await prune().removed.map(\.artifact) == [artifact(2)])
        #expect(try await count("artifactPruned") == 2)
        let states = try await house.read { try ArtifactRecords.all(in: $0).values.map(\.state) }
        #expect(states == [.removed, .removed])
        try await demandWhole()
    }

    @Test func `never takes what is uploaded at the same moment`() async throws {
        for sequence in 1...4 { try await bench.publishRelease(sequence) }
        bench.clock.advance(days: 60)
        // The upload first.
        #expect(try await !ArtifactRecords.expect(artifact(1), in: house, as: maker))
        #expect(try await prune().removed.map(\.artifact) == [artifact(2)])
        #expect(isHere(1))
        // The removal first: the upload waits for its end, and its bytes come after.
        let marked = try await house.change(as: maker) { change -> Timestamp? in
            try ArtifactRecords.mark(artifact(3), of: 9, uploadedBefore: change.now, in: change) ? change.now : nil
        }
        let since = try #require(marked)
        async let wasRemoved = ArtifactRecords.expect(artifact(3), in: house, as: maker)
        try await Task.sleep(for: .milliseconds(150))
        #expect(
            try await ArtifactRecords.remove(
                [artifact(3)], markedAt: since, from: house.artifacts, in: house, as: maker) == [artifact(3)])
        let came = try await wasRemoved
        #expect(came)
        try Data("release 3".utf8).write(to: URL(filePath: house.artifacts.path + "/\(artifact(3))"))
        try await ArtifactRecords.arrive(artifact(3), in: house, as: maker)
        #expect(try await prune(releases: 1).removed.isEmpty)
        #expect(isHere(3))
        try await demandWhole()
    }

    @Test func `looks again where something was offered since it looked`() async throws {
        for sequence in 1...4 { try await bench.publishRelease(sequence) }
        bench.clock.advance(days: 60)
        let terms = ArtifactNeeds.Terms(days: 30, releases: 2)
        let looked = try await ArtifactNeeds.read(terms, in: house)
        func isStale() async throws -> Bool {
            try await house.read { rows in
                var needs = looked
                return try needs.isStale(in: rows)
            }
        }
        // What is needed anyway changes nothing.
        try await offer(4, to: 0)
        #expect(try await !isStale())
        try await offer(1, to: 1)
        #expect(try await isStale())
        #expect(try await prune().removed.map(\.artifact) == [artifact(2)])
        let again = try await ArtifactNeeds.read(terms, in: house)
        try await bench.publishRelease(5)
        let isAgain = try await house.read { rows -> Bool in
            var needs = again
            return try needs.isStale(in: rows)
        }
        #expect(isAgain)
    }

    @Test(.timeLimit(.minutes(1))) func `may run twice at once, beside offers, and on two nodes`() async throws {
        for sequence in 1...40 { try await bench.publishRelease(sequence) }
        bench.clock.advance(days: 60)
        let folder = house.artifacts.path
        let beside =
            try await BenchEngine.isPostgreSQL
            ? HouseBench(beside: bench, settings: { $0.artifactFolder = folder }) : nil
        let houses = [house, beside?.house ?? house]
        let serial = units[0].serial
        let removed = try await withThrowingTaskGroup(of: [Digest].self) { group in
            for house in houses {
                group.addTask {
                    let answer = try await house.perform(PruneArtifacts(dryRun: false), as: maker)
                    return answer.removed.map(\.artifact)
                }
            }
            group.addTask {
                for sequence in 1...10 {
                    let offer = OfferUpdate(product: HouseBench.product, sequence: sequence, devices: [serial])
                    do { _ = try await houses[1].perform(offer, as: maker) } catch let refusal as Refusal {
                        #expect(refusal.rule == "artifact: pruned", "\(refusal)")
                    }
                }
                return []
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(removed.count == Set(removed).count)
        #expect(try await count("artifactPruned") == removed.count)
        // Whatever is offered in the end is there.
        let offered = try await house.read { try Device.require(serial, in: $0).passport.offeredUpdate?.sequence }
        #expect(offered.map(isHere) ?? true)
        try await demandWhole()
    }

    @Test func `waits for a backup, and for whoever may not`() async throws {
        for sequence in 1...4 { try await bench.publishRelease(sequence) }
        bench.clock.advance(days: 60)
        let lock = try house.artifacts.lock(to: .copy)
        await refuses(.unavailable, "artifact: backup") { _ = try await prune() }
        #expect((1...4).allSatisfy(isHere))
        withExtendedLifetime(lock) {}
        let support = try await bench.person("Sue", .support)
        await refuses(.forbidden, "role support: administer") {
            _ = try await house.perform(PruneArtifacts(dryRun: true), as: support)
        }
        for (days, releases) in [(-1, 2), (30, 0), (Int.max, 2), (30, Int.max)] {
            await refuses(.malformed, nil) { _ = try await prune(days: days, releases: releases) }
        }
    }

    @Test func `gives what nobody is known to have uploaded its days, and takes no notice of other files`() async throws
    {
        let stray = LeafCertificate.sha256(Array("stray".utf8))
        try Data("stray".utf8).write(to: URL(filePath: house.artifacts.path + "/\(stray)"))
        for name in ["notes.txt", ".upload-1", stray.description.uppercased()] {
            try Data("x".utf8).write(to: URL(filePath: house.artifacts.path + "/" + name))
        }
        #expect(try await prune().removed.isEmpty)
        bench.clock.advance(days: 29)
        #expect(try await prune().removed.isEmpty)
        bench.clock.advance(days: 2)
        // Whoever reads it reads on.
        let reader = try #require(FileHandle(forReadingAtPath: house.artifacts.path + "/\(stray)"))
        #expect(try await prune().removed.map(\.why) == ["of no release"])
        #expect(try reader.readToEnd() == Data("stray".utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: house.artifacts.path).count == 3)
        try await demandWhole()
    }
}
