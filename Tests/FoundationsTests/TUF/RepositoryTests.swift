import Samples
import TUF
import Testing
import Trust
import Wire

private let now = RepositoryBench.now

@Suite struct `A root ceremony` {
    private let old = RepositoryBench.keys(3)
    private let new = RepositoryBench.keys(3)
    private let online = RepositoryBench.keys(1)

    private func root(_ keys: [EphemeralKey], _ version: Int) -> RootRole {
        let online = RepositoryBench.signers(online, 1)
        return RootRole(
            version: version, expires: now.adding(days: 365), root: RepositoryBench.signers(keys, 2), timestamp: online,
            snapshot: online, targets: RepositoryBench.signers(keys, 2))
    }

    private func sign(_ ceremony: inout RootCeremony, with keys: some Sequence<EphemeralKey>) throws {
        for key in keys {
            try ceremony.add(
                key.signature(over: ceremony.draft.bytesToSign), by: RepositoryBench.metadataKey(key))
        }
    }

    @Test func `needs a threshold of the keys that go and of the keys that come`() throws {
        var first = RootCeremony(first: root(old, 1))
        #expect(first.missing == (0, 2))
        try sign(&first, with: old.prefix(2))
        let one = try first.finish()

        var next = try RootCeremony(after: one) { _, version in root(new, version) }
        #expect(next.root.version == 2)
        #expect(next.missing == (2, 2))
        try sign(&next, with: [old[0], new[0]])
        #expect(next.missing == (1, 1))
        let half = next
        #expect(refusal { () throws(MetadataRefusal) in _ = try half.finish() }?.place == "root 5.3.4")
        try sign(&next, with: [old[2], new[1]])
        #expect(next.missing == (0, 0))
        #expect(refusalOfRoot(try next.finish(), after: one) == nil)
    }

    @Test func `takes no signature that is none, and no draft that is another`() throws {
        var ceremony = RootCeremony(first: root(old, 1))
        let message = ceremony.draft.bytesToSign
        #expect(throws: MetadataRefusal.self) {
            try ceremony.add(
                old[0].signature(over: message + [0]), by: RepositoryBench.metadataKey(old[0]))
        }
        #expect(throws: MetadataRefusal.self) {
            try ceremony.add(old[0].signature(over: message), by: RepositoryBench.metadataKey(old[1]))
        }
        // Carried to a machine without a network and back.
        var carried = try MetadataDraft(document: ceremony.draft.document, as: "root")
        #expect(try carried.root() == root(old, 1))
        for key in old.prefix(2) { try carried.sign(with: key) }
        let signed = try MetadataDraft(document: carried.document, as: "root")
        try ceremony.take(signed)
        #expect(ceremony.missing == (0, 0))
        #expect(try ceremony.finish() == carried.document)
        #expect(throws: MetadataRefusal.self) { try ceremony.take(MetadataDraft(root(new, 1))) }
    }

    @Test func `begins only after a root that is its own`() throws {
        let unsigned = MetadataDraft(root(old, 1)).document
        #expect(throws: MetadataRefusal.self) { try RootCeremony(after: unsigned) { present, _ in present } }
    }
}

@Suite struct `An edition` {
    @Test func `lists what it publishes, keeps what it listed, and is taken by clients`() throws {
        var repository = try RepositoryBench()
        let keys = RepositoryBench.keys(1)
        let product = ProductID(trusted: "root")
        let layer = try ReleaseLayout.layer("os")
        let path = ReleaseLayout.path(product, layer: layer, file: "image.raucb")
        let signers = RepositoryBench.signers(keys, 1)
        let end = now.adding(days: 30)
        repository.targets = TargetsRole(
            version: 2, expires: end, targets: [],
            delegations: Delegations([ReleaseLayout.delegation(to: product, signedBy: signers)]))
        try repository.publishTargets()
        let products = TargetsRole(
            version: 1, expires: end, targets: [],
            delegations: Delegations([ReleaseLayout.delegation(to: layer, of: product, signedBy: signers)]))
        try repository.publishDelegated(products, as: ReleaseLayout.role(of: product), by: keys)
        let release = TargetsRole(version: 1, expires: end, targets: [RepositoryBench.target(path)])
        try repository.publishDelegated(release, as: ReleaseLayout.role(of: product, layer: layer), by: keys)
        try repository.publishSnapshot()
        try repository.publishTimestamp()

        #expect(
            repository.snapshot?.files.keys.sorted() == [
                "product~root.json", "product~root~os.json", "targets.json",
            ])
        #expect(repository.files["1.product~root~os.json"] != nil)
        let trusted = try Edition.rehearse(repository.files, trusted: repository.firstRoot, at: now)
        let found = try #require(try Edition.find(path, in: trusted, repository.files))
        #expect(found.role == "product~root~os" && found.file.length == RepositoryBench.payload.count)
        // The layer's signers cannot speak for another layer, even of their own product.
        let other = ReleaseLayout.path(product, layer: "app", file: "image.raucb")
        #expect(try Edition.find(other, in: trusted, repository.files) == nil)
    }

    @Test func `is refused in the rehearsal if a file is missing or changed`() throws {
        let repository = try RepositoryBench()
        for name in repository.files.keys where name != "1.root.json" {
            var files = repository.files
            files[name] = nil
            let missing = files
            #expect(throws: MetadataRefusal.self) {
                try Edition.rehearse(missing, trusted: repository.firstRoot, at: now)
            }
            // The same content, in other bytes; a timestamp's own bytes are listed nowhere.
            if name == "timestamp.json" { continue }
            files[name] = try #require(repository.files[name]).dropLast(2) + [0x20, 0x7d]
            let changed = files
            #expect(throws: MetadataRefusal.self) {
                try Edition.rehearse(changed, trusted: repository.firstRoot, at: now)
            }
        }
    }

    @Test func `has only layers whose names are plain`() throws {
        for name in ["", "OS", "a/b", "a~b", "a.b", "*", String(repeating: "a", count: 33)] {
            #expect(throws: Refusal.self) { try ReleaseLayout.layer(name) }
        }
        #expect(try ReleaseLayout.layer("network-module2") == "network-module2")
    }
}
