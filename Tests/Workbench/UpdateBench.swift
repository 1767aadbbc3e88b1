import Foundation
import Passport
import Registry
import Store
import TUF
import Trust
import Use
import Wire

/// A house that publishes update metadata: a root under keys that are offline, the product "thermostat-2", and two persons who sign for
/// it and for its layer "os", Grace with a key in a token.
package struct UpdateBench: Sendable {
    package let bench: HouseBench
    package let grace: Principal
    package let linus: Principal
    package let rootKeys = [EphemeralKey(), EphemeralKey(.ed25519), EphemeralKey(.p384)]
    package let targetsKeys = [EphemeralKey(.ed25519), EphemeralKey()]
    package let graceKey: any SigningKey
    package let linusKey: any SigningKey
    package var house: House { bench.house }

    package static let layer = "os"
    package static let layerRole = ReleaseLayout.role(of: HouseBench.product, layer: layer)

    /// - Parameter token: the key of Grace; without one, a key that is only said to be in a token.
    package init(_ bench: HouseBench, token: (any SigningKey)? = nil) async throws {
        self.bench = bench
        try await bench.publishProduct()
        grace = try await bench.person("Grace", .makerAdmin)
        linus = try await bench.person("Linus", .makerAdmin)
        graceKey = token ?? EphemeralKey()
        linusKey = EphemeralKey(.ed25519)
        let root = try await house.perform(
            DraftRoot(rootKeys: Self.texts(rootKeys), targetsKeys: Self.texts(targetsKeys)), as: grace)
        for key in rootKeys.prefix(2) { try await sign(root.draft, with: key, as: grace) }
        try await publish([root.draft])
        for layer in [nil, Self.layer] {
            try await register(graceKey, of: "Grace", layer: layer, inToken: true)
            try await register(linusKey, of: "Linus", layer: layer, inToken: false)
        }
        try await publish([try await topTargets(), try await delegation(of: Self.layer)])
    }

    package static func text(_ key: any SigningKey) -> String { Base64.encode(key.publicKeyDER) }

    package static func texts(_ keys: [any SigningKey]) -> [String] { keys.map { text($0) } }

    /// In update metadata.
    package static func name(of key: any SigningKey) throws -> Digest {
        UpdateSigner.digest(try MetadataKey(spki: key.publicKeyDER))
    }

    package func register(_ key: any SigningKey, of person: String, layer: String?, inToken: Bool) async throws {
        _ = try await house.perform(
            AddSigner(
                product: HouseBench.product, layer: layer, person: person, key: Self.text(key), inToken: inToken),
            as: grace)
    }

    /// The next top-level targets, signed: they name who signs for the product.
    package func topTargets() async throws -> Digest {
        let targets = try await house.perform(DelegateUpdates(product: HouseBench.product), as: grace)
        for key in targetsKeys { try await sign(targets.draft, with: key, as: linus) }
        return targets.draft
    }

    /// The next document of the product, signed: it names who signs for the layer.
    package func delegation(of layer: String) async throws -> Digest {
        let product = try await house.perform(DelegateUpdates(product: HouseBench.product, layer: layer), as: grace)
        try await signByBoth(product.draft)
        return product.draft
    }

    package func signByBoth(_ draft: Digest) async throws {
        try await sign(draft, with: graceKey, as: grace)
        try await sign(draft, with: linusKey, as: linus)
    }

    /// As somebody with the draft on a machine of their own.
    package func sign(_ draft: Digest, with key: any SigningKey, as person: Principal) async throws {
        try await handIn(try key.signature(over: try await bytes(of: draft)), by: key, for: draft, as: person)
    }

    package func handIn(
        _ signature: [UInt8], by key: any SigningKey, for draft: Digest, as person: Principal
    ) async throws {
        _ = try await house.perform(
            SignMetadata(draft: draft, key: try Self.name(of: key), signature: Base64.encode(signature)), as: person)
    }

    /// Exactly what is signed.
    package func bytes(of draft: Digest) async throws -> [UInt8] {
        let view = try await bench.reading.updateDraft(draft.description, as: grace)
        return try MetadataDraft(document: Array((view.document ?? "").utf8), as: view.role).bytesToSign
    }

    package func publish(_ drafts: [Digest]) async throws {
        _ = try await house.perform(PublishMetadata(drafts: drafts), as: linus)
    }

    package func propose(
        _ sequence: Int, layer: String = Self.layer, from: [String] = ["1.0"], bootloader: [String] = ["2024.01"],
        withdraws: [Int]? = nil, as person: Principal? = nil
    ) async throws -> ProposedMetadata {
        let bytes = Array("\(layer) \(sequence)".utf8)
        let sha256 = LeafCertificate.sha256(bytes)
        try Data(bytes).write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
        let release = ProposeRelease.Release(
            sequence: sequence, version: "1.\(sequence)", hardware: [HouseBench.hardware], from: from,
            bootloader: bootloader, sha256: sha256, size: bytes.count)
        return try await house.perform(
            ProposeRelease(product: HouseBench.product, layer: layer, release: release, withdraws: withdraws),
            as: person ?? grace)
    }

    /// Proposes a release in chunks, or of the bytes as they are; follows and starts under anything.
    package func propose(
        _ sequence: Int, _ plain: [UInt8], in chunks: BenchChunks? = nil, mayReturn: Bool? = nil
    ) async throws -> ProposedMetadata {
        let stored = chunks?.stored ?? plain
        let sha256 = LeafCertificate.sha256(stored)
        try Data(stored).write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
        let release = ProposeRelease.Release(
            sequence: sequence, version: "1.\(sequence)", hardware: [HouseBench.hardware], sha256: sha256,
            size: stored.count, encryption: chunks?.secret, mayReturn: mayReturn)
        return try await house.perform(
            ProposeRelease(product: HouseBench.product, layer: Self.layer, release: release), as: grace)
    }

    /// Proposed so, signed by both and published.
    package func release(
        _ sequence: Int, _ plain: [UInt8], in chunks: BenchChunks? = nil, mayReturn: Bool? = nil
    ) async throws {
        let draft = try await propose(sequence, plain, in: chunks, mayReturn: mayReturn).draft
        try await signByBoth(draft)
        try await publish([draft])
    }

    /// Proposed, signed by both and published. Returns the target's path.
    @discardableResult
    package func release(
        _ sequence: Int, from: [String] = ["1.0"], bootloader: [String] = ["2024.01"]
    ) async throws -> String {
        let draft = try await propose(sequence, from: from, bootloader: bootloader).draft
        try await signByBoth(draft)
        try await publish([draft])
        return Self.path(sequence)
    }

    /// Takes a release off.
    package func withdraw(_ sequence: Int) async throws {
        let draft = try await house.perform(
            ProposeRelease(
                product: HouseBench.product, layer: Self.layer, release: nil, withdraws: [sequence]), as: grace
        ).draft
        try await signByBoth(draft)
        try await publish([draft])
    }

    package static func path(_ sequence: Int) -> String {
        ReleaseLayout.path(HouseBench.product, layer: layer, file: "\(sequence)")
    }

    // MARK: - What clients see

    /// Every file below `/tuf/metadata/`.
    package func files() async throws -> [String: [UInt8]] {
        try await house.read { rows in
            var files: [String: [UInt8]] = [:]
            for row in try rows.query("SELECT role, version FROM tuf_document") {
                let (role, version) = (try row.text("role"), try row.int("version"))
                let isTimestamp = role == TimestampRole.type
                let name = MetadataRequest(role: role, version: isTimestamp ? nil : version, limit: 0).remoteName
                files[name] = try UpdateDocuments.file(named: name, in: rows)
            }
            return files
        }
    }

    /// As a device that was born with the first root.
    package func repository() async throws -> (TrustedRepository, files: [String: [UInt8]]) {
        let files = try await files()
        return (try Edition.rehearse(files, trusted: files["1.root.json"] ?? [], at: bench.clock.now), files)
    }

    package func find(_ path: String) async throws -> FoundTarget? {
        let (repository, files) = try await repository()
        return try Edition.find(path, in: repository, files)
    }

    /// Newest version of a role; 0 if there is none.
    package func version(of role: String) async throws -> Int {
        try await house.read { rows in
            try rows.count("SELECT COALESCE(MAX(version), 0) AS n FROM tuf_document WHERE role = $1", [.text(role)])
        }
    }
}
