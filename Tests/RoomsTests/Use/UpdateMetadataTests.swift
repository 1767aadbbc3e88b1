import Keys
import KeysFile
import Passport
import Registry
import Store
import TUF
import Testing
import Trust
import Use
import Wire
import Workbench

@Suite struct `Update metadata of a house` {
    private let updates: UpdateBench
    private var house: House { updates.house }
    private var bench: HouseBench { updates.bench }

    init() async throws { updates = try await UpdateBench(try await HouseBench()) }

    @Test func `is taken by a client with the first root, who finds a release and its terms`() async throws {
        // The layer has signers, and no document yet.
        await #expect(throws: MetadataRefusal.self) { try await updates.find(UpdateBench.path(1)) }
        let path = try await updates.release(1)
        #expect(path == "thermostat-2/os/1")
        let found = try #require(try await updates.find(path))
        #expect(found.role == "product~thermostat-2~os")
        #expect(found.remotePath == "thermostat-2/os/\(LeafCertificate.sha256(Array("os 1".utf8))).1")
        let terms = try ReleaseTerms(found.file, of: found.role)
        #expect(terms.sequence == 1 && terms.version == "1.1" && terms.hardware == [HouseBench.hardware])
        #expect(terms.from == ["1.0"] && terms.bootloader == ["2024.01"] && terms.network.isEmpty)
        try await updates.release(2)
        #expect(try await updates.find(path) != nil)
        #expect(try await updates.find("thermostat-2/app/1") == nil)
    }

    @Test func `has one SHA-256 in what was proposed, signed, recorded and published`() async throws {
        let proposed = try await updates.propose(1)
        try await updates.signByBoth(proposed.draft)
        try await updates.publish([proposed.draft])
        let events = try await house.read { rows in
            try rows.query("SELECT entry FROM ledger WHERE device IS NULL ORDER BY idx").map {
                try CanonicalJSON.decode(Entry.self, from: $0.bytes("entry")).event
            }
        }
        let contents = events.compactMap { event -> Digest? in
            switch event {
            case .updateMetadataProposed(UpdateBench.layerRole, 1, let content): content
            case .updateMetadataSigned(UpdateBench.layerRole, 1, let content, _): content
            case .updateMetadataPublished(UpdateBench.layerRole, 1, let content): content
            default: nil
            }
        }
        #expect(contents == Array(repeating: proposed.draft, count: 4))
        let file = try #require(try await updates.files()["1.\(UpdateBench.layerRole).json"])
        #expect(try MetadataDraft(document: file, as: UpdateBench.layerRole).contentDigest == proposed.draft)
        try await bench.publisher.publish()
        #expect(try await Audit.run(house.database).findings.isEmpty)
        // One byte that somebody changes behind the registry's back.
        try await house.database.write { rows in
            let other = String(decoding: file, as: UTF8.self).replacing("\"1.1\"", with: "\"1.2\"")
            try rows.execute(
                "UPDATE tuf_document SET document = $1 WHERE role = $2",
                [.bytes(Array(other.utf8)), .text(UpdateBench.layerRole)])
        }
        var findings = try await Audit.run(house.database).findings
        #expect(findings.map(\.what) == ["update metadata \(UpdateBench.layerRole) 1"])
        await #expect(throws: (any Error).self) { try await updates.find(UpdateBench.path(1)) }
        // A key that becomes one in a token, and a release that nobody approved.
        try await house.database.write { rows in
            try rows.execute("UPDATE tuf_signer SET in_token = 1", [])
            try rows.execute(
                "UPDATE tuf_document SET document = $1, version = 2 WHERE role = $2",
                [.bytes(file), .text(UpdateBench.layerRole)])
        }
        findings = try await Audit.run(house.database).findings
        let linus = try UpdateBench.name(of: updates.linusKey)
        #expect(
            findings.map(\.what).sorted() == [
                "update metadata \(UpdateBench.layerRole) 1", "update metadata \(UpdateBench.layerRole) 2",
                "update signer \(linus) of product~thermostat-2", "update signer \(linus) of \(UpdateBench.layerRole)",
            ])
    }

    @Test func `is missed by the audit where a signature or a used sequence is gone`() async throws {
        try await updates.release(1)
        #expect(try await Audit.run(house.database).findings.isEmpty)
        // What was approved, without the signatures that devices demand; and a timestamp that anybody may have written.
        let files = try await updates.files()
        for (role, name) in [
            (UpdateBench.layerRole, "1.\(UpdateBench.layerRole).json"), ("timestamp", "timestamp.json"),
        ] {
            let file = try #require(files[name])
            let bare = String(decoding: file, as: UTF8.self).replacing(
                /"sig":"[0-9a-f]{8}/, with: "\"sig\":\"00000000", maxReplacements: 1)
            _ = try await house.database.write { rows in
                try rows.execute(
                    "UPDATE tuf_document SET document = $1 WHERE role = $2", [.bytes(Array(bare.utf8)), .text(role)])
            }
        }
        _ = try await house.database.write { rows in try rows.execute("DELETE FROM tuf_release", []) }
        let findings = try await Audit.run(house.database).findings
        #expect(
            findings.map(\.what) == [
                "release 1 of \(UpdateBench.layerRole)", "update metadata \(UpdateBench.layerRole) 1",
                "update metadata timestamp \(try await updates.version(of: TimestampRole.type))",
            ])
    }

    @Test func `is signed anew every six hours, by one of those who do it at once`() async throws {
        try await updates.release(1)
        let (timestamp, snapshot) = (
            try await updates.version(of: TimestampRole.type), try await updates.version(of: SnapshotRole.type)
        )
        try await UpdateRenewal.run(house)
        bench.clock.advance(seconds: 5 * 3600)
        try await UpdateRenewal.run(house)
        #expect(try await updates.version(of: TimestampRole.type) == timestamp)
        bench.clock.advance(seconds: 3600)
        // Several nodes where the engine has them.
        let beside = try await BenchEngine.isPostgreSQL ? HouseBench(beside: bench) : nil
        let houses = [house, beside?.house ?? house]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<6 { group.addTask { try await UpdateRenewal.run(houses[index % 2]) } }
            try await group.waitForAll()
        }
        #expect(try await updates.version(of: TimestampRole.type) == timestamp + 1)
        #expect(try await updates.version(of: SnapshotRole.type) == snapshot)
        withExtendedLifetime(beside) {}
        for day in 1...5 {
            bench.clock.advance(days: 1)
            try await bench.publisher.publish()
            #expect(try await updates.find(UpdateBench.path(1)) != nil, "day \(day)")
        }
        #expect(try await updates.version(of: SnapshotRole.type) == snapshot + 1)
        #expect(try await updates.version(of: TimestampRole.type) == timestamp + 6)
    }

    @Test func `is published whole or not at all by many who do it at once`() async throws {
        let first = try await updates.propose(1).draft
        let second = try await updates.propose(2).draft
        for draft in [first, second] { try await updates.signByBoth(draft) }
        bench.clock.advance(seconds: 7 * 3600)
        let refusals = try await withThrowingTaskGroup(of: Refusal?.self) { group in
            for draft in [first, second, first, second] {
                group.addTask {
                    do {
                        try await updates.publish([draft])
                        return nil
                    } catch let refusal as Refusal { return refusal }
                }
            }
            group.addTask {
                try await UpdateRenewal.run(house)
                return nil
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        // Both are version 1 of the layer: one of them is.
        #expect(refusals.compactMap(\.?.rule) == Array(repeating: "draft: next version", count: 3), "\(refusals)")
        #expect(try await updates.version(of: UpdateBench.layerRole) == 1)
        let (repository, files) = try await updates.repository()
        let listed = try [1, 2].map { try Edition.find(UpdateBench.path($0), in: repository, files) != nil }
        #expect(listed.count { $0 } == 1)
        #expect(try await house.read { try $0.count("SELECT COUNT(*) AS n FROM tuf_release") } == 1)
    }

    @Test func `goes on under a new root that old and new keys signed, also for whoever has only the first`()
        async throws
    {
        try await updates.release(1)
        let new = [EphemeralKey(), EphemeralKey()]
        let draft = try await house.perform(DraftRoot(rootKeys: UpdateBench.texts(new)), as: updates.grace).draft
        // A threshold of the new alone, or of the old alone, is none.
        for key in new { try await updates.sign(draft, with: key, as: updates.grace) }
        await refuses(.conflict, "TUF 1.0.34 §5.3.4, §5.6.3") { try await updates.publish([draft]) }
        try await updates.sign(draft, with: updates.rootKeys[0], as: updates.linus)
        await refuses(.conflict, "TUF 1.0.34 §5.3.4, §5.6.3") { try await updates.publish([draft]) }
        await refuses(.forbidden, "signer: role") {
            try await updates.sign(draft, with: EphemeralKey(), as: updates.linus)
        }
        try await updates.sign(draft, with: updates.rootKeys[2], as: updates.linus)
        try await updates.publish([draft])
        let (repository, files) = try await updates.repository()
        #expect(repository.root.version == 2 && files["2.root.json"] != nil)
        #expect(try Edition.find(UpdateBench.path(1), in: repository, files) != nil)
        // The old keys alone do not make a third.
        let third = try await house.perform(DraftRoot(days: 400), as: updates.grace).draft
        await refuses(.forbidden, "signer: role") {
            try await updates.sign(third, with: updates.rootKeys[0], as: updates.grace)
        }
    }

    @Test func `stops nothing else when its root has run out, and goes on with a new root alone`() async throws {
        try await updates.release(1)
        let days = try await updates.repository().0.root.expires.seconds(since: bench.clock.now) / 86_400
        bench.clock.advance(days: days + 8)
        let unit = try await bench.makeUnits(1)[0]
        try await bench.publisher.publish()
        #expect(try await bench.house.read { try $0.count("SELECT MAX(size) AS n FROM checkpoint") } > 0)
        #expect(try await bench.house.read { try Device.require(unit.serial, in: $0).passport.stage } == .shipped)
        await #expect(throws: Refusal.self) { try await UpdateRenewal.run(house) }
        let root = try await house.perform(DraftRoot(), as: updates.grace).draft
        for key in updates.rootKeys.prefix(2) { try await updates.sign(root, with: key, as: updates.grace) }
        // The top-level targets ran out with it: they are signed anew, and the snapshot by the house.
        try await updates.publish([root, try await updates.topTargets()])
        #expect(try await updates.repository().0.root.version == 2)
    }

    @Test func `changes root and top-level targets together when a targets key is lost`() async throws {
        try await updates.release(1)
        let new = EphemeralKey()
        let keys = [updates.targetsKeys[0], new]
        let root = try await house.perform(DraftRoot(targetsKeys: UpdateBench.texts(keys)), as: updates.grace).draft
        for key in updates.rootKeys.prefix(2) { try await updates.sign(root, with: key, as: updates.grace) }
        // By itself it would leave the targets of its own to nobody.
        await refuses(.conflict, "TUF 1.0.34 §5.6.3") { try await updates.publish([root]) }
        let targets = try await house.perform(DelegateUpdates(product: HouseBench.product), as: updates.grace).draft
        for key in keys { try await updates.sign(targets, with: key, as: updates.linus) }
        // Nor is the lost key's signature one for the new root.
        await refuses(.conflict, "TUF 1.0.34 §5.3.4, §5.6.3") { try await updates.publish([targets]) }
        try await updates.publish([root, targets])
        let (repository, _) = try await updates.repository()
        #expect(repository.root.version == 2)
        #expect(try await updates.find(UpdateBench.path(1)) != nil)
    }

    @Test func `never lets one person have as many keys as are enough, nor wants more than there are persons`()
        async throws
    {
        let second = EphemeralKey()
        try await updates.register(second, of: "Grace", layer: "os", inToken: false)
        for threshold in [2, 3] {
            await refuses(.conflict, "release: two persons") {
                _ = try await house.perform(
                    DelegateUpdates(product: HouseBench.product, layer: "os", threshold: threshold), as: updates.grace)
            }
        }
        _ = try await bench.person("Ken", .makerAdmin)
        try await updates.register(EphemeralKey(), of: "Ken", layer: "os", inToken: false)
        _ = try await house.perform(
            DelegateUpdates(product: HouseBench.product, layer: "os", threshold: 3), as: updates.grace)
    }

    @Test func `goes on under its old keys after a move, and under the new ones once a root names them`() async throws {
        try await updates.release(1)
        let store = JoinedKeyStore(
            first: try FileKeyStore(folder: bench.folder + "/keys-2"),
            second: try FileKeyStore(folder: bench.folder + "/keys"))
        let moved = try await HouseBench(continuing: bench, keys: store)
        _ = try await KeyMove.run(moved.house) { _ in }
        bench.clock.advance(seconds: 7 * 3600)
        let version = try await updates.version(of: TimestampRole.type)
        try await UpdateRenewal.run(moved.house)
        #expect(try await updates.version(of: TimestampRole.type) == version + 1)
        #expect(try await updates.find(UpdateBench.path(1)) != nil)
        let old = [KeyLabel(trusted: "update-snapshot-1"), KeyLabel(trusted: "update-timestamp-1")]
        for label in old {
            await refuses(.conflict, "keys retire") {
                try await KeyRetirement.run(label, informed: true, in: moved.house)
            }
        }
        let draft = try await moved.house.perform(DraftRoot(), as: updates.grace).draft
        for key in updates.rootKeys.prefix(2) { try await updates.sign(draft, with: key, as: updates.grace) }
        _ = try await moved.house.perform(PublishMetadata(drafts: [draft]), as: updates.grace)
        for label in old { try await KeyRetirement.run(label, informed: true, in: moved.house) }
        #expect(try old.allSatisfy { try store.find($0) == nil })
        #expect(try await updates.find(UpdateBench.path(1)) != nil)
        bench.clock.advance(seconds: 7 * 3600)
        try await UpdateRenewal.run(moved.house)
        #expect(try await updates.repository().0.root.version == 2)
    }

    @Test func `needs a root of two keys at least, none of them the house's`() async throws {
        let key = UpdateBench.text(EphemeralKey())
        await refuses(.conflict, "release: two persons") {
            _ = try await house.perform(DraftRoot(rootKeys: [key], rootThreshold: 1), as: updates.grace)
        }
        await refuses(.conflict, "release: two persons") {
            _ = try await house.perform(DraftRoot(rootKeys: [key, key]), as: updates.grace)
        }
        let own = UpdateBench.texts(try house.signingKeys(.timestamp))
        await refuses(.conflict, nil) {
            _ = try await house.perform(DraftRoot(targetsKeys: own + [key]), as: updates.grace)
        }
        await refuses(.malformed, nil) {
            _ = try await house.perform(DraftRoot(rootKeys: ["no key"]), as: updates.grace)
        }
        let bare = try await HouseBench()
        await refuses(.malformed, nil) { _ = try await bench.house.perform(DraftRoot(days: 0), as: .system) }
        await refuses(.malformed, nil) { _ = try await bare.house.perform(DraftRoot(), as: .system) }
    }
}

/// A refusal with that code and rule; anything else is recorded.
func refuses(
    _ code: Refusal.Code, _ rule: String?, at location: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async {
    do {
        try await body()
        Issue.record("it was not refused", sourceLocation: location)
    } catch let refusal as Refusal {
        #expect(refusal.code == code && refusal.rule == rule, "\(refusal)", sourceLocation: location)
        #expect(!refusal.hint.isEmpty, sourceLocation: location)
    } catch {
        Issue.record("\(error)", sourceLocation: location)
    }
}
