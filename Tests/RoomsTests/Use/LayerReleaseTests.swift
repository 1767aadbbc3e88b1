import Foundation
import Registry
import Store
import TUF
import Testing
import Trust
import Use
import Wire
import Workbench

@Suite struct `A release of a layer` {
    private let updates: UpdateBench
    private var house: House { updates.house }

    init() async throws { updates = try await UpdateBench(try await HouseBench()) }

    @Test func `wants two persons, and one of them twice is one`() async throws {
        let draft = try await updates.propose(1).draft
        await refuses(.conflict, "TUF 1.0.34 §5.3.4, §5.6.3") { try await updates.publish([draft]) }
        try await updates.sign(draft, with: updates.graceKey, as: updates.grace)
        await refuses(.conflict, "TUF 1.0.34 §5.3.4, §5.6.3") { try await updates.publish([draft]) }
        // A second key of hers, registered and all.
        let second = EphemeralKey()
        try await updates.register(second, of: "Grace", layer: UpdateBench.layer, inToken: false)
        await refuses(.conflict, "release: two persons") {
            try await updates.sign(draft, with: second, as: updates.grace)
        }
        // Her own signature once more is none more, nor is it one if somebody else brings it.
        try await updates.sign(draft, with: updates.graceKey, as: updates.grace)
        await refuses(.forbidden, "signer: own key") {
            try await updates.sign(draft, with: updates.graceKey, as: updates.linus)
        }
        await refuses(.conflict, "TUF 1.0.34 §5.3.4, §5.6.3") { try await updates.publish([draft]) }
        try await updates.sign(draft, with: updates.linusKey, as: updates.linus)
        try await updates.publish([draft])
        await refuses(.conflict, "draft: next version") { try await updates.publish([draft]) }
    }

    @Test func `wants a key in a token among those that signed`() async throws {
        let soft = EphemeralKey()
        let ada = try await updates.bench.person("Ada", .makerAdmin)
        try await updates.register(soft, of: "Ada", layer: UpdateBench.layer, inToken: false)
        try await updates.publish([try await updates.delegation(of: UpdateBench.layer)])
        let draft = try await updates.propose(1).draft
        try await updates.sign(draft, with: soft, as: ada)
        try await updates.sign(draft, with: updates.linusKey, as: updates.linus)
        await refuses(.conflict, "release: token") { try await updates.publish([draft]) }
        try await updates.sign(draft, with: updates.graceKey, as: updates.grace)
        try await updates.publish([draft])
    }

    @Test func `is what was looked at, to the byte`() async throws {
        let draft = try await updates.propose(1).draft
        var changed = try await updates.bytes(of: draft)
        changed[changed.count / 2] ^= 1
        let over = try updates.graceKey.signature(over: changed)
        await refuses(.conflict, "draft: exact bytes") {
            try await updates.handIn(over, by: updates.graceKey, for: draft, as: updates.grace)
        }
        // Nobody proposed what bears that name.
        await refuses(.notFound, "draft: exact bytes") {
            try await updates.handIn(
                over, by: updates.graceKey, for: LeafCertificate.sha256(changed), as: updates.grace)
        }
        try await updates.signByBoth(draft)
        // Changed in the database after both signed.
        try await house.database.write { rows in
            let row = try #require(
                try rows.first("SELECT document FROM tuf_draft WHERE content = $1", [Value(draft)]))
            let other = String(decoding: try row.bytes("document"), as: UTF8.self).replacing("1.1", with: "1.9")
            try rows.execute(
                "UPDATE tuf_draft SET document = $1 WHERE content = $2",
                [.bytes(Array(other.utf8)), Value(draft)])
        }
        await refuses(.conflict, "draft: exact bytes") { try await updates.publish([draft]) }
        #expect(try await updates.version(of: UpdateBench.layerRole) == 0)
    }

    @Test func `is signed by its own layer's signers and by nobody else`() async throws {
        let key = EphemeralKey()
        let ada = try await updates.bench.person("Ada", .makerAdmin)
        for layer in [nil, "app"] { try await updates.register(key, of: "Ada", layer: layer, inToken: true) }
        let draft = try await updates.propose(1).draft
        await refuses(.forbidden, "signer: role") { try await updates.sign(draft, with: key, as: ada) }
        // Registered, and not yet in a document that devices have: it does not count.
        try await updates.register(key, of: "Ada", layer: UpdateBench.layer, inToken: true)
        try await updates.sign(draft, with: key, as: ada)
        try await updates.sign(draft, with: updates.linusKey, as: updates.linus)
        await refuses(.conflict, "TUF 1.0.34 §5.3.4, §5.6.3") { try await updates.publish([draft]) }
    }

    @Test func `loses the signature of whoever is removed or left before it is published`() async throws {
        let draft = try await updates.propose(1).draft
        try await updates.signByBoth(draft)
        let name = try UpdateBench.name(of: updates.linusKey)
        _ = try await house.perform(
            RemoveSigner(product: HouseBench.product, layer: UpdateBench.layer, key: name), as: updates.grace)
        await refuses(.conflict, "TUF 1.0.34 §5.3.4, §5.6.3") { try await updates.publish([draft]) }
        try await updates.register(updates.linusKey, of: "Linus", layer: UpdateBench.layer, inToken: false)
        _ = try await house.perform(RemovePerson(person: "Linus"), as: updates.grace)
        await refuses(.conflict, "TUF 1.0.34 §5.3.4, §5.6.3") {
            _ = try await house.perform(PublishMetadata(drafts: [draft]), as: updates.grace)
        }
    }

    @Test func `is forgotten after two weeks, and follows what is published`() async throws {
        let old = try await updates.propose(1).draft
        try await updates.sign(old, with: updates.graceKey, as: updates.grace)
        updates.bench.clock.advance(days: 14)
        await refuses(.gone, "draft: 14 days") {
            try await updates.sign(old, with: updates.linusKey, as: updates.linus)
        }
        await refuses(.gone, "draft: 14 days") { try await updates.publish([old]) }
        let left = try await updates.propose(1).draft
        try await updates.signByBoth(left)
        let right = try await updates.propose(2).draft
        try await updates.signByBoth(right)
        try await updates.publish([left])
        await refuses(.conflict, "draft: next version") { try await updates.publish([right]) }
    }

    @Test func `never goes down, and what was taken off does not come again`() async throws {
        for sequence in [3, 4] { try await updates.release(sequence) }
        for sequence in [1, 3, 4] {
            await refuses(.conflict, "release: sequence grows") { _ = try await updates.propose(sequence) }
        }
        let off = try await house.perform(
            ProposeRelease(
                product: HouseBench.product, layer: UpdateBench.layer, release: nil, withdraws: [4]),
            as: updates.grace
        ).draft
        try await updates.signByBoth(off)
        try await updates.publish([off])
        #expect(try await updates.find(UpdateBench.path(4)) == nil)
        #expect(try await updates.find(UpdateBench.path(3)) != nil)
        await refuses(.conflict, "release: sequence grows") { _ = try await updates.propose(4) }
        await refuses(.notFound, nil) { _ = try await updates.propose(5, withdraws: [4]) }
        try await updates.release(5)
    }

    @Test func `changes its signers only together with a document that the new ones signed`() async throws {
        try await updates.release(1)
        let (ada, key) = (try await updates.bench.person("Ada", .makerAdmin), EphemeralKey())
        try await updates.register(key, of: "Ada", layer: UpdateBench.layer, inToken: true)
        let gone = try UpdateBench.name(of: updates.graceKey)
        _ = try await house.perform(
            RemoveSigner(product: HouseBench.product, layer: UpdateBench.layer, key: gone), as: updates.linus)
        let delegation = try await updates.delegation(of: UpdateBench.layer)
        // The release that is out there would no longer be believed: the rehearsal finds it.
        await refuses(.conflict, "TUF 1.0.34 §5.6.3") { try await updates.publish([delegation]) }
        let again = try await house.perform(
            ProposeRelease(product: HouseBench.product, layer: UpdateBench.layer, release: nil, days: 90), as: ada
        ).draft
        try await updates.sign(again, with: key, as: ada)
        try await updates.sign(again, with: updates.linusKey, as: updates.linus)
        await refuses(.conflict, "TUF 1.0.34 §5.3.4, §5.6.3") { try await updates.publish([again]) }
        try await updates.publish([again, delegation])
        #expect(try await updates.find(UpdateBench.path(1)) != nil)
    }

    @Test func `holds up nobody else when its document has run out, and comes back with the next`() async throws {
        let short = try await house.perform(
            ProposeRelease(product: HouseBench.product, layer: UpdateBench.layer, release: nil, days: 1),
            as: updates.grace
        ).draft
        try await updates.signByBoth(short)
        try await updates.publish([short])
        updates.bench.clock.advance(days: 2)
        try await updates.publish([try await updates.topTargets()])
        await #expect(throws: MetadataRefusal.self) { try await updates.find(UpdateBench.path(1)) }
        try await updates.release(1)
        #expect(try await updates.find(UpdateBench.path(1)) != nil)
    }

    @Test func `takes no key of two people, and none of somebody who may not publish`() async throws {
        await refuses(.conflict, "signer: one person a key") {
            try await updates.register(updates.graceKey, of: "Linus", layer: "app", inToken: true)
        }
        _ = try await updates.bench.person("Alan", .auditor)
        await refuses(.conflict, "signer: may publish") {
            try await updates.register(EphemeralKey(), of: "Alan", layer: "app", inToken: true)
        }
        // A layer that nobody signs for has no releases.
        await refuses(.conflict, "release: two persons") { _ = try await updates.propose(1, layer: "app") }
        try await updates.register(EphemeralKey(), of: "Grace", layer: "app", inToken: false)
        try await updates.register(EphemeralKey(), of: "Linus", layer: "app", inToken: false)
        await refuses(.conflict, "release: token") { _ = try await updates.propose(1, layer: "app") }
        await refuses(.malformed, "release: layer") { _ = try await updates.propose(1, layer: "a~b") }
    }

    @Test func `needs its artifact, and terms within bounds`() async throws {
        func propose(_ change: (inout ProposeRelease.Release) -> Void) async throws {
            let bytes = Array("os 9".utf8)
            let sha256 = LeafCertificate.sha256(bytes)
            try Data(bytes).write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
            var release = ProposeRelease.Release(
                sequence: 9, version: "9", hardware: ["a"], sha256: sha256, size: bytes.count)
            change(&release)
            _ = try await house.perform(
                ProposeRelease(product: HouseBench.product, layer: UpdateBench.layer, release: release),
                as: updates.grace)
        }
        await refuses(.conflict, nil) { try await propose { $0.size += 1 } }
        await refuses(.conflict, nil) { try await propose { $0.sha256 = LeafCertificate.sha256([0]) } }
        await refuses(.malformed, nil) { try await propose { $0.sequence = 0 } }
        await refuses(.malformed, nil) { try await propose { $0.hardware = [] } }
        await refuses(.malformed, nil) { try await propose { $0.from = Array(repeating: "1", count: 65) } }
        await refuses(.malformed, nil) { try await propose { $0.version = "1\n2" } }
        try await propose { _ in }
    }
}
