import AsyncHTTPClient
import Crypto
import Foundation
import NIOHTTP1
import Registry
import Server
import Testing
import Wire
import Workbench

@Suite struct `Bad bytes at the people's door` {
    private func run(_ body: @escaping @Sendable (LiveDoor, _ admin: String) async throws -> Void) async throws {
        let staff = try await Staff()
        let admin = try #require(staff.tokens[.makerAdmin])
        try await LiveDoor.run(staff.bench) { try await body($0, admin) }
    }

    @Test func `are refused with the right status and a sentence`() async throws {
        try await run { door, admin in
            func check(_ answer: LiveDoor.Answer, _ status: UInt, _ code: Refusal.Code, _ what: Comment) {
                #expect(answer.status == status, what)
                #expect(answer.refusal?.code == code, what)
                #expect(answer.headers.first(name: "Content-Type") == "application/json", what)
            }
            let action = "people/add-owner"
            for text in [
                "", "{", "[]", "null", "\"x\"", "{\"owner\":1}", "{\"owner\":\"A\",\"kind\":\"ghost\"}", "\u{0}",
            ] {
                check(try await door.post(action, text, token: admin), 400, .malformed, "\(text)")
            }
            let large = [UInt8](repeating: 32, count: (1 << 20) + 1)
            let path = "/api/v1/\(action)"
            check(try await door.send(.POST, path, token: admin, body: large), 413, .tooLarge, "too large")
            let json = Array(#"{"owner":"A","kind":"person"}"#.utf8)
            for type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data"]
            {
                check(
                    try await door.send(.POST, path, token: admin, body: json, type: type), 415, .unsupported, "\(type)"
                )
            }
            check(try await door.send(.POST, path, token: admin, body: json, type: nil), 415, .unsupported, "no type")
            let parameters = "application/JSON; charset=utf-8"
            #expect(try await door.send(.POST, path, token: admin, body: json, type: parameters).status == 200)
        }
    }

    @Test func `unknown paths are 404 and known ones with another method 405`() async throws {
        try await run { door, admin in
            for path in ["/api/v1/nothing", "/api/v2/fleet", "/api/v1/devices/", "/nothing", "/api/v1/devices/a/b/c"] {
                let answer = try await door.send(.GET, path, token: admin)
                #expect(answer.status == 404 || path == "/api/v1/devices/", "\(path)")
            }
            let unknown = try await door.send(.GET, "/api/v1/devices/NO-SUCH", token: admin)
            #expect(unknown.status == 404)
            #expect(unknown.refusal?.code == .notFound)
            for (method, path, allowed) in [
                (HTTPMethod.DELETE, "/api/v1/fleet", "GET, HEAD"), (.POST, "/api/v1/devices", "GET, HEAD"),
                (.GET, "/api/v1/people/add-owner", "POST"),
                (.GET, "/api/v1/artifacts/\(String(repeating: "a", count: 64))", "PUT"),
            ] {
                let answer = try await door.send(method, path, token: admin)
                #expect(answer.status == 405, "\(path)")
                #expect(answer.headers.first(name: "Allow") == allowed)
                #expect(answer.refusal != nil)
            }
        }
    }

    @Test func `a misspelt or impossible query shows nothing instead of everything`() async throws {
        try await run { door, admin in
            for query in [
                "stag=inUse", "stage=sold", "limit=0", "limit=201", "limit=x", "limit=-1", "alarm=loud",
                "stage=made&stage=made",
                "product=a%20b",
            ] {
                let answer = try await door.send(.GET, "/api/v1/devices?\(query)", token: admin)
                #expect(answer.status == 400, "\(query): \(answer.text)")
            }
            for path in ["ledger/entries/x", "ledger/proof/-1", "ledger/entries?after=1&before=2", "alarms?open=maybe"]
            {
                #expect(try await door.send(.GET, "/api/v1/\(path)", token: admin).status == 400, "\(path)")
            }
            #expect(try await door.send(.GET, "/api/v1/ledger/entries/99999999", token: admin).status == 404)
        }
    }

    @Test func `an artifact is kept only under its own hash, and whole`() async throws {
        let staff = try await Staff()
        let admin = try #require(staff.tokens[.makerAdmin])
        let folder = staff.bench.house.settings.artifactFolder
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0) }
        let name = Digest(SHA256.hash(data: bytes)).description
        try await LiveDoor.run(staff.bench) { door async throws in
            func put(_ name: String, _ body: [UInt8], as role: Role = .makerAdmin) async throws -> LiveDoor.Answer {
                try await door.send(
                    .PUT, "/api/v1/artifacts/\(name)", token: role == .makerAdmin ? admin : staff.tokens[role],
                    body: body,
                    type: "application/octet-stream")
            }
            #expect(try await put(name, bytes, as: .support).status == 403)
            #expect(try await put(name, Array(bytes.dropLast())).status == 409)
            #expect(try await put(name, []).status == 400)
            for wrong in ["x", String(name.dropLast()), name.uppercased(), "..%2f..%2fetc"] {
                #expect(try await put(wrong, bytes).status == 400, "\(wrong)")
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
            #expect(try await put(name, bytes).status == 201)
            #expect(try await put(name, bytes).status == 201)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [name])
            #expect(FileManager.default.contents(atPath: "\(folder)/\(name)").map(Array.init) == bytes)
        }
    }

    @Test func `every answer tells the browser to trust nothing else`() async throws {
        try await run { door, admin in
            for path in ["/healthz", "/api/v1/fleet", "/nothing", "/sign-in/x"] {
                let headers = try await door.send(.GET, path, token: path == "/api/v1/fleet" ? admin : nil).headers
                #expect(
                    headers.first(name: "Content-Security-Policy")?.contains("default-src 'none'") == true, "\(path)")
                #expect(headers.first(name: "X-Content-Type-Options") == "nosniff")
                #expect(headers.first(name: "Cache-Control") == "no-store")
                #expect(headers.first(name: "Referrer-Policy") != nil)
            }
        }
    }
}
