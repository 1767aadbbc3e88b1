import Crypto
import Release
import TUF
import Trust
import Wire

/// A small repository whose documents are signed by fixed keys: what is believed must be one of them, whatever a mirror makes.
private struct UpdateSeeds {
    static let made: UpdateSeeds = {
        do { return try UpdateSeeds() } catch { preconditionFailure("the seeds cannot be made: \(error)") }
    }()

    let root: MetadataDraft
    let next: MetadataDraft
    let timestamp: MetadataDraft
    let snapshot: MetadataDraft
    let targets: MetadataDraft

    var all: [[UInt8]] { [root, next, timestamp, snapshot, targets].map(\.document) }

    private init() throws {
        let keys: [any SigningKey] = [SeededKey(11), SeededKey(12), SeededKey(13)]
        let listed = try keys.map { try MetadataKey(spki: $0.publicKeyDER) }
        let (two, one) = (Signers(listed, threshold: 2), Signers([listed[2]], threshold: 1))
        let end = FuzzSeeds.now.adding(days: 9)
        func root(_ version: Int) throws -> MetadataDraft {
            try Self.sign(
                RootRole(version: version, expires: end, root: two, timestamp: one, snapshot: one, targets: two), keys)
        }
        (self.root, next) = (try root(1), try root(2))
        let product = ReleaseLayout.delegation(to: FuzzSeeds.product, signedBy: one)
        targets = try Self.sign(
            TargetsRole(
                version: 1, expires: end,
                targets: [
                    TargetFile(
                        path: "a/b", length: 3, hashes: FileHashes([.sha256: Digest(Array(repeating: 7, count: 32))]))
                ], delegations: Delegations([product])), keys)
        snapshot = try Self.sign(Edition.snapshot(after: nil, with: [targets], expires: end), keys)
        timestamp = try Self.sign(Edition.timestamp(after: nil, of: Edition.listing(snapshot), expires: end), keys)
    }

    private static func sign(_ role: some MetadataRole, _ keys: [any SigningKey]) throws -> MetadataDraft {
        var draft = MetadataDraft(role)
        for key in keys { try draft.sign(with: key) }
        return draft
    }

    /// Whether the content of a document is one that was signed, whatever stands around it.
    func signed(_ bytes: [UInt8], as draft: MetadataDraft) -> Bool {
        (try? MetadataDraft(document: bytes, as: draft.role))?.bytesToSign == draft.bytesToSign
    }
}

extension FuzzTarget {
    static let updates = [
        FuzzTarget("json-value") { _ in
            UpdateSeeds.made.all.prefix(2)
                + [#"{"\ud83d\udd12":[1,-2,null,true,"a\n\\"],"é":{}}"#].map { Array($0.utf8) }
        } run: { bytes in
            guard let value = try? JSONValue(bytes) else { return }
            promise((try? JSONValue(value.document)) == value, "json-value: the document is read differently")
            let canonical = value.canonical
            promise((try? JSONValue(value.document))?.canonical == canonical, "json-value: two canonical forms")
            // Where no control characters are inside, the canonical form is JSON itself.
            guard !canonical.contains(where: { $0 < 0x20 }) else { return }
            promise((try? JSONValue(canonical)) == value, "json-value: the canonical form is another document")
        },
        FuzzTarget("update-metadata", share: 20) { _ in
            UpdateSeeds.made.all
        } run: { bytes in
            let made = UpdateSeeds.made
            if let step = try? RootStep(trusted: bytes, at: FuzzSeeds.now) {
                // Anybody can make a root that is its own; a request follows it, or nothing.
                promise(step.root.version >= 1, "update-metadata: a root without a version")
            }
            guard var roots = try? RootStep(trusted: made.root.document, at: FuzzSeeds.now) else {
                return promise(false, "update-metadata: the seed is no root")
            }
            if (try? roots.take(bytes)) != nil {
                promise(made.signed(bytes, as: made.next), "update-metadata: a root that nobody signed")
            }
            guard let timestamps = try? RootStep(trusted: made.root.document, at: FuzzSeeds.now).finish() else {
                return promise(false, "update-metadata: the seed has expired")
            }
            if (try? timestamps.take(bytes)) != nil {
                promise(made.signed(bytes, as: made.timestamp), "update-metadata: a timestamp that nobody signed")
            }
            for draft in [made.snapshot, made.targets] {
                var files = Dictionary(
                    uniqueKeysWithValues: [made.timestamp, made.snapshot, made.targets].map {
                        (Edition.fileName($0), $0.document)
                    })
                files[Edition.fileName(draft)] = bytes
                let isTaken =
                    (try? Edition.rehearse(files, trusted: made.root.document, at: FuzzSeeds.now)) != nil
                promise(!isTaken || bytes == draft.document, "update-metadata: another file than the listed one")
            }
        },
        FuzzTarget("targets-content", share: 50) { _ in
            [UpdateSeeds.made.targets.document]
        } run: { bytes in
            guard let targets = try? MetadataDraft(document: bytes, as: "targets").targets() else { return }
            // What was read is written so that it is read again as the same.
            let again = try? MetadataDraft(document: MetadataDraft(targets).document, as: "targets").targets()
            promise(again == targets, "targets-content: not what was read")
            for target in targets.targets.values {
                guard let terms = try? ReleaseTerms(target, of: "targets") else { continue }
                let written = TargetFile(
                    path: target.path, length: target.length, hashes: target.hashes, custom: terms.custom)
                promise(
                    (try? ReleaseTerms(written, of: "targets")) == terms, "targets-content: other terms than were read")
            }
        },
        FuzzTarget("path-pattern") { _ in
            ["a*b?[!x-z]/c\0aXbY1/c", "[]]*\0]", "**\0"].map { Array($0.utf8) }
        } run: { bytes in
            let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false).map {
                text(Array($0))
            }
            guard parts.count == 2 else { return }
            let pattern = PathPattern(parts[0])
            if pattern.matches(parts[1]) {
                promise(
                    parts[0].utf8.count { $0 == 47 } == parts[1].utf8.count { $0 == 47 }, "path-pattern: across a slash"
                )
            }
        },
        // The old image is known; what a mirror makes of a delta may be any bytes, and is never more or elsewhere.
        FuzzTarget("delta") { _ in
            // Header, a window of 12 bytes from 20: copy 8 from the beginning, add 2, run 2; and the same with a checksum.
            [
                [0xd6, 0xc3, 0xc4, 0, 0, 1, 20, 0, 13, 12, 0, 3, 3, 1, 65, 66, 67, 24, 3, 0, 2, 0],
                [
                    0xd6, 0xc3, 0xc4, 0, 4, 2, 65, 66, 5, 20, 0, 17, 12, 0, 3, 3, 1, 9, 9, 9, 9, 65, 66, 67, 24, 3, 0,
                    2, 0,
                ],
            ]
        } run: { bytes in
            let old = [UInt8](repeating: 7, count: 4096)
            var reader = DeltaReader(oldSize: old.count)
            var made = 0
            try? reader.take(bytes) { offset, count in
                promise(offset >= 0 && count > 0 && offset + count <= old.count, "delta: read outside the old image")
                return Array(old[offset..<offset + count])
            } emit: { part in
                promise(part.count <= DeltaReader.largestWindow, "delta: a window beyond its bound")
                made += part.count
                // As whoever takes it does, once it is more than the manifest says.
                if made > 1 << 22 { throw Refusal(.tooLarge, "It goes on.", hint: "Stop.") }
            }
        },
    ]
}
