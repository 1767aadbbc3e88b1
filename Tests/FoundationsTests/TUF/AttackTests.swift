import Crypto
import TUF
import Testing
import Trust
import Wire

private let now = RepositoryBench.now

/// The attacks of the TUF and Uptane papers, by whoever stands between the repository and the device.
@Suite struct `A mirror without any key` {
    private static func refused(
        _ repository: RepositoryBench, _ client: inout ClientBench, at time: Timestamp = now
    ) -> MetadataRefusal? {
        refusal { () throws(MetadataRefusal) in try client.refresh(repository.files, at: time) }
    }

    @Test func `cannot go back to an older timestamp`() throws {
        var repository = try RepositoryBench()
        let old = try #require(repository.files["timestamp.json"])
        try repository.publishTimestamp()
        var client = ClientBench(repository)
        try client.refresh(repository.files)
        repository.put(old, "timestamp.json")
        #expect(
            Self.refused(repository, &client)
                == MetadataRefusal("timestamp", "5.4.3.1", .rollback(trusted: 2, offered: 1)))
    }

    @Test func `is not asked for anything while the timestamp is the same, whatever else it says`() throws {
        var repository = try RepositoryBench()
        var client = ClientBench(repository)
        try client.refresh(repository.files)
        try repository.publishTimestamp(version: 1, of: ListedFile(version: 100))
        let kept = client.stored["timestamp"]
        #expect(try client.refresh(repository.files).timestamp.snapshot.version == 1)
        #expect(client.asked == ["2.root.json", "timestamp.json"])
        #expect(client.stored["timestamp"] == kept)
    }

    @Test func `cannot freeze a device beyond the end of any document`() throws {
        var repository = try RepositoryBench()
        try repository.publishSnapshot(days: 5)
        try repository.publishTimestamp(days: 2)
        var client = ClientBench(repository)
        try client.refresh(repository.files)
        // The same files, for as long as the mirror likes.
        for (days, place) in [(2, "timestamp 5.4.4"), (3, "timestamp 5.4.4"), (300, "root 5.3.10")] {
            #expect(Self.refused(repository, &client, at: now.adding(days: Int64(days)))?.place == place)
        }
        // A timestamp that lives on does not keep a snapshot alive, nor a snapshot the targets.
        try repository.publishTimestamp(days: 299)
        #expect(Self.refused(repository, &client, at: now.adding(days: 5))?.place == "snapshot 5.5.6")
        var late = try RepositoryBench()
        late.targets = TargetsRole(version: 2, expires: now.adding(days: 3), targets: [RepositoryBench.target("a")])
        try late.publishTargets()
        try late.publishSnapshot()
        try late.publishTimestamp(days: 30)
        var other = ClientBench(late)
        #expect(Self.refused(late, &other, at: now.adding(days: 3))?.place == "targets 5.6.5")
    }

    @Test func `can be behind the device's own expired documents, and the device goes on when they are new`() throws {
        var repository = try RepositoryBench()
        var client = ClientBench(repository)
        try client.refresh(repository.files)
        try repository.publishTimestamp(days: 30)
        #expect(try client.refresh(repository.files, at: now.adding(days: 20)).timestamp.version == 2)
    }

    @Test func `cannot mix an older snapshot or other targets under the present names`() throws {
        var repository = try RepositoryBench()
        let (snapshot, targets) = (repository.files["1.snapshot.json"], repository.files["1.targets.json"])
        try repository.publishTargets(version: 2)
        try repository.publishSnapshot()
        try repository.publishTimestamp()
        for (name, bytes) in [("2.snapshot.json", snapshot), ("2.targets.json", targets)] {
            var attacked = repository
            attacked.put(try #require(bytes), name)
            var client = ClientBench(repository)
            let found = Self.refused(attacked, &client)
            #expect(["snapshot 5.5.2", "targets 5.6.2"].contains(found?.place))
            // What came before it was believed, and an honest mirror is taken afterwards.
            #expect(client.stored["timestamp"] != nil)
            #expect(try client.refresh(repository.files).snapshot.version == 2)
        }
    }

    @Test func `cannot change one byte of a listed file, even where the content stays the same`() throws {
        let repository = try RepositoryBench()
        for (name, place) in [("1.snapshot.json", "snapshot 5.5.2"), ("1.targets.json", "targets 5.6.2")] {
            var attacked = repository
            attacked.put(try #require(repository.files[name]) + [0x20], name)
            var client = ClientBench(repository)
            #expect(Self.refused(attacked, &client)?.place == place)
        }
    }

    @Test func `cannot show another version where versions alone are listed`() throws {
        for file in ["snapshot", "targets"] {
            var repository = try RepositoryBench()
            if file == "targets" { try repository.publishSnapshot(files: ["targets.json": ListedFile(version: 2)]) }
            let listed = file == "targets" ? 2 : 7
            try repository.publishTimestamp(of: ListedFile(version: listed))
            // The honest version 1, under the name of the version that is listed.
            let name = file == "targets" ? "2.targets.json" : "7.snapshot.json"
            repository.put(try #require(repository.files["1.\(file).json"]), name)
            var client = ClientBench(repository)
            let found = Self.refused(repository, &client)
            #expect(
                found?.reason == .otherVersion(expected: file == "targets" ? 2 : 7, offered: 1),
                "\(String(describing: found))")
            #expect(found?.rule == (file == "targets" ? "5.6.4" : "5.5.4"))
        }
    }

    @Test func `cannot leave a device with a kept snapshot that is not the listed one`() throws {
        var repository = try RepositoryBench()
        var client = ClientBench(repository)
        try client.refresh(repository.files)
        // Signed anew under the same version: it is fetched, although a version 1 is there.
        try repository.publishSnapshot(days: 31, version: 1)
        try repository.publishTimestamp()
        try client.refresh(repository.files)
        #expect(client.asked == ["2.root.json", "timestamp.json", "1.snapshot.json"])
        // And nothing is fetched that is there.
        try client.refresh(repository.files)
        #expect(client.asked == ["2.root.json", "timestamp.json"])
        let untold = try client.refresh(repository.files, at: now.adding(days: 1))
        #expect(untold.snapshot.expires == now.adding(days: 31))
    }

    @Test func `cannot give one role's document for another's`() throws {
        // One key for all roles: only the type tells them apart.
        let keys = RepositoryBench.keys(2)
        var repository = try RepositoryBench()
        (repository.rootKeys, repository.timestampKeys) = (keys, keys)
        (repository.snapshotKeys, repository.targetsKeys) = (keys, keys)
        let root = try RepositoryBench.sign(repository.content(1), by: keys).document
        let snapshot = try RepositoryBench.sign(
            SnapshotRole(
                version: 1, expires: now.adding(days: 9), files: ["snapshot.json": ListedFile(version: 1)]), by: keys
        ).document
        #expect(
            refusalOfTimestamp(snapshot, under: root)
                == MetadataRefusal("timestamp", "4.2.1", .otherType("snapshot")))
    }

    @Test func `cannot fill the device's memory`() throws {
        let repository = try RepositoryBench()
        let limit = UpdateLimits().timestampBytes
        let endless = [UInt8](repeating: 0x20, count: limit + 1)
        #expect(
            refusalOfTimestamp(endless, under: repository.firstRoot)?.reason
                == .tooLarge(bytes: limit + 1, limit: limit))
        // Nor is a listing whose hashes nobody can check a listing without hashes.
        var odd = repository
        let hashes = FileHashes(named: ["md5": Digest([1])])
        try odd.publishTimestamp(of: ListedFile(version: 1, hashes: hashes))
        var careful = ClientBench(repository)
        #expect(Self.refused(odd, &careful)?.reason == .unknownHashes)
        // Nor may the timestamp's own keys say how much is read.
        var greedy = repository
        try greedy.publishTimestamp(of: ListedFile(version: 1, length: 1 << 40))
        var client = ClientBench(repository)
        #expect(Self.refused(greedy, &client)?.reason == .tooLarge(bytes: 1 << 40, limit: 2_000_000))
    }

    @Test func `can withhold files, and that is said`() throws {
        let repository = try RepositoryBench()
        for name in ["1.targets.json", "1.snapshot.json", "timestamp.json"] {
            var files = repository.files
            files[name] = nil
            var client = ClientBench(repository)
            let found = refusal { () throws(MetadataRefusal) in try client.refresh(files) }
            #expect(found?.reason == .notFetched)
        }
    }
}

@Suite struct `A thief of keys` {
    @Test func `below the threshold cannot release anything`() throws {
        var repository = try RepositoryBench()
        var client = ClientBench(repository)
        try client.refresh(repository.files)
        // One of the targets' keys, and all of the online ones.
        repository.targets = TargetsRole(
            version: 2, expires: now.adding(days: 9), targets: [RepositoryBench.target("image", [6, 6, 6])])
        try repository.publishTargets(signedBy: [repository.targetsKeys[0]])
        try repository.publishSnapshot()
        try repository.publishTimestamp()
        let found = refusal { () throws(MetadataRefusal) in try client.refresh(repository.files) }
        #expect(
            found == MetadataRefusal("targets", "5.6.3", .tooFewSignatures(valid: 1, threshold: 2, by: "root 1")))
    }

    @Test func `of timestamp and snapshot can neither take a version back nor drop a role`() throws {
        let delegated = RepositoryBench.keys(1)
        var repository = try RepositoryBench(
            [],
            Delegations([
                Delegation(
                    name: "os", signers: RepositoryBench.signers(delegated, 1), paths: .patterns([PathPattern("os/*")]),
                    isTerminating: false)
            ]))
        let empty = TargetsRole(version: 3, expires: now.adding(days: 9), targets: [])
        try repository.publishDelegated(empty, as: "os", by: delegated)
        try repository.publishSnapshot()
        try repository.publishTimestamp()
        var client = ClientBench(repository)
        try client.refresh(repository.files)
        let listed = try #require(repository.snapshot?.files)
        for (file, reason) in [
            (
                ListedFile(version: 2) as ListedFile?,
                MetadataRefusal.Reason.listedRollback(file: "os.json", trusted: 3, offered: 2)
            ), (nil, .unlisted(file: "os.json", trusted: 3)),
        ] {
            var attacked = repository
            var files = listed
            files["os.json"] = file
            try attacked.publishSnapshot(files: files)
            try attacked.publishTimestamp()
            var victim = client
            let found = refusal { () throws(MetadataRefusal) in try victim.refresh(attacked.files) }
            #expect(found == MetadataRefusal("snapshot", "5.5.5", reason))
        }
        // Nor an older snapshot as a whole.
        var attacked = repository
        try attacked.publishTimestamp(of: ListedFile(version: 1))
        let found = refusal { () throws(MetadataRefusal) in try client.refresh(attacked.files) }
        #expect(
            found
                == MetadataRefusal(
                    "timestamp", "5.4.3.2", .listedRollback(file: "snapshot.json", trusted: 2, offered: 1)))
    }

    @Test func `of the timestamp cannot make up a snapshot`() throws {
        var repository = try RepositoryBench()
        let forged = try RepositoryBench.sign(
            SnapshotRole(version: 2, expires: now.adding(days: 9), files: [:]), by: repository.timestampKeys)
        repository.put(forged)
        try repository.publishTimestamp(of: Edition.listing(forged))
        var client = ClientBench(repository)
        let found = refusal { () throws(MetadataRefusal) in try client.refresh(repository.files) }
        #expect(found?.place == "snapshot 5.5.3")
    }

    /// Versions driven up as far as they go, then new keys (§5.3.11): the repository begins again at 1.
    @Test(arguments: ["timestamp", "snapshot", "both"])
    func `who drove the versions up is undone by new keys`(_ stolen: String) throws {
        var repository = try RepositoryBench()
        var client = ClientBench(repository)
        let top = (1 << 53) - 1
        var attacked = repository
        if stolen != "timestamp" {
            let files = ["targets.json": ListedFile(version: 1)]
            try attacked.publishSnapshot(version: top, files: files)
        }
        try attacked.publishTimestamp(version: top)
        try client.refresh(attacked.files)
        // Honest files alone help nobody now.
        try repository.publishTimestamp()
        #expect(refusal { () throws(MetadataRefusal) in try client.refresh(repository.files) } != nil)
        if stolen != "timestamp" { repository.snapshotKeys = RepositoryBench.keys(1) }
        if stolen != "snapshot" { repository.timestampKeys = RepositoryBench.keys(1) }
        try repository.publishRoot()
        try repository.publishSnapshot(version: 1)
        try repository.publishTimestamp(version: 1)
        let trusted = try client.refresh(repository.files)
        #expect(trusted.timestamp.version == 1 && trusted.snapshot.version == 1)
    }

    @Test func `who drove the versions up is not undone by a mirror, nor by a key that only came along`() throws {
        var repository = try RepositoryBench()
        var client = ClientBench(repository)
        try repository.publishTimestamp(version: 7)
        try client.refresh(repository.files)
        repository.timestampKeys += RepositoryBench.keys(1)
        try repository.publishRoot()
        try repository.publishTimestamp(version: 2)
        let found = refusal { () throws(MetadataRefusal) in try client.refresh(repository.files) }
        #expect(found?.reason == .rollback(trusted: 7, offered: 2))
    }

    @Test func `whose key was replaced finds what it signed forgotten, even if the device did not delete it`() throws {
        var repository = try RepositoryBench()
        var client = ClientBench(repository)
        try client.refresh(repository.files)
        let known = try #require(client.stored["timestamp"])
        let thief = repository.timestampKeys
        repository.timestampKeys = RepositoryBench.keys(1)
        try repository.publishRoot()
        // Back to the old key: the document verifies, and yet its time is over.
        repository.timestampKeys = thief
        try repository.publishRoot()
        let snapshot = try #require(client.stored["snapshot"])
        var roots = try RootStep(trusted: repository.firstRoot, at: now)
        #expect(try roots.take(repository.roots[1]).forgetsTimestampAndSnapshot)
        #expect(try roots.take(repository.roots[2]).forgetsTimestampAndSnapshot)
        var timestamps = try roots.finish()
        #expect(timestamps.recall(known)?.reason == .rotatedAway)
        var snapshots = try timestamps.take(known)
        #expect(snapshots.recall(snapshot)?.reason == .rotatedAway)
        let asksAnew = try snapshots.request != nil
        #expect(asksAnew)
    }
}

@Suite struct `A key of update metadata` {
    @Test func `under a name that is not its hash spoils the document`() throws {
        let repository = try RepositoryBench()
        let content = repository.content(1)
        guard case .object(var signed) = content.signed, case .object(let keys) = signed["keys"],
            let (name, form) = keys.first
        else { return }
        signed["keys"] = .object(keys.merging([String(name.reversed()): form]) { first, _ in first })
        let value = JSONValue.object(signed)
        let signatures = try repository.rootKeys.prefix(2).map { key in
            JSONValue.object([
                "keyid": .text(RepositoryBench.metadataKey(key).keyid),
                "sig": .text(Hex.encode(try key.signature(over: value.canonical))),
            ])
        }
        let document = JSONValue.object(["signatures": .list(signatures), "signed": value]).document
        let found = refusal { () throws(MetadataRefusal) in _ = try RootStep(trusted: document, at: now) }
        #expect(found?.place == "root 4.3")
    }

    @Test func `is of each kind of the specification, or counts for nothing`() throws {
        let repository = try RepositoryBench()
        let content = try #require(repository.timestamp)
        let ours: [any SigningKey] = [EphemeralKey(.ed25519), EphemeralKey(.p256), EphemeralKey(.p384)]
        for key in ours {
            var draft = MetadataDraft(content)
            try draft.sign(with: key)
            let signers = Signers([try MetadataKey(spki: key.publicKeyDER)], threshold: 1)
            #expect(draft.missing(of: signers) == 0)
            // The right key under another scheme's name proves nothing.
            let wrong = MetadataKey(
                form: .object([
                    "keytype": .text("rsa"), "scheme": .text("rsassa-pss-sha256"),
                    "keyval": .object(["public": .text(PEM.encode(key.publicKeyDER, label: "PUBLIC KEY"))]),
                ]))
            #expect(draft.missing(of: Signers([wrong], threshold: 1)) == 1)
            #expect(throws: MetadataRefusal.self) {
                try draft.add(key.signature(over: draft.bytesToSign), by: wrong)
            }
        }
    }

    @Test func `may be RSA with PSS, of 2048 bits at least`() throws {
        let key = try RSAKey()
        var draft = MetadataDraft(try #require(try RepositoryBench().timestamp))
        let listed = MetadataKey(
            form: .object([
                "keytype": .text("rsa"), "scheme": .text("rsassa-pss-sha256"),
                "keyval": .object(["public": .text(key.publicPEM)]),
            ]))
        try draft.add(try key.signature(over: draft.bytesToSign), by: listed)
        #expect(draft.missing(of: Signers([listed], threshold: 1)) == 0)
        #expect(throws: MetadataRefusal.self) { try draft.add(key.oldSignature(over: draft.bytesToSign), by: listed) }
    }
}
