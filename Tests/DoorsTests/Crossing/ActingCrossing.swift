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

/// What people do to a device: every action and every page of it, in every stage, by the owner, by another owner and by
/// the maker. Which cell may succeed is computed from the stage and from whose the device is.
@Suite struct `Every action on a device` {
    @Test(.timeLimit(.minutes(2))) func `is allowed exactly where stage, role and ownership allow it`() async throws {
        let fleet = try await CrossingFleet()
        try await fleet.bench.publisher.publish()
        let crossing = Crossing()
        let ada = try await fleet.bench.token(for: "Ada herself")
        let ben = try await fleet.bench.token(for: "Ben herself")
        _ = try await fleet.bench.person("maker", .makerAdmin)
        let maker = try await fleet.bench.token(for: "maker")
        try await LiveDoor.run(fleet.bench, pages: Console.pages) { door in
            for (name, token) in [("Ada", ada), ("Ben", ben), ("maker", maker)] {
                for placed in fleet.placed {
                    try await Self.look(door, placed, as: name, token, crossing)
                    for act in ActingCrossing.acts {
                        try await Self.attempt(act, door, placed, fleet, as: name, token, crossing)
                    }
                }
            }
        }
        await crossing.conclude(
            "actions on devices",
            all: Set(ActingCrossing.acts.map { "POST /api/v1/\($0.name)" }).union(ActingCrossing.deviceRoutes)
                .union(["devices", "devices/passport", "devices/evidence", "page"].map { "look \($0)" }))
        #expect(await crossing.cells > 700)
        #expect(try await Audit.run(fleet.bench.house.database).findings.isEmpty)
    }

    /// Reading, and the pages that ask before something is done.
    private static func look(
        _ door: LiveDoor, _ placed: Placed, as name: String, _ token: String, _ crossing: Crossing
    ) async throws {
        // Somebody else's device is as if it were not there.
        let sees = name == "maker" || placed.spot.owner == name
        let seen = sees ? Expected.yes : Expected(404, "tenure: owner only")
        let serial = placed.unit.serial
        for (what, path) in [
            ("devices", "/api/v1/devices/\(serial)"), ("devices/passport", "/api/v1/devices/\(serial)/passport"),
            ("devices/evidence", "/api/v1/devices/\(placed.unit.device)/evidence"), ("page", "/devices/\(serial)"),
        ] {
            let answer = try await door.send(.GET, path, token: token)
            let isPage = what == "page"
            await crossing.compare(
                "look \(what)", "\(name) at \(placed.spot)", isPage && !sees ? Expected(404) : seen,
                status: Int(answer.status), refusal: answer.refusal, body: answer.text)
        }
        for (verb, act) in ActingCrossing.verbs {
            let offered = sees && act.isOffered(to: name, placed.spot)
            let answer = try await door.send(.GET, "/devices/\(serial)/\(verb)", token: token)
            await crossing.compare(
                "GET /devices/{name}/{verb}", "\(name): \(verb) at \(placed.spot)",
                Expected(!sees ? 404 : offered ? 200 : 409), status: Int(answer.status), refusal: answer.refusal,
                body: answer.text)
            // Without a form nothing is done.
            let done = try await door.send(.POST, "/devices/\(serial)/\(verb)", token: token)
            await crossing.compare(
                "POST /devices/{name}/{verb}", "\(name): \(verb) at \(placed.spot)", Expected(sees ? 400 : 404),
                status: Int(done.status), refusal: done.refusal, body: done.text)
        }
    }

    private static func attempt(
        _ act: ActingCrossing.Act, _ door: LiveDoor, _ placed: Placed, _ fleet: CrossingFleet, as name: String,
        _ token: String, _ crossing: Crossing
    ) async throws {
        let expected = act.expected(by: name, at: placed.spot)
        var unit = placed.unit
        if expected == .yes, act.usesUp(at: placed.spot) {
            guard let spare = fleet.spare(for: act, placed.spot, name) else {
                return await crossing.skip("\(act.name) by \(name) at \(placed.spot)")
            }
            unit = spare
        }
        let answer = try await door.post(act.name, act.body(unit.serial), token: token)
        await crossing.compare(
            "POST /api/v1/\(act.name)", "\(name) at \(placed.spot)", expected, status: Int(answer.status),
            refusal: answer.refusal, body: answer.text)
        guard answer.status == 200 else { return }
        try await act.undo(unit, fleet)
    }
}
