import Testing

/// Who may import whom, from ARCHITECTURE.md ("Floors"). Typed here a second time, so that Package.swift cannot drift alone.
enum Floors {
    static let foundations: Set<String> = [
        "Wire", "Trust", "Ledger", "Release", "TUF", "Mender", "Passport", "Selection", "Rollout",
    ]
    static let rooms: Set<String> = ["Design", "Manufacture", "Pairing", "Use", "Transfer", "Retirement"]
    /// Of the language and the system.
    static let system: Set<String> = ["Foundation", "Synchronization", "Dispatch", "Glibc"]
    private static let certificates: Set<String> = ["X509", "SwiftASN1", "Crypto", "CryptoExtras"]
    private static let nio: Set<String> = [
        "NIOCore", "NIOPosix", "NIOTLS", "NIOSSL", "NIOHTTP1", "NIOFoundationCompat",
        "NIOHTTPTypes",
    ]
    private static let forRooms: Set<String> = foundations.union(["Store", "Registry"])

    /// Target: every module that its files may name in an import.
    static let allowed: [String: Set<String>] = [
        "Wire": ["Foundation"],
        "Trust": certificates.union(["Wire", "Foundation"]),
        "Ledger": ["Wire", "Trust", "Crypto", "Foundation"],
        "Release": ["Wire", "Trust", "Crypto"],
        "TUF": ["Wire", "Trust", "Crypto"],
        "Mender": ["Wire", "Trust", "Crypto", "CZlib"],
        "Passport": ["Wire"],
        "Selection": ["Wire", "Passport"],
        // Foundation for logarithms and time zones.
        "Rollout": ["Wire", "Passport", "Selection", "Foundation"],

        "Keys": system.union(["Wire", "Trust"]),
        "KeysFile": system.union(["Wire", "Trust", "Keys", "Crypto"]),
        "KeysPKCS11": system.union(["Wire", "Trust", "Keys", "Crypto", "CPKCS11"]),
        "KeysTLS": system.union(["Wire", "Trust", "NIOCore", "NIOSSL"]),
        "Store": ["Wire", "Synchronization"],
        "StoreSQLite": system.union(["Wire", "Store", "GRDB", "GRDBSQLite"]),
        "StorePostgreSQL": system.union(["Wire", "Store", "CLibPQ"]),
        "Registry": foundations.union(certificates).union(system).union(["Keys", "Store", "Logging"]),

        // Foundation for JSON and files of artifacts; nothing else from outside, and never another room.
        "Design": forRooms, "Manufacture": forRooms, "Pairing": forRooms, "Use": forRooms.union(["Foundation"]),
        "Transfer": forRooms, "Retirement": forRooms,

        "Server": forRooms.union(rooms).union(certificates).union(nio).union(system).union([
            "Keys", "KeysTLS", "Hummingbird", "HummingbirdCore", "HTTPTypes", "Logging", "ServiceLifecycle",
            "UnixSignals",
        ]),
        "Station": certificates.union(system).union(["Wire", "Trust", "Keys", "CQREncode"]),
        "Agent": certificates.union(nio).union(system).union([
            "Wire", "Trust", "Ledger", "Release", "Rollout", "TUF", "Keys", "KeysTLS", "AsyncHTTPClient", "Logging",
        ]),
        "Fleet": certificates.union(nio).union(system).union([
            "Wire", "Trust", "Ledger", "Release", "Keys", "KeysTLS", "Agent", "AsyncHTTPClient", "Logging",
        ]),
        "Outbound": nio.union(system).union([
            "Wire", "Trust", "Ledger", "Rollout", "Registry", "AsyncHTTPClient", "Logging", "Crypto",
        ]),
        "Witness": nio.union(system).union([
            "Wire", "Trust", "Ledger", "Keys", "Hummingbird", "HummingbirdCore", "HTTPTypes", "Logging",
            "ServiceLifecycle", "UnixSignals", "Crypto",
        ]),
        "Auditor": certificates.union(nio).union(system).union([
            "Wire", "Trust", "Ledger", "Passport", "AsyncHTTPClient",
        ]),
    ]

    /// The device's side: what must never be linked into it, even by way of others.
    static let neverInAgent: Set<String> = rooms.union([
        "KeysPKCS11", "Store", "StoreSQLite", "StorePostgreSQL", "Registry", "Server", "Hummingbird", "GRDB",
        "GRDBSQLite", "CLibPQ",
    ])

    static func imports(of file: Repository.File) -> [String] {
        let kinds = /(?:struct|class|enum|protocol|func|var|let|typealias)\s+/
        return file.codeLines.compactMap { _, line in
            guard line.contains("import "),
                let match = line.firstMatch(of: /^\s*(?:@[A-Za-z_]+\s+)*(?:package |internal |public )?import\s+(.+)$/)
            else {
                return nil
            }
            let name = match.output.1.trimmingPrefix(kinds)
            return String(name.prefix { $0 != "." && $0 != " " })
        }
    }
}

@Suite struct `An import` {
    @Test(arguments: Repository.sources) func `goes downwards only`(_ file: Repository.File) {
        if file.path.hasPrefix("Sources/Programs/") { return }
        guard let allowed = Floors.allowed[file.target] else {
            Issue.record(
                "The target \(file.target) is not in the table of floors: add it to ImportRules.swift and ARCHITECTURE.md"
            )
            return
        }
        for name in Floors.imports(of: file) {
            #expect(allowed.contains(name), "\(file.path) imports \(name), which \(file.target) may not")
        }
    }

    @Test func `never goes from a room to a room, or to an engine`() {
        for file in Repository.sources where file.path.hasPrefix("Sources/Rooms/") {
            let others = Floors.rooms.subtracting([file.target]).union([
                "StoreSQLite", "StorePostgreSQL", "KeysFile", "GRDB", "GRDBSQLite",
            ])
            #expect(others.isDisjoint(with: Floors.imports(of: file)), "\(file.path)")
        }
    }

    @Test func `never brings the store or the web stack into the agent`() {
        for file in Repository.sources where ["Agent", "lifelong-agent"].contains(file.target) {
            #expect(Floors.neverInAgent.isDisjoint(with: Floors.imports(of: file)), "\(file.path)")
        }
        // What the agent imports may not import it either: followed to the end.
        var reached: Set<String> = ["Agent"]
        var open = reached
        while let target = open.popFirst() {
            let next = (Floors.allowed[target] ?? []).subtracting(reached)
            reached.formUnion(next)
            open.formUnion(next)
        }
        #expect(Floors.neverInAgent.isDisjoint(with: reached))
    }

    @Test func `of a target stands in the package as it stands here`() throws {
        let package = try #require(Repository.text("Package.swift"))
        for target in Floors.allowed.keys {
            #expect(package.contains("\"\(target)\""), "\(target) is in the table and not in Package.swift")
        }
        let targets = package.matches(of: /room\(\s*"([A-Za-z]+)", in:/).map { String($0.output.1) }
        #expect(Set(targets).subtracting(Floors.allowed.keys).isEmpty, "a target is not in the table of floors")
    }
}

@Suite struct `A foundation` {
    /// No disk, network, clock or randomness of its own: they are handed in.
    private static var impure: [(pattern: Regex<Substring>, instead: String)] {
        [
            (/\bFileManager\b/, "hand the bytes in"), (/\bFileHandle\b/, "hand the bytes in"),
            (/\b(?:Data|String)\(contentsOf[A-Za-z]*:/, "hand the bytes in"), (/\bURLSession\b/, "hand the bytes in"),
            (/\bProcess\b/, "hand the value in"), (/\bProcessInfo\b/, "hand the value in"),
            (/\bDate\(\)/, "take a Timestamp"), (/\bDate\.now\b/, "take a Timestamp"),
            (/\b[A-Z][a-z]+Clock\b/, "take a Timestamp"), (/\bTask\.sleep\b/, "a foundation does not wait"),
            (/\bSystemRandomNumberGenerator\b/, "take the random bytes"), (/\.random\(/, "take the random bytes"),
            (/\.randomElement\(\)/, "take the random bytes"), (/\bUUID\(\)/, "take the random bytes"),
        ]
    }

    @Test(arguments: Repository.sources.filter { $0.path.hasPrefix("Sources/Foundations/") })
    func `is pure`(_ file: Repository.File) {
        for (pattern, instead) in Self.impure {
            for match in file.code.matches(of: pattern) {
                let line = file.lineNumber(of: match.range.lowerBound)
                Issue.record("\(file.path):\(line) uses \(match.output); \(instead)")
            }
        }
    }
}
