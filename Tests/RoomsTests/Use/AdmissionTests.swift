import Crypto
import Design
import Foundation
import Registry
import Release
import Store
import TUF
import Testing
import Trust
import Use
import Wire
import Workbench

/// What a product asks of a release, at the draft in update metadata and at a release that the house alone seals.
@Suite struct `The admission of a release` {
    private let bench: HouseBench
    private let builder = EphemeralKey()
    private let image = Array("image".utf8)
    private var house: House { bench.house }

    init() async throws { bench = try await HouseBench() }

    private func rules(sbom: Bool = true, provenance: Bool = true, builders: [EphemeralKey]? = nil) -> AdmissionRules {
        AdmissionRules(
            sbom: sbom, provenance: provenance,
            builders: (builders ?? [builder]).map { Base64.encode($0.publicKeyDER) })
    }

    private func ask(_ rules: AdmissionRules?) async throws {
        _ = try await house.perform(
            PublishProduct(
                product: HouseBench.product, title: "Thermostat 2", hardware: HouseBench.hardware, admission: rules),
            as: .system)
    }

    @discardableResult
    private func upload(_ bytes: [UInt8]) throws -> Wire.Digest {
        let sha256 = LeafCertificate.sha256(bytes)
        try Data(bytes).write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
        return sha256
    }

    private func materials(_ name: String = "thermostat-2", version: String = "1.4.2") throws -> Wire.Digest {
        try upload(
            Array(
                #"{"bomFormat":"CycloneDX","specVersion":"1.5","metadata":{"component":{"name":"\#(name)","version":"\#(version)"}}}"#
                    .utf8))
    }

    private func provenance(of artifact: Wire.Digest, by key: EphemeralKey? = nil) throws -> Wire.Digest {
        let statement =
            #"{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"\#(artifact)"}}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{"buildDefinition":{"buildType":"b"},"runDetails":{"builder":{"id":"i"}}}}"#
        return try upload(
            try CanonicalJSON.encode(
                try Seal.sign(type: Provenance.payloadType, payload: Array(statement.utf8), with: key ?? builder)))
    }

    private func publish(
        _ sequence: Int = 1, sbom: Wire.Digest? = nil, provenance: Wire.Digest? = nil
    ) async throws {
        _ = try await house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: sequence, version: "1.4.2", hardware: [HouseBench.hardware],
                sha256: try upload(image), size: image.count, sbom: sbom, provenance: provenance), as: .system)
    }

    @Test func `asks for what the product demands, and looks at what is attached in any case`() async throws {
        let artifact = try upload(image)
        try await ask(nil)
        try await publish(1)
        // Attached, though nobody asks for it: it has to be right.
        let wrong = try materials("thermostat-3")
        await refuses(.malformed, "admission: sbom component") { try await publish(2, sbom: wrong) }
        let ours = try provenance(of: artifact)
        await refuses(.unauthenticated, "admission: provenance signature") {
            try await publish(2, provenance: ours)
        }
        try await ask(rules())
        // What was said stays, if nothing else is said.
        try await ask(nil)
        let right = try materials()
        await refuses(.conflict, "admission: sbom demanded") { try await publish(2, provenance: ours) }
        await refuses(.conflict, "admission: provenance demanded") { try await publish(2, sbom: right) }
        let old = try materials(version: "1.4.1")
        await refuses(.malformed, "admission: sbom version") { try await publish(2, sbom: old, provenance: ours) }
        let foreign = try provenance(of: artifact, by: EphemeralKey())
        await refuses(.unauthenticated, "admission: provenance signature") {
            try await publish(2, sbom: right, provenance: foreign)
        }
        let other = try provenance(of: right)
        await refuses(.conflict, "admission: provenance subject") {
            try await publish(2, sbom: right, provenance: other)
        }
        await refuses(.conflict, nil) { try await publish(2, sbom: LeafCertificate.sha256([1]), provenance: ours) }
        try await publish(2, sbom: right, provenance: ours)
        let manifest = try await house.read { try StoredRelease.require(2, of: HouseBench.product, in: $0).manifest }
        #expect(manifest.sbom == right && manifest.provenance == ours)
        try await ask(.anything)
        try await publish(3)
    }

    @Test func `is not misled by whoever writes into the artifact store`() async throws {
        let artifact = try upload(image)
        try await ask(rules())
        let (sbom, provenance) = (try materials(), try provenance(of: artifact))
        try Data("{}".utf8).write(to: URL(filePath: house.settings.artifactFolder + "/\(sbom)"))
        await refuses(.conflict, "artifact: SHA-256") { try await publish(1, sbom: sbom, provenance: provenance) }
    }

    @Test func `stands in what two persons sign, and in the manifest`() async throws {
        let updates = try await UpdateBench(bench)
        try await ask(rules())
        await refuses(.conflict, "admission: sbom demanded") { _ = try await updates.propose(1) }
        let artifact = try upload(image)
        let (sbom, provenance) = (try materials("thermostat-2-os"), try provenance(of: artifact))
        let draft = try await house.perform(
            ProposeRelease(
                product: HouseBench.product, layer: UpdateBench.layer,
                release: .init(
                    sequence: 1, version: "1.4.2", hardware: [HouseBench.hardware], sha256: artifact,
                    size: image.count, sbom: sbom, provenance: provenance)), as: updates.grace
        ).draft
        let signed = String(decoding: try await updates.bytes(of: draft), as: UTF8.self)
        #expect(signed.contains("\(sbom)") && signed.contains("\(provenance)"))
        try await updates.signByBoth(draft)
        // Admitted, signed, and not yet published when the builder loses the product's trust.
        try await ask(rules(builders: [EphemeralKey()]))
        await refuses(.unauthenticated, "admission: provenance signature") { try await updates.publish([draft]) }
        #expect(try await updates.version(of: UpdateBench.layerRole) == 0)
        try await ask(rules())
        try await updates.publish([draft])
        let manifest = try await house.read { try StoredRelease.require(1, of: HouseBench.product, in: $0).manifest }
        #expect(manifest.sbom == sbom && manifest.provenance == provenance)
    }

    @Test func `is told with who signed, what it is made of, and what changed since the one before`() async throws {
        let updates = try await UpdateBench(bench)
        try await ask(rules())
        let artifact = try upload(image)
        for (sequence, parts) in [
            (1, #"{"name":"zlib","version":"1.3"}"#), (2, #"{"name":"zlib","version":"1.4"},{"name":"a"}"#),
        ] {
            let sbom = try upload(
                Array(
                    #"{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"name":"thermostat-2","version":"1"}},"components":[\#(parts)]}"#
                        .utf8))
            let draft = try await house.perform(
                ProposeRelease(
                    product: HouseBench.product, layer: UpdateBench.layer,
                    release: .init(
                        sequence: sequence, version: "1", hardware: [HouseBench.hardware], sha256: artifact,
                        size: image.count, sbom: sbom, provenance: try provenance(of: artifact))), as: updates.grace
            ).draft
            try await updates.signByBoth(draft)
            try await updates.publish([draft])
        }
        func detail(_ sequence: Int) async throws -> ReleaseDetail {
            let digest = try await house.read {
                try StoredRelease.require(sequence, of: HouseBench.product, in: $0).digest
            }
            return try await bench.reading.release("\(digest)", as: updates.grace)
        }
        let first = try await detail(1)
        #expect(first.difference == nil && first.release.isOffered && first.target == UpdateBench.path(1))
        #expect(first.release.layer == "os" && Set(first.release.signers ?? []) == ["Grace", "Linus"])
        #expect(first.release.publishedBy == "Linus" && first.release.running == 0)
        #expect(first.checks.map(\.rule).count == 4 && first.checks.allSatisfy { $0.isPassed })
        #expect(first.artifacts.map(\.what) == ["artifact", "sbom", "provenance"])
        #expect(first.artifacts.allSatisfy { $0.isStored })
        #expect(Set(first.signatures.compactMap(\.person)) == ["Grace", "Linus"])
        #expect(first.signatures.filter { $0.isInToken == true }.map(\.person) == ["Grace"])
        #expect(first.materials?.format == "CycloneDX 1.6" && first.materials?.components == 1)
        #expect(first.provenance?.builder == "i")
        let second = try await detail(2)
        #expect(second.difference?.since == 1 && second.difference?.count == 2)
        #expect(second.difference?.isByMaterials == true && second.difference?.terms == [])
        #expect(
            second.difference?.changes == [
                .init(name: "a", before: nil, after: ""), .init(name: "zlib", before: "1.3", after: "1.4"),
            ])
        // Whom the product trusts no more, built nothing.
        try await ask(rules(builders: [EphemeralKey()]))
        let distrusted = try await detail(2)
        #expect(distrusted.provenance?.builder == nil)
        #expect(distrusted.checks.filter { !$0.isPassed }.map(\.rule) == ["admission: provenance signature"])
        try await demandComponents(distrusted, updates)
        await refuses(.notFound, nil) { _ = try await bench.reading.release("\(artifact)", as: updates.grace) }
    }

    /// All of them, those with a word in their name, and none of what somebody wrote into the store instead.
    private func demandComponents(_ detail: ReleaseDetail, _ updates: UpdateBench) async throws {
        func components(_ text: String?, limit: Int? = nil) async throws -> ReleaseComponents {
            try await bench.reading.components(
                of: detail.release.release.description, matching: text, limit: limit, as: updates.grace)
        }
        #expect(try await components(nil).components.map(\.name) == ["zlib", "a"])
        #expect(try await components("ZL").components.map(\.version) == ["1.4"])
        let one = try await components(nil, limit: 1)
        #expect(one.components.count == 1 && one.count == 2)
        let sbom = try #require(detail.release.sbom)
        try Data("{}".utf8).write(to: URL(filePath: house.settings.artifactFolder + "/\(sbom)"))
        await refuses(.conflict, "artifact: SHA-256") { _ = try await components(nil) }
        let tampered = try await bench.reading.release(detail.release.release.description, as: updates.grace)
        #expect(tampered.checks.contains { $0.rule == "artifact: SHA-256" && !$0.isPassed })
        #expect(tampered.materials == nil && tampered.difference?.isByMaterials == false)
        try FileManager.default.removeItem(atPath: house.settings.artifactFolder + "/\(sbom)")
        let missing = try await bench.reading.release(detail.release.release.description, as: updates.grace)
        #expect(missing.artifacts.map(\.isStored) == [true, false, true])
    }

    @Test func `has no rules that nothing could meet`() async throws {
        await refuses(.malformed, "admission: provenance signature") {
            try await ask(rules(builders: []))
        }
        await refuses(.tooLarge, nil) {
            try await ask(rules(builders: (0..<17).map { _ in EphemeralKey() }))
        }
        await #expect(throws: Refusal.self) {
            try await ask(AdmissionRules(sbom: false, provenance: true, builders: ["AAAA"]))
        }
        // Keys of Mender artifacts, with which nobody can sign one.
        func artifacts(_ keys: [String]) -> AdmissionRules {
            AdmissionRules(sbom: false, provenance: false, builders: [], artifactKeys: keys)
        }
        let large = Base64.encode(EphemeralKey(.p384).publicKeyDER)
        await refuses(.malformed, "mender: manifest.sig") { try await ask(artifacts([large])) }
        await #expect(throws: Refusal.self) { try await ask(artifacts(["AAAA"])) }
        let many = (0..<17).map { _ in Base64.encode(EphemeralKey().publicKeyDER) }
        await refuses(.tooLarge, nil) { try await ask(artifacts(many)) }
    }
}
