import TUF
import Testing
import Trust
import Wire

private let now = RepositoryBench.now

@Suite struct `A root` {
    @Test func `is followed version by version to the present one`() throws {
        var repository = try RepositoryBench()
        var client = ClientBench(repository)
        try client.refresh(repository.files)
        for _ in 0..<3 {
            let old = repository.rootKeys
            repository.rootKeys = RepositoryBench.keys(3)
            try repository.publishRoot(signedAlsoBy: Array(old.prefix(2)))
        }
        let trusted = try client.refresh(repository.files)
        #expect(trusted.root.version == 4)
        #expect(client.asked.prefix(4) == ["2.root.json", "3.root.json", "4.root.json", "5.root.json"])
        #expect(client.stored["root"] == repository.roots[3])
    }

    @Test func `is refused without enough of the old keys, and without enough of the new ones`() throws {
        var repository = try RepositoryBench()
        let old = repository.rootKeys
        repository.rootKeys = RepositoryBench.keys(3)
        let next = repository.content(2)
        for (signed, by) in [
            (Array(repository.rootKeys.prefix(2)) + [old[0]], "root 1"), (Array(old.prefix(2)), "root 2"),
            (Array(old.prefix(2)) + [repository.rootKeys[0]], "root 2"), ([], "root 1"),
        ] {
            let document = try RepositoryBench.sign(next, by: signed).document
            let found = refusalOfRoot(document, after: repository.firstRoot)
            #expect(found?.place == "root 5.3.4")
            guard case .tooFewSignatures(let valid, 2, by) = found?.reason else {
                Issue.record("\(String(describing: found)) is not of \(by)")
                continue
            }
            #expect(valid < 2)
        }
    }

    @Test func `is refused if it skips a version, or comes again, or goes back`() throws {
        let repository = try RepositoryBench()
        for (version, reason) in [
            (3, MetadataRefusal.Reason.otherVersion(expected: 2, offered: 3)),
            (1, .rollback(trusted: 1, offered: 1)),
        ] {
            let document = try RepositoryBench.sign(
                repository.content(version), by: Array(repository.rootKeys.prefix(2))
            ).document
            #expect(
                refusalOfRoot(document, after: repository.firstRoot) == MetadataRefusal("root", "5.3.5", reason))
        }
    }

    @Test func `that has expired is gone through, but not stopped at`() throws {
        var repository = try RepositoryBench()
        var client = ClientBench(repository)
        let over = now.adding(days: -1)
        try repository.publishRoot(expires: over)
        let frozen = repository.files
        #expect(
            refusal { () throws(MetadataRefusal) in try client.refresh(frozen) }
                == MetadataRefusal("root", "5.3.10", .expired(over, now: now)))
        #expect(client.stored["root"] == repository.roots[1])
        #expect(client.stored["timestamp"] == nil)
        try repository.publishRoot()
        #expect(try client.refresh(repository.files).root.version == 3)
    }

    @Test func `ends at its instant, not after it`() throws {
        let repository = try RepositoryBench()
        let end = repository.content(1).expires
        let found = refusal { () throws(MetadataRefusal) in
            _ = try RootStep(trusted: repository.firstRoot, at: end).finish()
        }
        #expect(found?.place == "root 5.3.10")
    }

    @Test func `that is not its own is no beginning`() throws {
        let repository = try RepositoryBench()
        let stranger = try RepositoryBench.sign(repository.content(1), by: RepositoryBench.keys(2)).document
        for bytes in [stranger, [], Array("{}".utf8), Array(repository.firstRoot.dropLast(9))] {
            #expect(refusal { () throws(MetadataRefusal) in _ = try RootStep(trusted: bytes, at: now) } != nil)
        }
    }

    @Test func `is not followed for ever`() throws {
        var repository = try RepositoryBench()
        for _ in 0..<4 { try repository.publishRoot() }
        var client = ClientBench(repository)
        client.limits.rootRotations = 2
        // Two in this update, the rest in the next.
        #expect(try client.refresh(repository.files).root.version == 3)
        #expect(try client.refresh(repository.files).root.version == 5)
    }

    @Test func `with the highest version has no successor, and nothing overflows`() throws {
        let keys = RepositoryBench.keys(2)
        let signers = RepositoryBench.signers(keys, 1)
        let highest = RootRole(
            version: (1 << 53) - 1, expires: now.adding(days: 1), root: signers, timestamp: signers, snapshot: signers,
            targets: signers)
        let request = try RootStep(trusted: try RepositoryBench.sign(highest, by: keys).document, at: now).request
        #expect(request == nil)
    }
}

@Suite struct `A threshold` {
    private static func timestamp(_ change: (inout [String: JSONValue]) -> Void) throws -> MetadataRefusal? {
        let repository = try RepositoryBench()
        let document = try edited(try #require(repository.files["timestamp.json"]), change)
        return refusalOfTimestamp(document, under: repository.firstRoot)
    }

    @Test func `is not reached by one signature that stands there twice`() throws {
        let found = try Self.timestamp { fields in
            guard case .list(let list) = fields["signatures"] else { return }
            fields["signatures"] = .list(list + list)
        }
        #expect(found?.place == "timestamp 4.2")
    }

    @Test func `counts a key once, under however many names it is listed`() throws {
        // A field that nobody knows gives the same key another hash.
        let key = RepositoryBench.keys(1)[0]
        let plain = RepositoryBench.metadataKey(key)
        let other = MetadataKey(
            form: .object([
                "keytype": .text("ed25519"), "scheme": .text("ed25519"), "note": .text("again"),
                "keyval": .object(["public": .text(Hex.encode(key.publicKeyDER.suffix(32)))]),
            ]))
        #expect(plain.keyid != other.keyid)
        let repository = try RepositoryBench()
        let twice = Signers([plain, other], threshold: 2)
        let once = Signers([plain], threshold: 1)
        let root = RootRole(
            version: 1, expires: now.adding(days: 1), root: once, timestamp: twice, snapshot: once, targets: once)
        let trusted = try RepositoryBench.sign(root, by: [key]).document
        var draft = MetadataDraft(try #require(repository.timestamp))
        let signature = try key.signature(over: draft.bytesToSign)
        try draft.add(signature, by: plain)
        try draft.add(signature, by: other)
        #expect(
            refusalOfTimestamp(draft.document, under: trusted)
                == MetadataRefusal(
                    "timestamp", "5.4.2", .tooFewSignatures(valid: 1, threshold: 2, by: "root 1")))
    }

    @Test func `is reached although signatures that are none stand beside it`() throws {
        let rest: [JSONValue] = ["", "zz", "00", String(repeating: "ab", count: 64)].enumerated().map {
            .object(["keyid": .text("\($0.offset)"), "sig": .text($0.element)])
        }
        #expect(
            try Self.timestamp { fields in
                guard case .list(let list) = fields["signatures"] else { return }
                fields["signatures"] = .list(rest + list)
            } == nil)
    }

    @Test func `is not reached if one bit of what was signed is changed, known or unknown`() throws {
        for field in ["version", "spec_version", "x-note"] {
            let found = try Self.timestamp { fields in
                guard case .object(var signed) = fields["signed"] else { return }
                signed[field] = .integer(2)
                fields["signed"] = .object(signed)
            }
            #expect(found?.place == "timestamp 5.4.2")
        }
    }

    @Test func `is reached over fields that nobody here knows, which the signature covers`() throws {
        let repository = try RepositoryBench()
        let content = try #require(repository.timestamp)
        guard case .object(var signed) = content.signed else { return }
        signed["x-note"] = .object(["b": .list([.null, .flag(true)]), "a": .text("line\nend \u{1F512}")])
        let value = JSONValue.object(signed)
        let signature = try repository.timestampKeys[0].signature(over: value.canonical)
        let keyid = RepositoryBench.metadataKey(repository.timestampKeys[0]).keyid
        let document = JSONValue.object([
            "signatures": .list([.object(["keyid": .text(keyid), "sig": .text(Hex.encode(signature))])]),
            "signed": value, "more": .null,
        ]).document
        let believed = try RootStep(trusted: repository.firstRoot, at: now).finish().take(document).timestamp
        #expect(believed == content)
    }

    @Test func `above the number of keys is a role that nobody can sign for, and no fault of the root`() throws {
        let keys = RepositoryBench.keys(2)
        let signers = RepositoryBench.signers(keys, 1)
        let root = RootRole(
            version: 1, expires: now.adding(days: 1), root: signers, timestamp: RepositoryBench.signers(keys, 3),
            snapshot: signers, targets: signers)
        let trusted = try RepositoryBench.sign(root, by: keys).document
        let timestamp = try RepositoryBench.sign(
            try #require(try RepositoryBench().timestamp), by: keys
        ).document
        let found = refusalOfTimestamp(timestamp, under: trusted)
        #expect(found?.reason == .tooFewSignatures(valid: 2, threshold: 3, by: "root 1"))
    }
}
