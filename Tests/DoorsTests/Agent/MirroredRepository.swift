import Crypto
import TUF
import Trust
import Wire

/// A maker's update metadata in memory, for one product and its layer "os", two signers each. An attack is a file that is changed, or
/// one that is published with the keys that a thief has.
struct MirroredRepository {
    static let layer = "os"
    static let layerRole = ReleaseLayout.role(of: AgentBench.product, layer: layer)
    private static let productRole = ReleaseLayout.role(of: AgentBench.product)

    let rootKeys = Self.keys(2)
    let targetsKeys = Self.keys(2)
    let productKeys = Self.keys(2)
    let layerKeys = Self.keys(2)
    var timestampKey = EphemeralKey(.ed25519)
    var snapshotKey = EphemeralKey(.ed25519)
    private(set) var files: [String: [UInt8]] = [:]
    private var roots = 0
    private var snapshot: SnapshotRole?
    private var timestamp: TimestampRole?
    /// Versions of the documents that people sign.
    private var versions: [String: Int] = [:]
    private var listed: [TargetFile] = []

    private static func keys(_ count: Int) -> [EphemeralKey] { (0..<count).map { _ in EphemeralKey(.ed25519) } }

    private static func signers(_ keys: [EphemeralKey]) throws -> Signers {
        Signers(try keys.map { try MetadataKey(spki: $0.publicKeyDER) }, threshold: keys.count)
    }

    init() throws {
        try publishRoot()
        try publish([try top(), try product(), try document(Self.layerRole, [], by: layerKeys)])
    }

    // MARK: - Documents

    /// The next root, with the present keys.
    mutating func publishRoot(signedBy keys: [EphemeralKey]? = nil) throws {
        roots += 1
        var draft = MetadataDraft(
            RootRole(
                version: roots, expires: AgentBench.now.adding(days: 300), root: try Self.signers(rootKeys),
                timestamp: try Self.signers([timestampKey]), snapshot: try Self.signers([snapshotKey]),
                targets: try Self.signers(targetsKeys)))
        for key in keys ?? rootKeys { try draft.sign(with: key) }
        files["\(roots).root.json"] = draft.document
    }

    mutating func document(
        _ role: String, _ targets: [TargetFile], _ delegations: Delegations? = nil, by keys: [EphemeralKey],
        days: Int64 = 100
    ) throws -> MetadataDraft {
        versions[role, default: 0] += 1
        let content = TargetsRole(
            version: versions[role, default: 1], expires: AgentBench.now.adding(days: days), targets: targets,
            delegations: delegations)
        var draft = MetadataDraft(content, as: role)
        for key in keys { try draft.sign(with: key) }
        return draft
    }

    mutating func top(by keys: [EphemeralKey]? = nil) throws -> MetadataDraft {
        let delegation = ReleaseLayout.delegation(to: AgentBench.product, signedBy: try Self.signers(productKeys))
        return try document(TargetsRole.type, [], Delegations([delegation]), by: keys ?? targetsKeys)
    }

    /// - Parameter thieves: whom it names as the layer's signers instead of those.
    mutating func product(
        by keys: [EphemeralKey]? = nil, naming thieves: [EphemeralKey]? = nil
    ) throws -> MetadataDraft {
        let delegation = ReleaseLayout.delegation(
            to: Self.layer, of: AgentBench.product, signedBy: try Self.signers(thieves ?? layerKeys))
        return try document(Self.productRole, [], Delegations([delegation]), by: keys ?? productKeys)
    }

    /// Publishes with a snapshot and a timestamp, whose keys a service has at hand, and so has whoever has the service.
    mutating func publish(
        _ drafts: [MetadataDraft], timestampSeconds: Int64 = 86_400, timestampVersion: Int? = nil
    ) throws {
        for draft in drafts { files[Edition.fileName(draft)] = draft.document }
        let next = Edition.snapshot(after: snapshot, with: drafts, expires: AgentBench.now.adding(days: 7))
        var signed = MetadataDraft(next)
        try signed.sign(with: snapshotKey)
        files[Edition.fileName(signed)] = signed.document
        snapshot = next
        let made = Edition.timestamp(
            after: timestamp, of: Edition.listing(signed), expires: AgentBench.now.adding(seconds: timestampSeconds))
        let present = TimestampRole(
            version: timestampVersion ?? made.version, expires: made.expires, snapshot: made.snapshot)
        var last = MetadataDraft(present)
        try last.sign(with: timestampKey)
        files[Edition.fileName(last)] = last.document
        timestamp = present
    }

    mutating func put(_ bytes: [UInt8], _ name: String) { files[name] = bytes }

    var layerFile: String { "\(versions[Self.layerRole, default: 0]).\(Self.layerRole).json" }
    var snapshotFile: String { "\(snapshot?.version ?? 0).snapshot.json" }

    // MARK: - Releases

    static func artifact(_ sequence: Int) -> [UInt8] { Array("image \(sequence)".utf8) }

    static func target(_ manifest: ReleaseManifest) throws -> TargetFile {
        let terms = try ReleaseTerms(
            sequence: manifest.sequence, version: manifest.version, hardware: manifest.hardware,
            from: manifest.from ?? [], bootloader: manifest.bootloader ?? [], network: manifest.network ?? [],
            encrypted: manifest.encrypted, mayReturnTo: manifest.mayReturnTo)
        return TargetFile(
            path: ReleaseLayout.path(AgentBench.product, layer: layer, file: "\(manifest.sequence)"),
            length: manifest.size, hashes: FileHashes([.sha256: manifest.sha256]), custom: terms.custom)
    }

    func manifest(_ sequence: Int) -> ReleaseManifest {
        let artifact = Self.artifact(sequence)
        let root = files["1.root.json"] ?? []
        return ReleaseManifest(
            product: AgentBench.product, sequence: sequence, version: "\(sequence).0",
            hardware: [AgentBench.hardware], sha256: Wire.Digest(SHA256.hash(data: artifact)), size: artifact.count,
            created: AgentBench.now,
            metadata: .init(
                target: ReleaseLayout.path(AgentBench.product, layer: Self.layer, file: "\(sequence)"),
                root: UpdateAnchor(version: 1, sha256: Wire.Digest(SHA256.hash(data: root)))))
    }

    /// The next document of the layer, with one target more.
    mutating func listing(
        _ target: TargetFile, by keys: [EphemeralKey]? = nil, days: Int64 = 100
    ) throws -> MetadataDraft {
        listed.append(target)
        return try document(Self.layerRole, listed, by: keys ?? layerKeys, days: days)
    }

    /// Listed and published as it should be.
    @discardableResult
    mutating func release(_ sequence: Int) throws -> ReleaseManifest {
        let manifest = manifest(sequence)
        try publish([try listing(try Self.target(manifest))])
        return manifest
    }
}

extension Life {
    /// Served as the repository stands, and a release of it offered.
    func offer(_ repository: MirroredRepository, _ manifest: ReleaseManifest, served: [UInt8]? = nil) throws {
        minded.change {
            $0.metadata = repository.files
            $0.strangeMetadata = [:]
        }
        try offer(manifest, MirroredRepository.artifact(manifest.sequence), served: served)
    }
}
