import Foundation
import NIOHTTP1
import Pairing
import Passport
import Registry
import Server
import Testing
import Transfer
import Use
import Wire
import Workbench

@Suite struct `The people's API is documented` {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
    private static let file = root + "/docs/openapi/people.yaml"

    private func served() async throws -> (routes: [PeopleRoute], document: String) {
        let bench = try await HouseBench()
        let door = PeopleDoor(
            house: bench.house, publisherKey: bench.publisher.verifierKey, settings: .init(isSecure: false))
        let routes = RouteList.all(door)
        return (routes, OpenAPI.document(routes))
    }

    @Test func `in the file that the server itself serves`() async throws {
        let document = try await served().document
        if ProcessInfo.processInfo.environment["LIFELONG_WRITE_DOCS"] != nil {
            try document.write(toFile: Self.file, atomically: true, encoding: .utf8)
        }
        let kept = try String(contentsOfFile: Self.file, encoding: .utf8)
        #expect(kept == document, "Run LIFELONG_WRITE_DOCS=1 swift test --filter documented")
    }

    @Test func `with every action and reading, and nothing else`() async throws {
        let (routes, _) = try await served()
        let kept = try String(contentsOfFile: Self.file, encoding: .utf8)
        var documented: Set<String> = []
        var path = ""
        for line in kept.split(separator: "\n").prefix(while: { $0 != "components:" }) {
            if line.hasPrefix("  /") { path = String(line.dropFirst(2).dropLast()) }
            for method in ["get", "put", "post"] where line == "    \(method):" {
                documented.insert("\(method) \(path)")
            }
        }
        #expect(documented == Set(routes.map(\.operation)))
        for action in ActionList.all { #expect(documented.contains("post /api/v1/\(action.name)")) }
    }

    @Test func `validly, with examples that fit their schemas`() throws {
        try check()
    }

    @Test func `as it really answers`() async throws {
        let staff = try await Staff()
        let bench = staff.bench
        let unit = try await bench.makeUnits(2)[0]
        let owner = Principal(role: .owner, owner: staff.owner)
        _ = try await bench.house.perform(PairDevice(device: unit.serial, grade: .declared), as: owner)
        _ = try await bench.house.perform(OfferDevice(device: unit.serial), as: owner)
        let updates = try await UpdateBench(bench)
        try await updates.release(1)
        let released = try await bench.house.read {
            try StoredRelease.require(1, of: HouseBench.product, in: $0).digest
        }
        let proposed = try await updates.propose(2).draft
        try await updates.sign(proposed, with: updates.graceKey, as: updates.grace)
        try await bench.publisher.publish()
        let admin = try #require(staff.tokens[.makerAdmin])
        let answers = bench.folder + "/answers"
        try FileManager.default.createDirectory(atPath: answers, withIntermediateDirectories: true)
        let reads = [
            "FleetView": "fleet", "DevicePage": "devices?limit=1", "DeviceView": "devices/\(unit.serial)",
            "LifeView": "devices/\(unit.serial)/passport", "UpdateHistory": "devices/\(unit.serial)/updates",
            "Evidence": "devices/\(unit.serial)/evidence",
            "AlarmPage": "alarms", "LedgerView": "ledger", "LedgerEntryPage": "ledger/entries?limit=5",
            "LedgerLeafView": "ledger/entries/3", "ProofView": "ledger/proof/3", "ProductList": "products",
            "BatchList": "batches", "ReleaseList": "releases", "ReleaseDetail": "releases/\(released)",
            "ReleaseComponents": "releases/\(released)/components",
            "RolloutList": "rollouts", "GroupList": "groups", "PeopleList": "people", "OwnerList": "owners",
            "AuthorityList": "authorities", "WhoAmI": "whoami", "Refusal": "devices/NO-SUCH",
            "UpdateMetadataView": "update-metadata", "UpdateDraftView": "update-metadata/\(proposed)",
        ]
        try await LiveDoor.run(bench) { door async throws in
            for (schema, path) in reads {
                let answer = try await door.send(.GET, "/api/v1/\(path)", token: admin)
                try Data(answer.body).write(to: URL(filePath: "\(answers)/\(schema)-live.json"))
            }
        }
        try check(answers)
    }

    /// openapi-spec-validator and jsonschema come from PyPI; `make test` installs them.
    private func check(_ answers: String? = nil) throws {
        let python = Self.root + "/.venv/bin/python"
        try #require(FileManager.default.isExecutableFile(atPath: python), "There is no .venv; run make test.")
        let process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = [Self.root + "/docs/openapi/check.py", Self.file] + (answers.map { [$0] } ?? [])
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(text)")
    }
}
