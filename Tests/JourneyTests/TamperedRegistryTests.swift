import Ledger
import Manufacture
import Pairing
import Passport
import Registry
import Retirement
import Store
import Testing
import Transfer
import Wire
import Workbench

/// Somebody with a database tool, and what the audit says of it.
@Suite struct `A registry that was changed behind its back` {
    /// One change, and what the audit must name.
    struct Tampering: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// Statements; `$1` is the device's name where it occurs.
        var sql: [String]
        /// Beginning of what the finding is about, and words in its sentence.
        var about: String
        var says: String
    }

    static let all = [
        Tampering(
            testDescription: "a stage", sql: ["UPDATE device SET stage = 'shipped' WHERE id = $1"], about: "device",
            says: "stage is shipped"),
        Tampering(
            testDescription: "an owner taken away", sql: ["UPDATE device SET owner = NULL WHERE id = $1"],
            about: "device",
            says: "no owner"),
        Tampering(
            testDescription: "a passport",
            sql: [
                "UPDATE device SET passport = REPLACE(passport, '\"wipeOwed\":false', '\"wipeOwed\":true') WHERE id = $1"
            ],
            about: "device", says: "passport is not what its events give"),
        Tampering(
            testDescription: "a deleted device", sql: ["DELETE FROM device WHERE id = $1"], about: "device",
            says: "row is gone"),
        Tampering(
            testDescription: "a birth certificate",
            sql: ["UPDATE device SET birth_certificate = (SELECT entry FROM ledger WHERE idx = 0) WHERE id = $1"],
            about: "device",
            says: "birth certificate"),
        Tampering(
            testDescription: "a revoked certificate made good",
            sql: ["UPDATE certificate SET state = 'issued' WHERE device = $1 AND state = 'revoked'"],
            about: "certificate",
            says: "ledger revoked it"),
        Tampering(
            testDescription: "a good certificate made revoked",
            sql: ["UPDATE certificate SET state = 'revoked' WHERE device = $1 AND state = 'issued'"],
            about: "certificate",
            says: "revoked without an event"),
        Tampering(
            testDescription: "a deleted certificate",
            sql: ["DELETE FROM certificate WHERE device = $1 AND kind = 'operational'"], about: "certificate",
            says: "row is gone"),
        Tampering(
            testDescription: "a tenure's commitment",
            sql: ["UPDATE tenure SET commitment = '\(String(repeating: "0", count: 64))' WHERE device = $1"],
            about: "tenure", says: "commitment"),
        Tampering(
            testDescription: "an ended tenure that goes on",
            sql: ["UPDATE tenure SET ended = NULL WHERE device = $1 AND ended IS NOT NULL"], about: "tenure",
            says: "ended differs"),
        Tampering(
            testDescription: "a deleted tenure", sql: ["DELETE FROM tenure WHERE device = $1 AND ended IS NULL"],
            about: "tenure", says: "row is gone"),
        Tampering(
            testDescription: "a device that was given to somebody else",
            sql: [
                """
                UPDATE device SET owner = (SELECT MIN(o.id) FROM owner o WHERE o.id <> device.owner) WHERE id = $1
                """
            ], about: "device", says: "not the one of its open tenure"),
        Tampering(
            testDescription: "an owner who is no name", sql: ["UPDATE device SET owner = '../no name' WHERE id = $1"],
            about: "device", says: "cannot be read"),
        Tampering(
            testDescription: "a tenure that is no name",
            sql: ["UPDATE tenure SET id = '../no name' WHERE device = $1 AND ended IS NULL"], about: "tenure",
            says: "never heard of it"),
        Tampering(
            testDescription: "an owner who made himself the maker",
            sql: ["UPDATE person SET role = 'makerAdmin' WHERE role = 'owner' AND $1 <> ''"], about: "person",
            says: "role is makerAdmin in the registry, owner by the ledger"),
        Tampering(
            testDescription: "a revocation that is not counted",
            sql: ["UPDATE tally SET n = n - 1 WHERE name = 'revoked operational-issuing-1' AND $1 <> ''"],
            about: "count of revoked operational-issuing-1", says: "It says"),
        Tampering(
            testDescription: "a deleted receipt", sql: ["DELETE FROM receipt WHERE device = $1"], about: "receipt",
            says: "row is gone"),
        Tampering(
            testDescription: "the bytes of a receipt", sql: ["UPDATE receipt SET seal = '{}' WHERE device = $1"],
            about: "receipt", says: "bytes are not what the device signed"),
        Tampering(
            testDescription: "a deleted ledger entry",
            sql: ["DELETE FROM ledger WHERE device = $1 AND kind = 'shipped'"], about: "ledger entr", says: "missing"),
        Tampering(
            testDescription: "the columns beside a ledger entry",
            sql: ["UPDATE ledger SET kind = 'paired' WHERE device = $1 AND kind = 'shipped'"], about: "ledger entry",
            says: "columns"),
    ]

    @Test(arguments: all) func `is found and named`(_ tampering: Tampering) async throws {
        let (bench, unit) = try await resold()
        #expect(try await Audit.run(bench.house.database).findings.isEmpty)
        let changed = try await bench.house.database.write { rows in
            try tampering.sql.reduce(0) { try $0 + rows.execute($1, [Value(unit.device)]) }
        }
        #expect(changed > 0, "the tampering changed nothing")
        let findings = try await Audit.run(bench.house.database).findings
        #expect(
            findings.contains { $0.what.hasPrefix(tampering.about) && $0.finding.contains(tampering.says) },
            "found only: \(findings)")
    }

    @Test func `is found when an entry of the ledger is rewritten with its hash`() async throws {
        let (bench, unit) = try await resold()
        try await bench.house.database.write { rows in
            let row = try #require(
                try rows.first(
                    "SELECT idx, entry FROM ledger WHERE device = $1 AND kind = 'shipped'", [Value(unit.device)]))
            var entry = try CanonicalJSON.decode(Entry.self, from: row.bytes("entry"))
            entry.at = entry.at.adding(seconds: -1)
            let bytes = try CanonicalJSON.encode(entry)
            try rows.execute(
                "UPDATE ledger SET entry = $1, hash = $2 WHERE idx = $3",
                [.bytes(bytes), .bytes(MerkleTree.leafHash(bytes).bytes), Value(try row.int("idx"))])
        }
        let findings = try await Audit.run(bench.house.database).findings
        #expect(findings.contains { $0.what.hasPrefix("checkpoint") && $0.finding.contains("history was rewritten") })
    }

    @Test(arguments: [(Int.min, Int.max), (-1, 5), (Int.max, Int.min), (7, 7)])
    func `is found when an entry names numbers that nobody can reckon with`(_ from: Int, _ to: Int) async throws {
        let (bench, unit) = try await resold()
        try await bench.house.database.write { rows in
            let row = try #require(
                try rows.first(
                    "SELECT idx, entry FROM ledger WHERE device = $1 ORDER BY idx DESC LIMIT 1", [Value(unit.device)]))
            var entry = try CanonicalJSON.decode(Entry.self, from: row.bytes("entry"))
            entry.event = .logTaken(from: from, to: to, head: MerkleTree.emptyRoot)
            try rows.execute(
                "UPDATE ledger SET entry = $1, kind = 'logTaken' WHERE idx = $2",
                [.bytes(try CanonicalJSON.encode(entry)), Value(try row.int("idx"))])
        }
        #expect(try await !Audit.run(bench.house.database).findings.isEmpty)
    }

    @Test func `is read without a fall, each page with what is wrong`() async throws {
        let (bench, unit) = try await resold()
        _ = try await bench.house.database.write { rows in
            try rows.execute("UPDATE device SET owner = '../no name' WHERE id = $1", [Value(unit.device)])
            try rows.execute("UPDATE person SET owner = '../no name' WHERE owner IS NOT NULL", [])
        }
        let maker = Principal(role: .makerAdmin)
        for attempt in [
            { _ = try await bench.reading.device(unit.serial, as: maker) },
            { _ = try await bench.reading.devices(as: maker) }, { _ = try await bench.reading.people(as: maker) },
        ] as [() async throws -> Void] {
            await #expect { try await attempt() } throws: { ($0 as? Refusal)?.code == .internal }
        }
    }

    @Test func `is found when an entry of the ledger is rewritten without its hash`() async throws {
        let (bench, unit) = try await resold()
        let index = try await bench.house.database.write { rows in
            let row = try #require(
                try rows.first("SELECT idx FROM ledger WHERE device = $1 AND kind = 'shipped'", [Value(unit.device)]))
            try rows.execute(
                "UPDATE ledger SET entry = $1 WHERE idx = $2", [.bytes(Array("{}".utf8)), Value(try row.int("idx"))])
            return try row.int("idx")
        }
        let findings = try await Audit.run(bench.house.database).findings
        #expect(findings.contains { $0.what == "ledger entry \(index)" && $0.finding.contains("hash") })
    }

    /// A device in its second tenure, everything published: one of each thing that can be tampered with.
    private func resold() async throws -> (HouseBench, BenchUnit) {
        var life = try await SteppedLife()
        let serial = life.unit.serial
        let (ada, grace) = (try await life.bench.ownership("Ada"), try await life.bench.ownership("Grace"))
        _ = try await life.house.perform(ShipDevices(devices: [serial]), as: life.maker)
        _ = try await life.house.perform(PairDevice(device: serial, grade: .declared), as: ada)
        try await life.enrol()
        let code = try await life.house.perform(OfferDevice(device: serial), as: ada).code
        _ = try await life.house.perform(AcceptDevice(device: serial, code: code), as: grace)
        try await life.wipe()
        try await life.enrol()
        try await life.bench.publisher.publish()
        return (life.bench, life.unit)
    }
}
