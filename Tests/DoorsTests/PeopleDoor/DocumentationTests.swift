import Foundation
import Registry
import Server
import Testing
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
            for method in ["get", "put", "post"] where line == "    \(method):" { documented.insert("\(method) \(path)") }
        }
        #expect(documented == Set(routes.map(\.operation)))
        for action in ActionList.all { #expect(documented.contains("post /api/v1/\(action.name)")) }
    }

    /// openapi-spec-validator and jsonschema come from PyPI; `make test` installs them.
    @Test func `validly, with examples that fit their schemas`() async throws {
        let python = Self.root + "/.venv/bin/python"
        guard FileManager.default.isExecutableFile(atPath: python) else {
            Issue.record("There is no .venv; run make test.")
            return
        }
        let process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = [Self.root + "/Tests/DoorsTests/PeopleDoor/check-openapi.py", Self.file]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(text)")
    }
}
