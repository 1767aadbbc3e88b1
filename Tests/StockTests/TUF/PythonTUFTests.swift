import Crypto
import Foundation
import Samples
import TUF
import Testing
import Trust
import Wire
import Workbench

/// PyPI's `tuf`, the reference implementation, in .venv (scripts/requirements.txt).
enum PythonTUF {
    static let root = URL(filePath: #filePath).appending(path: "../../../..").standardizedFileURL.path
    static let python = root + "/.venv/bin/python"
    static let script = root + "/Tests/StockTests/TUF/python_tuf.py"

    static let isHere = {
        let isThere = FileManager.default.fileExists(atPath: root + "/.venv/bin/pytest")
        if !isThere { print("notice: .venv has no tuf (make test puts it there); its tests are left out") }
        return isThere
    }()

    static func run(_ arguments: [String], in folder: String) async throws -> [String] {
        let outcome = try await OutsideProgram.run(python, [script] + arguments, in: folder, seconds: 120)
        #expect(outcome.status == 0, "\(outcome.errors.suffix(2000))")
        return outcome.text.split(separator: "\n").map(String.init)
    }
}

/// A repository on a disk, each state whole, as a mirror would have it at that moment.
private struct WrittenRepository {
    let folder: String
    let now = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
    let product = ProductID(trusted: "thermostat-2")
    var rootKeys = [EphemeralKey(.p256), EphemeralKey(.ed25519), EphemeralKey(.p384)]
    var timestampKey = EphemeralKey(.ed25519)
    let targetsKeys = [EphemeralKey(.p384), EphemeralKey(.ed25519)]
    let snapshotKey = EphemeralKey(.p256)
    let productKey = EphemeralKey(.p256)
    let layerKey = EphemeralKey(.ed25519)
    var files: [String: [UInt8]] = [:]
    var targets: [String: [UInt8]] = [:]
    var root: [UInt8] = []
    private var snapshot: SnapshotRole?
    private var timestamp: TimestampRole?
    private var release = 0

    init(in folder: String) { self.folder = folder }

    private func signers(_ keys: [EphemeralKey], _ threshold: Int) throws -> Signers {
        Signers(try keys.map { try MetadataKey(spki: $0.publicKeyDER) }, threshold: threshold)
    }

    private func content(_ version: Int) throws -> RootRole {
        RootRole(
            version: version, expires: now.adding(days: 300), root: try signers(rootKeys, 2),
            timestamp: try signers([timestampKey], 1), snapshot: try signers([snapshotKey], 1),
            targets: try signers(targetsKeys, 2))
    }

    mutating func found() throws {
        var ceremony = RootCeremony(first: try content(1))
        try sign(&ceremony, rootKeys.prefix(2))
        root = try ceremony.finish()
        files["1.root.json"] = root
        var top = MetadataDraft(
            TargetsRole(
                version: 1, expires: now.adding(days: 200), targets: [],
                delegations: Delegations([
                    ReleaseLayout.delegation(to: product, signedBy: try signers([productKey], 1))
                ])))
        for key in targetsKeys { try top.sign(with: key) }
        var products = MetadataDraft(
            TargetsRole(
                version: 1, expires: now.adding(days: 100), targets: [],
                delegations: Delegations([
                    ReleaseLayout.delegation(to: "os", of: product, signedBy: try signers([layerKey], 1))
                ])), as: ReleaseLayout.role(of: product))
        try products.sign(with: productKey)
        try publish([top, products])
    }

    private func sign(_ ceremony: inout RootCeremony, _ keys: some Sequence<EphemeralKey>) throws {
        for key in keys {
            try ceremony.add(
                key.signature(over: ceremony.draft.bytesToSign), by: try MetadataKey(spki: key.publicKeyDER))
        }
    }

    /// New keys for the root and for the timestamp.
    mutating func rotate() throws {
        let old = rootKeys
        rootKeys = [EphemeralKey(.ed25519), EphemeralKey(.p256), EphemeralKey(.p256)]
        timestampKey = EphemeralKey(.p256)
        let next = try content(2)
        var ceremony = try RootCeremony(after: root) { _, _ in next }
        try sign(&ceremony, old.prefix(2) + rootKeys.suffix(2))
        root = try ceremony.finish()
        files["2.root.json"] = root
    }

    var path: String { ReleaseLayout.path(product, layer: "os", file: "image.raucb") }

    mutating func release(_ text: String) throws {
        release += 1
        let bytes = Array(text.utf8)
        let digest = Digest(SHA256.hash(data: bytes))
        let file = TargetFile(path: path, length: bytes.count, hashes: FileHashes([.sha256: digest]))
        var draft = MetadataDraft(
            TargetsRole(version: release, expires: now.adding(days: 50), targets: [file]),
            as: ReleaseLayout.role(of: product, layer: "os"))
        try draft.sign(with: layerKey)
        targets["\(product.text)/os/\(digest).image.raucb"] = bytes
        try publish([draft])
    }

    private mutating func publish(_ drafts: [MetadataDraft]) throws {
        for draft in drafts { files[Edition.fileName(draft)] = draft.document }
        let next = Edition.snapshot(after: snapshot, with: drafts, expires: now.adding(days: 20))
        var signed = MetadataDraft(next)
        try signed.sign(with: snapshotKey)
        let present = Edition.timestamp(after: timestamp, of: Edition.listing(signed), expires: now.adding(days: 1))
        var last = MetadataDraft(present)
        try last.sign(with: timestampKey)
        (snapshot, timestamp) = (next, present)
        for draft in [signed, last] { files[Edition.fileName(draft)] = draft.document }
    }

    func write(_ state: Int, metadata: [String: [UInt8]]? = nil, targets: [String: [UInt8]]? = nil) throws {
        for (place, files) in [("metadata", metadata ?? files), ("targets", targets ?? self.targets)] {
            for (name, bytes) in files {
                let file = URL(filePath: "\(folder)/\(state)/\(place)/\(name)")
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(bytes).write(to: file)
            }
        }
        try Data(path.utf8).write(to: URL(filePath: "\(folder)/\(state)/wanted"))
    }
}

@Suite(.enabled(if: PythonTUF.isHere, "tuf is not in .venv (make test puts it there): not run"))
struct `The reference implementation of TUF` {
    @Test func `takes a repository that we wrote, through a new root, and refuses it tampered with`() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var repository = WrittenRepository(in: folder)
        try repository.found()
        try Data(repository.root).write(to: URL(filePath: folder + "/root.json"))
        try repository.release("image 1")
        try repository.write(1)
        let first = repository
        try repository.rotate()
        try repository.release("image 2")
        try repository.write(2)
        // An artifact of the same length, a snapshot of other bytes, the state before, a root that one person signed.
        try repository.write(3, targets: repository.targets.mapValues { $0.map { $0 ^ 1 } })
        var changed = repository
        try changed.release("image 3")
        let snapshot = try #require(changed.files["4.snapshot.json"])
        let other = Array(snapshot.dropLast()) + [0x20]
        try changed.write(4, metadata: changed.files.merging(["4.snapshot.json": other]) { $1 })
        try repository.write(
            5, metadata: first.files.merging(["2.root.json": repository.root]) { $1 }, targets: first.targets)
        var half = MetadataDraft(
            try RootCeremony(after: repository.root) { present, version in
                RootRole(
                    version: version, expires: present.expires, root: present.root, timestamp: present.timestamp,
                    snapshot: present.snapshot, targets: present.targets)
            }.root)
        try half.sign(with: repository.rootKeys[1])
        try repository.write(6, metadata: repository.files.merging(["3.root.json": half.document]) { $1 })
        try repository.write(7)

        let said = try await PythonTUF.run(["take", folder], in: folder)
        #expect(
            said == [
                "1 root 1 image 1", "2 root 2 image 2", "3 refused LengthOrHashMismatchError",
                "4 refused LengthOrHashMismatchError", "5 refused UnsignedMetadataError",
                "6 refused UnsignedMetadataError", "7 refused BadVersionNumberError",
            ])
    }

    @Test func `writes a repository that our client takes, and attacks that it refuses by their rules`() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let client = try BuiltProgram.path("lifelong-tuf-client")
        let said = try await PythonTUF.run(["make", folder, client], in: folder)
        #expect(
            said == [
                "init 0 ", "refresh 0 ", "download 0 ", "undelegated 1 5.7.2", "bins 0 ", "rotated 0 ",
                "frozen 1 5.4.4", "half-signed 1 5.4.2", "tampered 1 5.7.3", "endless 1 5.7.3",
                "left ['os%2F7up%2Fa.bin', 'os%2Fimage%20%C3%BC.bin', 'top']",
            ])
    }

    private func folder() throws -> String {
        let path = NSTemporaryDirectory() + "/lifelong-tuf-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }
}
