import Foundation
import NIOHTTP1
import Registry
import Store
import Wire
import Workbench

/// How somebody comes to the people's door.
struct PeopleCredential: Sendable {
    enum Kind: Sendable, Equatable {
        case nobody
        /// An Authorization header that is worth nothing: refused even where nobody need be anybody.
        case badToken
        /// A cookie that is worth nothing: as if it were not there, but what changes something must come from our page.
        case deadCookie
        case token
        /// From our own page, with the form's key.
        case session
        /// From our own page, without the key.
        case sessionWithoutKey
        /// From another site's page, with the key.
        case sessionFromElsewhere
    }
    let name: String
    let kind: Kind
    var role: Role?
    var principal: Principal?
    var headers: HTTPHeaders = [:]
    /// What a form of the session carries.
    var formKey: String?

    var isSomebody: Bool { [.token, .session, .sessionWithoutKey, .sessionFromElsewhere].contains(kind) }

    /// What the door says before it looks at the route; nil if it goes on. `isOpen`: nobody need be anybody.
    func refusedAtDoor(changes: Bool, isOpen: Bool, isSignIn: Bool) -> Expected? {
        switch kind {
        case .badToken: return Expected(401)
        case .nobody:
            if changes, isSignIn { return Expected(403, "people's door: same origin") }
            return isOpen ? nil : Expected(401, "people's door: sign in first")
        case .deadCookie:
            if changes { return Expected(403, "people's door: same origin") }
            return isOpen ? nil : Expected(401, "people's door: sign in first")
        case .sessionWithoutKey: return changes ? Expected(403, "people's door: form key") : nil
        case .sessionFromElsewhere: return changes ? Expected(403, "people's door: same origin") : nil
        case .token, .session: return nil
        }
    }
}

extension PeopleCredential {
    static let roles: [Role] = [.makerAdmin, .station, .owner, .support, .auditor]

    /// Every role with a token and a session; and all that is none.
    static func all(_ fleet: CrossingFleet) async throws -> [PeopleCredential] {
        let bench = fleet.bench
        var all: [PeopleCredential] = [PeopleCredential(name: "nobody", kind: .nobody)]
        for role in roles {
            let name = role == .owner ? "Ada herself" : role.rawValue
            let person = role == .owner ? fleet.ada : try await bench.person(name, role)
            let token = try await bench.token(for: name, label: "crossing")
            all.append(
                PeopleCredential(
                    name: "\(role), token", kind: .token, role: role, principal: person,
                    headers: ["Authorization": "Bearer \(token)"]))
            let (session, key) = try await open(name, bench)
            func cookie(_ name: String, _ kind: Kind, _ more: HTTPHeaders) -> PeopleCredential {
                var headers: HTTPHeaders = ["Cookie": "lifelong_session=\(session)"]
                headers.add(contentsOf: more)
                return PeopleCredential(
                    name: "\(role), \(name)", kind: kind, role: role, principal: person, headers: headers, formKey: key)
            }
            all += [
                cookie("session", .session, ["Sec-Fetch-Site": "same-origin", "X-Form-Key": key]),
                cookie("session without form key", .sessionWithoutKey, ["Sec-Fetch-Site": "same-origin"]),
                cookie(
                    "session from elsewhere", .sessionFromElsewhere,
                    ["Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example", "X-Form-Key": key]),
            ]
        }
        return all + (try await worthless(bench))
    }

    /// A session of the person, and the key of its forms.
    static func open(_ person: String, _ bench: HouseBench) async throws -> (session: String, key: String) {
        let link = try await bench.house.perform(SignInLink(person: person), as: .system).signInPath
        let secret = String(link.split(separator: "/").last ?? "")
        let session = try await bench.house.perform(SignIn(secret: secret), as: .system).session
        let now = bench.clock.now
        let key = try await bench.house.read { rows in
            try People.find(session, kind: .session, now: now, in: rows)?.formKey
        }
        return (session, key ?? "")
    }

    private static func worthless(_ bench: HouseBench) async throws -> [PeopleCredential] {
        let (live, _) = try await open("support", bench)
        let (ended, _) = try await open("support", bench)
        _ = try await bench.house.perform(SignOut(session: ended), as: .system)
        let revoked = try await bench.token(for: "support", label: "revoked")
        _ = try await bench.house.perform(RevokeToken(person: "support", label: "revoked"), as: .system)
        let expired = try await bench.token(for: "makerAdmin", label: "expired")
        _ = try await bench.house.database.write { rows in
            try rows.execute("UPDATE credential SET expires = 1 WHERE label = 'expired'", [])
        }
        let link = try await bench.house.perform(SignInLink(person: "makerAdmin"), as: .system).signInPath
        func token(_ name: String, _ value: String) -> PeopleCredential {
            PeopleCredential(name: name, kind: .badToken, headers: ["Authorization": value])
        }
        let working = try await bench.token(for: "makerAdmin", label: "as a cookie")
        return [
            token("a revoked token", "Bearer \(revoked)"), token("an expired token", "Bearer \(expired)"),
            token("nonsense", "Bearer ll_token_nonsense"), token("a session as a token", "Bearer \(live)"),
            token("a link as a token", "Bearer \(link.split(separator: "/").last ?? "")"),
            token("a token as Basic", "Basic \(working)"),
            PeopleCredential(
                name: "an ended session", kind: .deadCookie, headers: ["Cookie": "lifelong_session=\(ended)"]),
            PeopleCredential(
                name: "a token as a cookie", kind: .deadCookie, headers: ["Cookie": "lifelong_session=\(working)"]),
        ]
    }
}
