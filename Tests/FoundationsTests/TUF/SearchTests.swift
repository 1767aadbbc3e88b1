import TUF
import Testing
import Trust
import Wire

private let now = RepositoryBench.now

/// Roles that trust each other, all signed by one key unless it is said otherwise.
private struct Graph {
    let keys = RepositoryBench.keys(1)
    var repository: RepositoryBench
    /// "A>B": A delegates "*" to B; "A>>B": terminating; "A>B:x*": for a pattern.
    init(_ edges: [String], holding: [String: [String]] = [:], unlisted: Set<String> = []) throws {
        var delegations: [String: [Delegation]] = [:]
        var names: [String] = []
        for edge in edges {
            let parts = edge.split(separator: ">").map(String.init)
            let end = parts[1].split(separator: ":").map(String.init)
            let pattern = end.count > 1 ? end[1] : "*"
            delegations[parts[0], default: []].append(
                Delegation(
                    name: end[0], signers: RepositoryBench.signers(keys, 1), paths: .patterns([PathPattern(pattern)]),
                    isTerminating: edge.contains(">>")))
            if !names.contains(end[0]) { names.append(end[0]) }
        }
        func targets(_ role: String) -> [TargetFile] {
            (holding[role] ?? []).map { RepositoryBench.target($0, Array(role.utf8)) }
        }
        repository = try RepositoryBench(targets("targets"), Delegations(delegations["targets"] ?? []))
        for name in names where !unlisted.contains(name) {
            let role = TargetsRole(
                version: 1, expires: now.adding(days: 9), targets: targets(name),
                delegations: delegations[name].map { Delegations($0) })
            try repository.publishDelegated(role, as: name, by: keys)
        }
        try repository.publishSnapshot()
        try repository.publishTimestamp()
    }

    /// Roles that were asked for, and who had it.
    struct Walk: Equatable {
        let asked: [String]
        let by: String?
    }

    func walk(_ path: String, limit: Int = 32) throws -> Walk {
        var client = ClientBench(repository)
        client.limits.delegations = limit
        let trusted = try client.refresh(repository.files)
        let before = client.asked.count
        let found = try client.find(path, trusted, repository.files)
        return Walk(asked: client.asked.dropFirst(before).map { String($0.dropFirst(2).dropLast(5)) }, by: found?.role)
    }
}

@Suite struct `A search for a target` {
    static let walks: [(edges: [String], asked: [String])] = [
        (["targets>A"], ["A"]), (["targets>A", "targets>B"], ["A", "B"]),
        (["targets>A", "targets>B", "A>C", "A>D"], ["A", "C", "D", "B"]),
        (["targets>A", "targets>B", "A>C", "C>D"], ["A", "C", "D", "B"]),
        (["targets>A", "targets>B", "A>>C", "A>D"], ["A", "C"]),
        (["targets>A", "targets>B", "A>>C", "C>D"], ["A", "C", "D"]),
        (["targets>A:*.py", "targets>B", "A>C"], ["B"]), (["targets>A", "targets>B", "A>C:*.py"], ["A", "B"]),
        (["targets>A", "targets>B", "B>C", "C>D", "D>B"], ["A", "B", "C", "D"]),
        (["targets>A", "targets>B", "B>C", "A>C"], ["A", "C", "B"]), (["targets>A", "A>A"], ["A"]),
    ]

    @Test(arguments: walks.indices) func `goes depth first, in the order of trust`(_ number: Int) throws {
        let (edges, asked) = Self.walks[number]
        let found = try Graph(edges).walk("missing")
        #expect(found.asked == asked && found.by == nil)
    }

    @Test func `ends with the first who may speak of it`() throws {
        let graph = try Graph(["targets>A", "targets>B"], holding: ["A": ["a"], "B": ["a", "b"]])
        #expect(try graph.walk("a") == Graph.Walk(asked: ["A"], by: "A"))
        #expect(try graph.walk("b") == Graph.Walk(asked: ["A", "B"], by: "B"))
        #expect(
            try Graph(["targets>A"], holding: ["targets": ["a"], "A": ["a"]]).walk("a")
                == Graph.Walk(asked: [], by: "targets"))
    }

    @Test func `does not listen to a role about paths that were not delegated to it`() throws {
        // Uptane: the supplier of one part cannot release for another.
        let graph = try Graph(
            ["targets>lamp:lamp/*", "targets>lock:lock/*"], holding: ["lamp": ["lock/image"], "lock": []])
        #expect(try graph.walk("lock/image") == Graph.Walk(asked: ["lock"], by: nil))
        // Nor deeper than its delegator may: C has "*", but B only "b*".
        let chain = try Graph(["targets>B:b*", "B>C:*"], holding: ["C": ["a"]])
        #expect(try chain.walk("a") == Graph.Walk(asked: [], by: nil))
    }

    @Test func `visits no more roles than it may`() throws {
        let edges = (0..<40).map { $0 == 0 ? "targets>r0" : "r\($0 - 1)>r\($0)" }
        let graph = try Graph(edges, holding: ["r32": ["deep"], "r31": ["shallow"]])
        let deep = try graph.walk("deep")
        #expect(deep.asked.count == 32 && deep.by == nil)
        #expect(try graph.walk("shallow").by == "r31")
        #expect(try graph.walk("shallow", limit: 3).asked == ["r0", "r1", "r2"])
    }

    @Test func `ends at a role that the snapshot does not list, without asking for it`() throws {
        let graph = try Graph(["targets>A", "targets>B"], holding: ["B": ["a"]], unlisted: ["A"])
        #expect { try graph.walk("a") } throws: {
            ($0 as? MetadataRefusal) == MetadataRefusal("A", "5.6.7", .notInSnapshot)
        }
    }

    @Test func `proves each role on its own way`() throws {
        // "release" is trusted by A and by B, with different keys; only A's signed it.
        let (a, b) = (RepositoryBench.keys(1), RepositoryBench.keys(1))
        func delegation(_ name: String, _ path: String, _ keys: [EphemeralKey]) -> Delegation {
            Delegation(
                name: name, signers: RepositoryBench.signers(keys, 1), paths: .patterns([PathPattern(path)]),
                isTerminating: false)
        }
        var repository = try RepositoryBench(
            [], Delegations([delegation("A", "a/*", a), delegation("B", "b/*", b)]))
        let end = now.adding(days: 9)
        for (name, path, keys) in [("A", "a/*", a), ("B", "b/*", b)] {
            let role = TargetsRole(
                version: 1, expires: end, targets: [], delegations: Delegations([delegation("release", path, keys)]))
            try repository.publishDelegated(role, as: name, by: keys)
        }
        let release = TargetsRole(
            version: 1, expires: end, targets: [RepositoryBench.target("a/x"), RepositoryBench.target("b/x")])
        try repository.publishDelegated(release, as: "release", by: a)
        try repository.publishSnapshot()
        try repository.publishTimestamp()
        var client = ClientBench(repository)
        let trusted = try client.refresh(repository.files)
        #expect(try client.find("a/x", trusted, repository.files)?.role == "release")
        let found = refusal { () throws(MetadataRefusal) in _ = try client.find("b/x", trusted, repository.files) }
        #expect(
            found == MetadataRefusal("release", "5.6.3", .tooFewSignatures(valid: 0, threshold: 1, by: "B")))
    }

    @Test func `follows prefixes of hashes and described bins`() throws {
        let keys = RepositoryBench.keys(1)
        let signers = RepositoryBench.signers(keys, 1)
        // SHA-256 of "a" is ca97…, of "b" 3e23….
        let prefixed = Delegation(
            name: "c", signers: signers, paths: .hashPrefixes(["ca9", "ff"]),
            isTerminating: false)
        let role = TargetsRole(
            version: 1, expires: now.adding(days: 9),
            targets: [RepositoryBench.target("a"), RepositoryBench.target("b")])
        var repository = try RepositoryBench([], Delegations([prefixed]))
        try repository.publishDelegated(role, as: "c", by: keys)
        try repository.publishSnapshot()
        try repository.publishTimestamp()
        var client = ClientBench(repository)
        let trusted = try client.refresh(repository.files)
        #expect(try client.find("a", trusted, repository.files)?.role == "c")
        #expect(try client.find("b", trusted, repository.files) == nil)

        let bins = HashBins(signers: signers, bits: 5, prefix: "bin")
        #expect(bins.name(of: 3) == "bin-03" && bins.name(of: 31) == "bin-1f")
        // The first five bits of ca are 11001.
        var other = try RepositoryBench([], Delegations(bins))
        try other.publishDelegated(role, as: "bin-19", by: keys)
        try other.publishSnapshot()
        try other.publishTimestamp()
        var second = ClientBench(other)
        let state = try second.refresh(other.files)
        #expect(try second.find("a", state, other.files)?.role == "bin-19")
    }

    @Test(arguments: [
        ("*.tgz", "foo.tgz", true), ("*.tgz", "targets/foo.tgz", false), ("targets/*.tgz", "targets/foo.tgz", true),
        ("targets/*.tgz", "targets/foo.txt", false), ("foo-?.tgz", "foo-2.tgz", true),
        ("foo-?.tgz", "foo-alpha.tgz", false), ("foo-?.tgz", "foo-.tgz", false), ("foo.tgz", "foo.tgz", true),
        ("*", "", true), ("*", "a/b", false), ("*/*", "a/b", true), ("a*b*c", "aXbYbZc", true),
        ("a*b*c", "aXbYbZ", false), ("[ab]", "b", true), ("[!ab]", "b", false), ("[!ab]", "/", false),
        ("[a-c]x", "bx", true), ("[a-c]x", "dx", false), ("[]]", "]", true), ("[", "[", true), ("[a", "[a", true),
        ("a?", "a/", false), ("README.md", "README.MD", false), ("?", "\u{1F512}", true), ("**", "abc", true),
        ("*a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", false), ("[z-a]", "m", false), ("a-[0-9]", "a-7", true),
    ]) func `matches paths as a shell does`(_ pattern: String, _ path: String, _ matches: Bool) {
        #expect(PathPattern(pattern).matches(path) == matches)
    }

    @Test func `keeps role names out of paths and addresses`() {
        #expect(MetadataRequest.localName(of: "../a/b?#%") == "..%2Fa%2Fb%3F%23%25.json")
        #expect(MetadataRequest(role: "é", version: 3, limit: 1).remoteName == "3.%C3%A9.json")
    }
}

@Suite struct `A target on its way` {
    private static func found(_ bytes: [UInt8], _ hashes: FileHashes? = nil) throws -> FoundTarget {
        var target = RepositoryBench.target("a b/c", bytes)
        if let hashes { target = TargetFile(path: target.path, length: target.length, hashes: hashes) }
        let repository = try RepositoryBench([target])
        let trusted = try Edition.rehearse(repository.files, trusted: repository.firstRoot, at: now)
        return try #require(try Edition.find("a b/c", in: trusted, repository.files))
    }

    private static func check(_ target: FoundTarget, _ pieces: [[UInt8]]) -> MetadataRefusal? {
        refusal { () throws(MetadataRefusal) in
            var check = target.check
            for piece in pieces {
                // A closure cannot throw this type through.
                let fault = piece.withUnsafeBytes { raw in
                    refusal { () throws(MetadataRefusal) in try check.take(raw) }
                }
                if let fault { throw fault }
            }
            try check.finish()
        }
    }

    @Test func `is taken if every byte is right`() throws {
        let target = try Self.found([1, 2, 3])
        #expect(Self.check(target, [[1], [], [2, 3]]) == nil)
        #expect(
            target.remotePath == "a%20b/039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81.c")
    }

    @Test func `is refused if it is too long, at the first byte too many, or too short, or another`() throws {
        let target = try Self.found([1, 2, 3])
        #expect(
            Self.check(target, [[1, 2], [3, 4]])
                == MetadataRefusal("targets", "5.7.3", .otherLength(expected: 3, found: 4)))
        #expect(Self.check(target, [[1, 2]])?.reason == .otherLength(expected: 3, found: 2))
        // At once, not at the end: an endless mirror has none.
        var check = target.check
        let fault = [UInt8](repeating: 0, count: 4).withUnsafeBytes { raw in
            refusal { () throws(MetadataRefusal) in try check.take(raw) }
        }
        #expect(fault?.reason == .otherLength(expected: 3, found: 4) && check.count == 0)
        #expect(Self.check(target, [[1, 2, 4]])?.reason == .otherHash(algorithm: "sha256"))
    }

    @Test func `is refused if one of its hashes is wrong, or none is of a known kind`() throws {
        let digest = Digest(Array(repeating: 1, count: 64))
        let right = RepositoryBench.target("x", [1, 2, 3]).hashes.values["sha256"] ?? ""
        let both = FileHashes([.sha256: try #require(Digest(hex: right)), .sha512: digest])
        #expect(Self.check(try Self.found([1, 2, 3], both), [[1, 2, 3]])?.reason == .otherHash(algorithm: "sha512"))
        let unknown = try Self.found([1, 2, 3], FileHashes(named: ["blake9": digest]))
        #expect(Self.check(unknown, [[1, 2, 3]])?.reason == .unknownHashes)
    }
}
