import AsyncHTTPClient
import NIOHTTP1
import Registry
import Server
import Testing
import Wire
import Workbench

@Suite struct `The people's door asks who is there` {
    @Test func `and answers 401 with the way in when nobody is`() async throws {
        let staff = try await Staff()
        try await LiveDoor.run(staff.bench) { door async throws in
            for path in ["/api/v1/fleet", "/api/v1/devices", "/api/v1/whoami", "/api/v1/people"] {
                let answer = try await door.send(.GET, path)
                #expect(answer.status == 401)
                #expect(answer.headers.first(name: "WWW-Authenticate")?.hasPrefix("Bearer") == true)
                #expect(answer.refusal?.code == .unauthenticated)
                #expect(answer.refusal?.hint.isEmpty == false)
            }
            #expect(try await door.post("people/add-owner", "{}").status == 401)
        }
    }

    @Test(arguments: [
        "Bearer", "Bearer ", "Bearer ll_token_nonsense", "Basic YTpi", "Bearer a b", "ll_token_x",
        "Bearer " + String(repeating: "x", count: 4000),
    ])
    func `and believes no token that is not alive`(credentials: String) async throws {
        let staff = try await Staff()
        try await LiveDoor.run(staff.bench) { door async throws in
            let answer = try await door.send(.GET, "/api/v1/whoami", headers: ["Authorization": credentials])
            #expect(answer.status == 401)
            #expect(!answer.text.contains("nonsense"))
        }
    }

    @Test func `and forgets a token with the next request after it was revoked`() async throws {
        let staff = try await Staff()
        let token = try #require(staff.tokens[.support])
        let admin = try #require(staff.tokens[.makerAdmin])
        try await LiveDoor.run(staff.bench) { door async throws in
            #expect(try await door.send(.GET, "/api/v1/whoami", token: token).status == 200)
            let revoked = try await door.post(
                "people/revoke-token", #"{"person":"support","label":"test"}"#, token: admin)
            #expect(revoked.status == 200)
            #expect(try await door.send(.GET, "/api/v1/whoami", token: token).status == 401)
        }
    }

    @Test func `and forgets whoever left with the next request, token and session and link`() async throws {
        let staff = try await Staff()
        let house = staff.bench.house
        let token = try #require(staff.tokens[.support])
        let admin = try #require(staff.tokens[.makerAdmin])
        let signIn = try await house.perform(SignInLink(person: "support"), as: .system).signInPath
        let session = try await house.perform(
            SignIn(secret: String(signIn.dropFirst("/sign-in/".count))), as: .system
        ).session
        let link = try await house.perform(SignInLink(person: "support"), as: .system).signInPath
        try await LiveDoor.run(staff.bench) { door async throws in
            let cookie: HTTPHeaders = ["Cookie": "lifelong_session=\(session)"]
            #expect(try await door.send(.GET, "/api/v1/whoami", headers: cookie).status == 200)
            let body = #"{"person":"support"}"#
            #expect(try await door.post("people/remove-person", body, token: admin).status == 200)
            #expect(try await door.send(.GET, "/api/v1/whoami", token: token).status == 401)
            #expect(try await door.send(.GET, "/api/v1/whoami", headers: cookie).status == 401)
            // Once more: nobody of that name is left, and nobody new gets it.
            let twice = try await door.post("people/remove-person", body, token: admin)
            #expect(twice.status == 404, "\(twice.text)")
            let again = #"{"person":"support","role":"support"}"#
            #expect(try await door.post("people/add-person", again, token: admin).status == 409)
            // Who administers alone cannot lock the house.
            let last = try await door.post("people/remove-person", #"{"person":"makerAdmin"}"#, token: admin)
            #expect(last.status == 409)
            #expect(try await door.send(.GET, "/api/v1/whoami", token: admin).status == 200)
        }
        await #expect(throws: Refusal.self) {
            try await house.perform(SignIn(secret: String(link.dropFirst("/sign-in/".count))), as: .system)
        }
    }

    @Test func `and takes a link's or a session's secret for no token`() async throws {
        let staff = try await Staff()
        let path = try await staff.bench.house.perform(SignInLink(person: "support"), as: .system).signInPath
        let secret = String(path.dropFirst("/sign-in/".count))
        try await LiveDoor.run(staff.bench) { door async throws in
            #expect(try await door.send(.GET, "/api/v1/whoami", token: secret).status == 401)
        }
    }

    @Test func `and refuses each action to every role that does not include it, naming the rule`() async throws {
        let staff = try await Staff()
        try await LiveDoor.run(staff.bench) { door async throws in
            for action in ActionList.all {
                for (role, token) in staff.tokens where Access.table[role]?.contains(action.permission) == false {
                    let answer = try await door.post(action.name, "not even JSON", token: token)
                    #expect(answer.status == 403, "\(action.name) as \(role)")
                    #expect(answer.refusal?.rule == "role \(role.rawValue): \(action.permission.rawValue)")
                }
            }
        }
    }

    @Test func `and shows each reading only to the roles that may see it`() async throws {
        let staff = try await Staff()
        let allowed: [String: Set<Role>] = [
            "fleet": [.makerAdmin, .support, .auditor, .owner], "devices": [.makerAdmin, .support, .auditor, .owner],
            "alarms": [.makerAdmin, .support, .auditor, .owner], "ledger": [.makerAdmin, .support, .auditor],
            "ledger/entries": [.makerAdmin, .support, .auditor], "people": [.makerAdmin],
            "owners": [.makerAdmin, .owner], "products": Set(staff.tokens.keys),
            "batches": [.makerAdmin, .station, .support, .auditor],
            "releases": [.makerAdmin, .support, .auditor, .owner],
            "update-metadata": [.makerAdmin, .support, .auditor],
            "rollouts": [.makerAdmin, .support, .auditor],
            "authorities": [.makerAdmin, .station, .support, .auditor], "whoami": Set(staff.tokens.keys),
        ]
        try await LiveDoor.run(staff.bench) { door async throws in
            for (path, roles) in allowed {
                for (role, token) in staff.tokens {
                    let answer = try await door.send(.GET, "/api/v1/\(path)", token: token)
                    #expect(answer.status == (roles.contains(role) ? 200 : 403), "\(path) as \(role): \(answer.text)")
                    if answer.status == 403 {
                        #expect(answer.refusal?.rule?.hasPrefix("role \(role.rawValue)") == true)
                    }
                }
            }
        }
    }
}
