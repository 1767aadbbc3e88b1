import Foundation
import Passport
import Registry
import Server
import Store
import Testing
import Transfer
import Trust
import Wire
import Workbench

/// Commands as a person types them, over HTTPS and with the anchor that they name.
@Suite struct `A command` {
    /// A server, a maker and two owners with their tokens in files, and two devices of Ada's.
    private struct Scene: Sendable {
        let bench: HouseBench
        let units: [BenchUnit]
        let program: String

        init() async throws {
            program = try BuiltProgram.path("lifelong")
            bench = try await HouseBench(atRealTime: { $0.serviceNames = ["127.0.0.2", "localhost", "127.0.0.1"] })
            let ada = try await bench.ownership("Ada")
            _ = try await bench.ownership("Ben")
            _ = try await bench.person("maker", .makerAdmin)
            units = try await bench.makeUnits(2)
            for unit in units { try await bench.pair(unit, with: ada) }
            for (name, file) in [("Ada herself", "ada"), ("Ben herself", "ben"), ("maker", "maker")] {
                let token = try await bench.token(for: name)
                try token.write(toFile: "\(bench.folder)/\(file)", atomically: true, encoding: .utf8)
            }
            let root = bench.house.authorities.known(Authorities.Name.operationalRoot)?.certificate ?? []
            try PEM.encode(root, label: "CERTIFICATE").write(
                toFile: bench.folder + "/root.pem", atomically: true, encoding: .utf8)
        }

        /// As `who`, over HTTPS.
        func type(_ words: [String], as who: String, _ door: DeviceBench, anchor: Bool = true) async throws -> (
            status: Int32, said: String
        ) {
            let connection =
                ["--server", "https://127.0.0.2:\(door.ports.people)", "--token-file", who]
                + (anchor ? ["--anchor", "root.pem"] : [])
            let outcome = try await OutsideProgram.run(program, words + connection, in: bench.folder)
            return (outcome.status, outcome.text + outcome.errors)
        }
    }

    @Test func `offers, withdraws, accepts, acknowledges and revokes, over HTTPS with its own anchor`() async throws {
        let scene = try await Scene()
        try await DeviceBench.run(scene.bench, settings: { $0.people.host = "127.0.0.2" }) { door in
            // Without the anchor nobody vouches for the server.
            let blind = try await scene.type(["whoami"], as: "ada", door, anchor: false)
            #expect(blind.status != 0 && !blind.said.contains("owner:"), "\(blind.said)")
            #expect(try await scene.type(["whoami"], as: "ada", door).said.contains("owner"))
            let serial = scene.units[0].serial
            let first = try await scene.type(["device", "offer", serial, "--days", "3"], as: "ada", door)
            #expect(first.status == 0, "\(first.said)")
            let withdrawn = try await scene.type(["device", "withdraw", serial], as: "ada", door)
            #expect(withdrawn.status == 0 && withdrawn.said.contains("the code is void"), "\(withdrawn.said)")
            let offered = try await scene.type(["device", "offer", serial], as: "ada", door)
            let code = try #require(offered.said.firstMatch(of: /([0-9A-Z]{4}-){3}[0-9A-Z]{4}/)).output.0
            try String(code).write(toFile: scene.bench.folder + "/code", atomically: true, encoding: .utf8)
            try "0000-0000-0000-0000".write(
                toFile: scene.bench.folder + "/wrong", atomically: true, encoding: .utf8)
            let wrong = try await scene.type(["device", "accept", serial, "--secret-file", "wrong"], as: "ben", door)
            #expect(wrong.status == 1 && wrong.said.contains("not the code"), "\(wrong.said)")
            let accepted = try await scene.type(["device", "accept", serial, "--secret-file", "code"], as: "ben", door)
            #expect(accepted.status == 0 && accepted.said.contains("Accepted"), "\(accepted.said)")

            let index = try await scene.bench.house.change(as: .system) { change in
                try Alarms.raise(.logBroken, on: scene.units[1].device, detail: "Made by a test.", in: change)
                return try change.rows.count("SELECT MAX(idx) AS n FROM alarm")
            }
            let seen = try await scene.type(["alarm", "ack", String(index)], as: "maker", door)
            #expect(seen.status == 0, "\(seen.said)")
            let again = try await scene.type(["alarm", "ack", String(index)], as: "maker", door)
            #expect(again.status == 1 && again.said.contains("no open alarm"), "\(again.said)")

            let revoked = try await scene.type(
                ["token", "revoke", "Ben herself", "--label", "test"], as: "maker", door)
            #expect(revoked.status == 0, "\(revoked.said)")
            let out = try await scene.type(["whoami"], as: "ben", door)
            #expect(out.status == 1 && out.said.contains("unknown, expired or revoked"), "\(out.said)")
        }
    }

    @Test func `takes over what devices have, from a file as it may come, and says first what it would`() async throws {
        let scene = try await Scene()
        let (one, two) = (scene.units[0].serial, scene.units[1].serial)
        let token = "d6ae2d6cc6bc2b1ce0d9a5d6b4ad93f4"
        let key = try EphemeralKey().held(by: two)
        // From a spreadsheet; more than goes into one call.
        let strangers = (0..<1100).map { "STRANGER-\($0),\(token)\($0)" }
        let lines =
            ["\u{feff}# serial,token", "", "\(one)", "\(one),\(token)", "\(one);\(token)x", "\(two)\tkey:\(key)"]
            + ["OTHER \(token)", "A,b,c", "Z,\(String(repeating: "z", count: 5000))"] + strangers
        let file = scene.bench.folder + "/held.csv"
        try lines.joined(separator: "\r\n").write(toFile: file, atomically: true, encoding: .utf8)
        try Data().write(to: URL(filePath: file + ".huge"))
        try FileHandle(forWritingTo: URL(filePath: file + ".huge")).truncate(atOffset: 65 << 20)
        @Sendable func kept() async throws -> Int {
            try await scene.bench.house.read { try $0.count("SELECT COUNT(*) AS n FROM stock_client") }
        }
        try await DeviceBench.run(scene.bench, settings: { $0.people.host = "127.0.0.2" }) { door in
            let adopt = ["device", "adopt-tokens", "held.csv"]
            let tried = try await scene.type(adopt + ["--dry-run"], as: "ada", door)
            #expect(tried.status == 0 && tried.said.contains("Would take over 2 tokens and keys, refused 1105."))
            #expect(try await kept() == 0)
            let done = try await scene.type(adopt, as: "ada", door)
            #expect(done.said.contains("Took over 2 tokens and keys, refused 1105."), "\(done.said.prefix(2000))")
            #expect(try await kept() == 2)
            for part in [
                "line 3: Not a serial", "line 5: The device stands in the file twice.",
                "line 7: The token or key stands in the file twice", "line 8: Not a serial", "  Z: ",
                "STRANGER-1099: There is no device",
            ] {
                #expect(done.said.contains(part), "\(part)")
            }
            #expect(!done.said.contains(token) && !done.said.contains(key))
            let huge = try await scene.type(["device", "adopt-tokens", "held.csv.huge"], as: "ada", door)
            #expect(huge.status == 1 && huge.said.contains("has more than"), "\(huge.said.prefix(500))")
            // Nobody else's devices.
            let foreign = try await scene.type(adopt, as: "ben", door)
            #expect(foreign.said.contains("Took over 0 tokens and keys"), "\(foreign.said.prefix(500))")
        }
    }
}
