import AsyncHTTPClient
import NIOHTTP1
import Registry
import Server
import Testing
import Wire
import Workbench

@Suite struct `Signing in with a link` {
    private static let ours: HTTPHeaders = ["Sec-Fetch-Site": "same-origin"]

    private func link(_ staff: Staff, _ person: String = "makerAdmin") async throws -> String {
        try await staff.bench.house.perform(SignInLink(person: person), as: .system).signInPath
    }

    /// The cookie of a new session, as a browser sends it back.
    private func session(_ door: LiveDoor, _ staff: Staff) async throws -> String {
        let answer = try await door.send(.POST, try await link(staff), headers: Self.ours)
        let cookie = try #require(answer.headers.first(name: "Set-Cookie"))
        return String(cookie.prefix { $0 != ";" })
    }

    @Test func `opens a session with a careful cookie, once`() async throws {
        let staff = try await Staff()
        let path = try await link(staff)
        try await LiveDoor.run(staff.bench) { door async throws in
            // A previewer looks at it, twice.
            for _ in 0..<2 { #expect(try await door.send(.GET, path).status == 200) }
            let answer = try await door.send(.POST, path, headers: Self.ours)
            #expect(answer.status == 303)
            #expect(answer.headers.first(name: "Location") == "/")
            let cookie = try #require(answer.headers.first(name: "Set-Cookie"))
            #expect(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && cookie.contains("Path=/"))
            #expect(!cookie.contains("Secure"))
            let mine: HTTPHeaders = ["Cookie": String(cookie.prefix { $0 != ";" })]
            let who = try await door.send(.GET, "/api/v1/whoami", headers: mine).decoded(WhoAmI.self)
            #expect(who.name == "makerAdmin")
            let again = try await door.send(.POST, path, headers: Self.ours)
            #expect(again.status == 401)
            #expect(again.refusal?.detail.contains("used up") == true)
        }
    }

    @Test func `fails when the link has expired`() async throws {
        let staff = try await Staff()
        let path = try await link(staff)
        staff.bench.clock.advance(seconds: People.linkSeconds + 1)
        try await LiveDoor.run(staff.bench) { door async throws in
            #expect(try await door.send(.POST, path, headers: Self.ours).status == 401)
        }
    }

    @Test func `is limited for an address that guesses`() async throws {
        let staff = try await Staff()
        let path = try await link(staff)
        try await LiveDoor.run(staff.bench) { door async throws in
            for _ in 0..<10 {
                #expect(try await door.send(.POST, "/sign-in/ll_link_x", headers: Self.ours).status == 401)
            }
            let limited = try await door.send(.POST, path, headers: Self.ours)
            #expect(limited.status == 429)
            #expect(limited.headers.first(name: "Retry-After").flatMap { Int($0) } ?? 0 > 0)
            staff.bench.clock.advance(seconds: 60)
            #expect(try await door.send(.POST, path, headers: Self.ours).status == 303)
        }
    }

    @Test func `does nothing from another site's page`() async throws {
        let staff = try await Staff()
        let path = try await link(staff)
        try await LiveDoor.run(staff.bench) { door async throws in
            for headers: HTTPHeaders in [["Sec-Fetch-Site": "cross-site"], ["Origin": "https://evil.example"], [:]] {
                let answer = try await door.send(.POST, path, headers: headers)
                #expect(answer.status == 403)
                #expect(answer.refusal?.rule == "people's door: same origin")
            }
            let own: HTTPHeaders = ["Origin": "http://127.0.0.1:\(door.port)"]
            #expect(try await door.send(.POST, path, headers: own).status == 303)
        }
    }

    @Test func `works behind a proxy that speaks TLS, from its address only`() async throws {
        let staff = try await Staff()
        let path = try await link(staff)
        try await LiveDoor.run(staff.bench, origin: "https://people.example") { door async throws in
            for origin in ["http://127.0.0.1:\(door.port)", "http://people.example", "https://people.example.evil"] {
                let answer = try await door.send(
                    .POST, path, headers: ["Origin": origin, "Sec-Fetch-Site": "same-origin"])
                #expect(answer.refusal?.rule == "people's door: same origin", "\(origin)")
            }
            let answer = try await door.send(
                .POST, path, headers: ["Origin": "https://people.example", "Sec-Fetch-Site": "same-origin"])
            #expect(answer.status == 303)
            #expect(answer.headers.first(name: "Set-Cookie")?.contains("; Secure") == true)
        }
    }

    @Test func `ends with sign-out and after twelve hours`() async throws {
        let staff = try await Staff()
        try await LiveDoor.run(staff.bench) { door async throws in
            let (first, second) = (try await session(door, staff), try await session(door, staff))
            let key = try await formKey(first, staff)
            var headers: HTTPHeaders = ["Cookie": first, "X-Form-Key": key]
            headers.add(contentsOf: Self.ours)
            #expect(try await door.send(.POST, "/sign-out", headers: headers).status == 303)
            #expect(try await door.send(.GET, "/api/v1/whoami", headers: ["Cookie": first]).status == 401)
            #expect(try await door.send(.GET, "/api/v1/whoami", headers: ["Cookie": second]).status == 200)
            staff.bench.clock.advance(seconds: People.sessionSeconds + 1)
            #expect(try await door.send(.GET, "/api/v1/whoami", headers: ["Cookie": second]).status == 401)
        }
    }

    private func formKey(_ cookie: String, _ staff: Staff) async throws -> String {
        let secret = String(cookie.drop { $0 != "=" }.dropFirst())
        let now = staff.bench.clock.now
        let found = try await staff.bench.house.read { try People.find(secret, kind: .session, now: now, in: $0) }
        return try #require(found?.formKey)
    }

    @Test func `changes nothing without the session's form key and our own page`() async throws {
        let staff = try await Staff()
        try await LiveDoor.run(staff.bench) { door async throws in
            let (cookie, other) = (try await session(door, staff), try await session(door, staff))
            let (key, foreign) = (try await formKey(cookie, staff), try await formKey(other, staff))
            let json = #"{"owner":"Grace","kind":"person"}"#
            func post(_ headers: HTTPHeaders) async throws -> LiveDoor.Answer {
                var all: HTTPHeaders = ["Cookie": cookie]
                all.add(contentsOf: headers)
                return try await door.post("people/add-owner", json, headers: all)
            }
            #expect(try await post([:]).refusal?.rule == "people's door: same origin")
            #expect(try await post(["X-Form-Key": key]).refusal?.rule == "people's door: same origin")
            #expect(try await post(Self.ours).refusal?.rule == "people's door: form key")
            let wrong = try await post(["Sec-Fetch-Site": "same-origin", "X-Form-Key": foreign])
            #expect(wrong.refusal?.rule == "people's door: form key")
            let cross = try await post(["Sec-Fetch-Site": "cross-site", "X-Form-Key": key])
            #expect(cross.status == 403)
            let evil = try await post(
                ["Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example", "X-Form-Key": key])
            #expect(evil.status == 403)
            #expect(try await post(["Sec-Fetch-Site": "same-origin", "X-Form-Key": key]).status == 200)
            let owners = try await door.send(.GET, "/api/v1/owners", headers: ["Cookie": cookie]).decoded(
                OwnerList.self)
            #expect(owners.owners.count == 2)
        }
    }
}
