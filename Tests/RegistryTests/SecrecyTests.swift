import Foundation
import Logging
import Manufacture
import Pairing
import Passport
import Store
import Testing
import Transfer
import Trust
import Use
import Wire
import Workbench

@testable import Registry

@Suite struct `What must stay secret` {
    private static let name = "Ada Augusta Lovelace"

    /// A device that had two owners, with everything that is personal on the way.
    private func life() async throws -> (bench: HouseBench, unit: BenchUnit, secrets: [String]) {
        let bench = try await HouseBench()
        let house = bench.house
        let unit = try await bench.makeUnits(1)[0]
        let ada = try await bench.ownership(Self.name)
        let token = try await bench.token(for: "\(Self.name) herself")
        let link = try await house.perform(SignInLink(person: "\(Self.name) herself"), as: .system)
        try await bench.pair(unit, with: ada)
        _ = try await bench.enrol(unit)
        let enrolment = try await house.perform(IssueEnrolmentCode(device: unit.serial), as: ada).code
        _ = try await house.perform(
            ConfigureDevice(device: unit.serial, document: "{\"wifi\":\"hunter2-at-home\"}"), as: ada)
        let offer = try await house.perform(OfferDevice(device: unit.serial), as: ada).code
        let secret = String(link.signInPath.split(whereSeparator: { "/=?".contains($0) }).last ?? "")
        return (bench, unit, [token, secret, enrolment, offer, "hunter2-at-home"])
    }

    private func files(_ bench: HouseBench) throws -> [(name: String, bytes: Data)] {
        // PostgreSQL's files are its server's; what it keeps of old rows stands in docs/operating.md.
        try FileManager.default.contentsOfDirectory(atPath: bench.folder).filter { $0.hasPrefix("lifelong.db") }.map {
            ($0, try Data(contentsOf: URL(filePath: "\(bench.folder)/\($0)")))
        }
    }

    @Test func `is nowhere in the database's files`() async throws {
        let (bench, _, secrets) = try await life()
        #expect(secrets.count == 5 && secrets.allSatisfy { $0.utf8.count >= 12 })
        for (file, bytes) in try files(bench) {
            for secret in secrets {
                #expect(bytes.range(of: Data(secret.utf8)) == nil, "\(secret.prefix(4))… stands in \(file)")
            }
        }
    }

    @Test func `is nowhere in the ledger, and neither is anything personal`() async throws {
        let (bench, unit, secrets) = try await life()
        let ben = try await bench.ownership("Benedict Cumberland")
        _ = try await bench.house.perform(AcceptDevice(device: unit.serial, code: secrets[3]), as: ben)
        let leaves = try await bench.house.read { rows in
            try rows.query("SELECT entry FROM ledger").map { String(decoding: try $0.bytes("entry"), as: UTF8.self) }
        }
        #expect(leaves.count > 10)
        let owners = try await bench.house.read { try $0.query("SELECT id FROM owner").map { try $0.text("id") } }
        for word in secrets + owners + [Self.name, "Lovelace", "Cumberland", unit.serial, "wifi", "127.0.0.1"] {
            #expect(!leaves.contains { $0.localizedCaseInsensitiveContains(word) }, "\(word)")
        }
    }

    @Test func `ends with the tenure - the key is gone and what it sealed is unreadable`() async throws {
        let (bench, unit, secrets) = try await life()
        let house = bench.house
        let (tenure, sealed, wrapped) = try await house.read { rows in
            let tenure = try #require(try Device.require(unit.serial, in: rows).passport.tenure).id
            let document = try #require(try rows.first("SELECT document FROM configuration")).bytes("document")
            let key = try #require(try rows.first("SELECT data_key FROM tenure")).bytes("data_key")
            return (tenure, document, key)
        }
        let dataKey = try await house.read { try Tenures.key(of: tenure, in: $0) }
        #expect(
            try await Tenures.open(sealed, under: dataKey, in: house)
                == Array("{\"wifi\":\"hunter2-at-home\"}".utf8))
        let ben = try await bench.ownership("Ben")
        _ = try await house.perform(AcceptDevice(device: unit.serial, code: secrets[3]), as: ben)
        await #expect { try await house.read { try Tenures.key(of: tenure, in: $0) } } throws: {
            ($0 as? Refusal)?.code == .gone
        }
        let rest = try await house.read { rows in
            try rows.count("SELECT COUNT(*) AS n FROM tenure WHERE data_key IS NOT NULL OR owner IS NOT NULL")
                + rows.count("SELECT COUNT(*) AS n FROM configuration")
                + rows.count("SELECT COUNT(*) AS n FROM contact")
        }
        #expect(rest == 0)
        // Overwritten in the files too, by the publisher's next round; a long reading only puts it off.
        let erasure = Erasure(house.database)
        try await whileReading(house.database) {
            try await erasure.clean()
            _ = try await bench.owner("Cleo")
        }
        try await erasure.clean()
        for (file, bytes) in try files(bench) {
            #expect(bytes.range(of: Data(wrapped)) == nil, "The wrapped key still stands in \(file).")
        }
    }

    /// Somebody reads a state of the database for as long as `body` takes.
    private func whileReading(_ database: any Store.Database, _ body: () async throws -> Void) async throws {
        let (began, beginning) = AsyncStream<Void>.makeStream()
        let end = DispatchSemaphore(value: 0)
        let reading = Task {
            try await database.read { rows in
                _ = try rows.count("SELECT COUNT(*) AS n FROM device")
                beginning.finish()
                end.wait()
            }
        }
        for await _ in began {}
        defer { end.signal() }
        try await body()
        end.signal()
        try await reading.value
    }

    @Test func `of a pairing is kept as a memory-hard hash only`() throws {
        let secret = PairingSecret.make(random: BenchClock.random(PairingSecret.randomBytes))
        let hash = try PairingSecret.hash(secret, salt: BenchClock.random(16))
        #expect(hash.hasPrefix("scrypt:") && !hash.contains(secret))
        #expect(PairingSecret.verify(secret, against: hash) && !PairingSecret.verify("0000", against: hash))
    }
}
