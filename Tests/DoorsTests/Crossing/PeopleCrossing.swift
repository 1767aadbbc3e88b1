import AsyncHTTPClient
import Foundation
import NIOHTTP1
import Registry
import Server
import Store
import Testing
import Wire
import Workbench

/// The people's plane, every route with every role, by token and by session, and with all that is none.
@Suite struct `Every route of the people's plane` {
    @Test(.timeLimit(.minutes(2))) func `answers each role as the table of roles says`() async throws {
        let fleet = try await CrossingFleet()
        try await fleet.bench.publisher.publish()
        let crossing = Crossing()
        let unit = try fleet.at(.enrolled).unit
        let batch = try await fleet.bench.house.read { rows in
            try rows.first("SELECT batch FROM device WHERE id = $1", [.text(unit.device.text)])?.text("batch") ?? ""
        }
        let ada = try #require(fleet.ada.person)
        let tries = PeopleRoutes.all(unit.serial, batch: batch, person: ("Ada herself", ada.text))
        let credentials = try await PeopleCredential.all(fleet)
        let (ended, key) = try await PeopleCredential.open("support", fleet.bench)
        try await LiveDoor.run(fleet.bench, pages: Console.pages) { door in
            for credential in credentials {
                for one in tries {
                    let answer = try await door.send(one, credential)
                    let expected = Self.expected(one, credential)
                    await crossing.compare(
                        one.route, credential.name, expected, status: Int(answer.status), refusal: answer.refusal,
                        body: answer.text)
                }
                try await Self.pagesWithoutPermission(door, credential, crossing)
            }
            // The one route that ends what it is asked with.
            let out = try await door.send(
                .POST, "/sign-out",
                headers: [
                    "Cookie": "lifelong_session=\(ended)", "Sec-Fetch-Site": "same-origin", "X-Form-Key": key,
                ])
            #expect(out.status == 303)
        }
        let door = PeopleDoor(
            house: fleet.bench.house, publisherKey: fleet.bench.publisher.verifierKey,
            settings: .init(isSecure: false), pages: Console.pages)
        await crossing.conclude(
            "people's plane", all: Set(door.router().names).subtracting(ActingCrossing.deviceRoutes))
        #expect(await crossing.cells > 1500)
    }

    private static func expected(_ one: PeopleRoutes.Try, _ who: PeopleCredential) -> Expected {
        var isOpen = false
        if case .open = one.need { isOpen = true }
        let isSignIn = one.path?.hasPrefix("/sign-in/") ?? false
        if let refused = who.refusedAtDoor(changes: one.changes, isOpen: isOpen, isSignIn: isSignIn) { return refused }
        if case .open(let status) = one.need { return Expected(status) }
        guard let role = who.role else { return Expected(401) }
        // A token has no form: nothing is done, whoever it is of.
        let readsForm = one.path.map { $0 == "/claim/pair" || $0.hasPrefix("/people/") } ?? false
        if one.isForm, who.kind == .token, readsForm { return Expected(400) }
        switch one.need {
        case .open, .signedIn: return Expected(one.answer)
        case .anyOf(let permissions):
            if permissions.contains(where: { Access.table[role]?.contains($0) == true }) { return Expected(one.answer) }
            return Expected(
                403,
                one.route.contains("/api/") || one.route.contains("/rest/")
                    ? "role \(role.rawValue): \(permissions[0].rawValue)" : nil)
        case .orOwner(let permission):
            let may = Access.table[role]?.contains(permission) == true || who.principal?.owner != nil
            return may ? Expected(one.answer) : Expected(403, "role \(role.rawValue): \(permission.rawValue)")
        }
    }

    /// "/" leads a station to its batches; signing out with a token is a contradiction.
    private static func pagesWithoutPermission(
        _ door: LiveDoor, _ who: PeopleCredential, _ crossing: Crossing
    ) async throws {
        let home = try await door.send(.GET, "/", headers: who.headers)
        let status = !who.isSomebody ? 401 : who.role == .station ? 303 : 200
        await crossing.compare(
            "GET /", who.name, Expected(status), status: Int(home.status), refusal: home.refusal, body: home.text)
        if who.kind == .session { return }
        let out = try await door.send(.POST, "/sign-out", headers: who.headers)
        let expected =
            who.refusedAtDoor(changes: true, isOpen: false, isSignIn: false) ?? Expected(who.kind == .token ? 409 : 401)
        await crossing.compare(
            "POST /sign-out", who.name, expected, status: Int(out.status), refusal: out.refusal, body: out.text)
    }
}

extension LiveDoor {
    func send(_ one: PeopleRoutes.Try, _ who: PeopleCredential) async throws -> Answer {
        let path = one.path ?? String(one.route.split(separator: " ")[1])
        let body = one.changes ? Array(one.body.utf8) : nil
        return try await send(
            HTTPMethod(rawValue: one.method), path, headers: who.headers, body: body, type: one.type)
    }
}
