// swift-tools-version:6.2
// This file is the architecture diagram: every target, with exactly what it may import. ARCHITECTURE.md explains it.
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
    .treatAllWarnings(as: .error),
]

// From outside, named once.
let x509: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let asn1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let sqlite: Target.Dependency = .product(name: "GRDBSQLite", package: "GRDB.swift")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioFoundation: Target.Dependency = .product(name: "NIOFoundationCompat", package: "swift-nio")
let nioHTTPTypes: Target.Dependency = .product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let yaml: Target.Dependency = .product(name: "Yams", package: "Yams")

/// One target of ours: its folder under Sources, and what it may import.
func room(_ name: String, in folder: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(folder)/\(name)", swiftSettings: strict)
}

/// What every room may import: foundations, the store interface, the registry, and nothing else.
let forRooms: [Target.Dependency] = [
    "Wire", "Trust", "Ledger", "Release", "TUF", "Mender", "Passport", "Selection", "Rollout", "Store", "Registry",
]
let rooms: [Target.Dependency] = ["Design", "Manufacture", "Pairing", "Use", "Transfer", "Retirement"]

let package = Package(
    name: "lifelong",
    products: [
        .executable(name: "lifelong", targets: ["lifelong"]),
        .executable(name: "lifelong-agent", targets: ["lifelong-agent"]),
        .library(name: "FaultyDisk", type: .dynamic, targets: ["FaultyDisk"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.34.0"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
    ],
    targets: [
        // Foundations: pure; no disk, network, clock or randomness of their own.
        room("Wire", in: "Foundations", []),
        room("Trust", in: "Foundations", ["Wire", asn1, crypto, cryptoExtras]),
        room("Ledger", in: "Foundations", ["Wire", "Trust", crypto]),
        room("Release", in: "Foundations", ["Wire", "Trust", crypto]),
        room("TUF", in: "Foundations", ["Wire", "Trust", crypto]),
        room("Mender", in: "Foundations", ["Wire", "Trust", "CZlib", crypto]),
        .systemLibrary(
            name: "CZlib", path: "Sources/Ground/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        room("Passport", in: "Foundations", ["Wire"]),
        room("Selection", in: "Foundations", ["Wire", "Passport"]),
        room("Rollout", in: "Foundations", ["Wire", "Passport", "Selection"]),

        // Ground: state; its engines are edges.
        room("Keys", in: "Ground", ["Wire", "Trust"]),
        room("KeysFile", in: "Ground", ["Wire", "Trust", "Keys", crypto]),
        room("KeysPKCS11", in: "Ground", ["Wire", "Trust", "Keys", "CPKCS11", crypto]),
        room("KeysTLS", in: "Ground", ["Wire", "Trust", nioCore, nioSSL]),
        room("Store", in: "Ground", ["Wire"]),
        room("StoreSQLite", in: "Ground", ["Wire", "Store", grdb, sqlite]),
        room("StorePostgreSQL", in: "Ground", ["Wire", "Store", "CLibPQ"]),
        .systemLibrary(
            name: "CLibPQ", path: "Sources/Ground/CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        room(
            "Registry", in: "Ground",
            [
                "Wire", "Trust", "Ledger", "Release", "TUF", "Mender", "Passport", "Selection", "Rollout", "Keys",
                "Store", logging,
                crypto,
                cryptoExtras, x509, asn1,
            ]),

        // Rooms: a room a stage of life; never another room, nothing from outside.
        room("Design", in: "Rooms", forRooms),
        room("Manufacture", in: "Rooms", forRooms),
        room("Pairing", in: "Rooms", forRooms),
        room("Use", in: "Rooms", forRooms),
        room("Transfer", in: "Rooms", forRooms),
        room("Retirement", in: "Rooms", forRooms),

        // Doors: bytes in, action, bytes out.
        room(
            "Server", in: "Doors",
            rooms + forRooms + [
                "Keys", "KeysTLS", hummingbird, hummingbirdCore, httpTypes, nioCore, nioPosix, nioTLS, nioSSL, nioHTTP1,
                nioHTTPTypes, logging, lifecycle, signals, x509, asn1, crypto,
            ]),
        room("Station", in: "Doors", ["Wire", "Trust", "Keys", "CQREncode", crypto, cryptoExtras, x509, asn1]),
        room(
            "Agent", in: "Doors",
            [
                "Wire", "Trust", "Ledger", "Release", "Rollout", "TUF", "Keys", "KeysTLS", httpClient, nioCore, nioSSL,
                nioHTTP1,
                nioFoundation, crypto,
                x509, asn1, logging,
            ]),
        room(
            "Fleet", in: "Doors",
            ["Wire", "Trust", "Release", "Keys", "Agent", httpClient, nioCore, nioSSL, crypto, x509, asn1, logging]),
        room(
            "Auditor", in: "Doors",
            ["Wire", "Trust", "Ledger", "Passport", httpClient, nioCore, nioHTTP1, crypto, x509, asn1]),
        room(
            "Outbound", in: "Doors",
            ["Wire", "Trust", "Ledger", "Rollout", "Registry", httpClient, nioCore, nioHTTP1, logging, crypto]),
        room(
            "Witness", in: "Doors",
            [
                "Wire", "Trust", "Ledger", "Keys", hummingbird, hummingbirdCore, httpTypes, nioCore, logging, lifecycle,
                signals, crypto,
            ]),
        .systemLibrary(
            name: "CQREncode", path: "Sources/Ground/CQREncode", pkgConfig: "libqrencode",
            providers: [.apt(["libqrencode-dev"])]),
        .systemLibrary(
            name: "CPKCS11", path: "Sources/Ground/CPKCS11", pkgConfig: "p11-kit-1",
            providers: [.apt(["libp11-kit-dev"])]),

        // Programs: they pick the engines and say what is started.
        .executableTarget(
            name: "lifelong",
            dependencies: rooms + forRooms + [
                "Keys", "KeysFile", "KeysPKCS11", "StoreSQLite", "StorePostgreSQL", "Server", "Station", "Fleet",
                "Agent",
                "Auditor", "Outbound", "Witness", arguments,
                httpClient, nioCore, nioHTTP1, nioPosix, nioSSL, logging, lifecycle, yaml, x509, crypto,
            ],
            path: "Sources/Programs/lifelong", swiftSettings: strict),
        .executableTarget(
            name: "lifelong-agent",
            dependencies: ["Wire", "Trust", "Keys", "KeysFile", "Agent", arguments, logging],
            path: "Sources/Programs/lifelong-agent", swiftSettings: strict),

        // Measures (`make bench`); figures in docs/performance.md.
        .executableTarget(
            name: "lifelong-bench",
            dependencies: [
                "Wire", "Trust", "Ledger", "Passport", "Keys", "KeysFile", "Store", "StoreSQLite", "StorePostgreSQL",
                "Registry", logging,
                crypto,
            ],
            path: "Benchmarks", exclude: ["Delivery", "Doors", "Overload", "Scale"], swiftSettings: strict),
        // Large fleets, made and measured (`make scale`).
        .executableTarget(
            name: "lifelong-scale",
            dependencies: [
                "Wire", "Trust", "Ledger", "Passport", "Rollout", "Keys", "KeysFile", "Store", "StoreSQLite",
                "Registry",
                "Design", "Manufacture", "Use", "Server", arguments, httpClient, nioCore, nioHTTP1, nioSSL, logging,
                crypto,
            ],
            path: "Benchmarks/Scale", swiftSettings: strict),

        // The crash test (`make crash`): a real server, killed under load; and a disk that misbehaves on demand.
        .executableTarget(
            name: "lifelong-crash",
            dependencies: rooms + forRooms + [
                "Keys", "KeysFile", "StoreSQLite", "StorePostgreSQL", "Station", "Agent", "Auditor", "Workbench",
                arguments, nioHTTP1, nioSSL, crypto, x509, asn1,
            ],
            path: "Tests/Crash", swiftSettings: strict),
        .target(name: "FaultyDisk", path: "Tests/FaultyDisk"),

        // Tests.
        .target(
            name: "Workbench",
            dependencies: rooms + forRooms + [
                "Keys", "KeysFile", "KeysPKCS11", "StoreSQLite", "StorePostgreSQL", "Station", "Agent", "Server",
                httpClient,
                nioCore, nioHTTP1, nioSSL, logging,
                lifecycle, x509, asn1, crypto,
            ],
            path: "Tests/Workbench", swiftSettings: strict),
        // Simulations (docs/simulation.md); not shipped.
        .target(
            name: "Simulation",
            dependencies: rooms + forRooms + ["Keys", "StoreSQLite", logging, crypto],
            path: "Tests/Simulation", swiftSettings: strict),
        .executableTarget(
            name: "lifelong-simulate", dependencies: ["Passport", "Rollout", "Simulation", arguments],
            path: "Tests/Simulate",
            swiftSettings: strict),
        // A client of update metadata, as tuf-conformance drives one (docs/updates.md); not shipped.
        .executableTarget(
            name: "lifelong-tuf-client",
            dependencies: ["Wire", "TUF", "Agent", arguments], path: "Tests/TUFClient", swiftSettings: strict),
        .testTarget(
            name: "SimulationTests", dependencies: ["Wire", "Passport", "Rollout", "Simulation", "lifelong-simulate"],
            path: "Tests/SimulationTests", swiftSettings: strict),
        .testTarget(
            name: "AgentFaultTests",
            dependencies: rooms + forRooms + [
                "Keys", "KeysFile", "Station", "Agent", "Workbench", "lifelong-agent", crypto,
            ],
            path: "Tests/AgentFaultTests", exclude: ["faultline.c"], swiftSettings: strict),
        // What tests and fuzz targets make by hand, because nothing of ours writes it.
        .target(name: "Samples", dependencies: ["Wire", "TUF", crypto], path: "Tests/Samples", swiftSettings: strict),
        .testTarget(
            name: "FoundationsTests",
            dependencies: [
                "Samples", "Wire", "Trust", "Ledger", "Release", "TUF", "Mender", "Passport", "Selection", "Rollout",
                x509, asn1,
                crypto, cryptoExtras,
            ],
            path: "Tests/FoundationsTests", swiftSettings: strict),
        .testTarget(
            name: "RegistryTests",
            dependencies: rooms + forRooms + [
                "Keys", "KeysFile", "StoreSQLite", "StorePostgreSQL", "Workbench", grdb, asn1, logging, crypto, x509,
            ],
            path: "Tests/RegistryTests", swiftSettings: strict),
        .testTarget(
            name: "RoomsTests",
            dependencies: rooms + forRooms + ["Keys", "KeysFile", "StoreSQLite", "Workbench", crypto, x509],
            path: "Tests/RoomsTests", swiftSettings: strict),
        .testTarget(
            name: "DoorsTests",
            dependencies: rooms + forRooms + [
                "Keys", "KeysFile", "StoreSQLite", "Server", "Station", "Agent", "Fleet", "Auditor", "Outbound",
                "Witness",
                "Workbench", "Samples",
                httpClient, httpTypes, nioCore, nioSSL, nioHTTP1, nioPosix, crypto, x509, asn1, hummingbird,
            ],
            path: "Tests/DoorsTests", swiftSettings: strict),
        .testTarget(
            name: "StockTests",
            dependencies: rooms + forRooms + [
                "Keys", "KeysFile", "KeysPKCS11", "Station", "Agent", "Server", "Workbench", "Samples",
                "lifelong-tuf-client",
                hummingbird, nioCore,
                logging, x509,
                crypto,
            ],
            path: "Tests/StockTests", exclude: ["Browser/walk.py", "Token/slow-module.c", "TUF/python_tuf.py"],
            swiftSettings: strict),
        .testTarget(
            name: "JourneyTests", dependencies: rooms + forRooms + ["Workbench", "Agent", "Auditor"],
            path: "Tests/JourneyTests", exclude: ["nodes-probe.py"], swiftSettings: strict),
        // One target a parser of outside bytes; their short run is a test, their long one `make fuzz`.
        .target(
            name: "FuzzTargets",
            dependencies: [
                "Samples", "Wire", "Trust", "Ledger", "Release", "TUF", "Mender", "Passport", "Selection", "Rollout",
                "Server", "Station", "Agent", "Auditor", crypto,
            ],
            path: "Fuzz/Targets", swiftSettings: strict),
        .testTarget(
            name: "FuzzTests", dependencies: ["FuzzTargets"], path: "Tests/FuzzTests", swiftSettings: strict),
        .testTarget(name: "HouseRulesTests", dependencies: [], path: "Tests/HouseRulesTests", swiftSettings: strict),
    ]
)

// `make fuzz` only: needs the fuzzer and address sanitizers on the whole build (docs/decisions/0009-fuzzing.md).
if Context.environment["LIFELONG_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "lifelong-fuzz", dependencies: ["FuzzTargets"], path: "Fuzz/Program",
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]))
}
