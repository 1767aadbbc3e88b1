import Passport
import Registry
import Store
import Testing
import Wire
import Workbench

@Suite struct `Last contacts` {
    private func paired(_ count: Int) async throws -> (HouseBench, [BenchUnit]) {
        let bench = try await HouseBench()
        let units = try await bench.makeUnits(count)
        let ada = try await bench.ownership()
        for unit in units { try await bench.pair(unit, with: ada) }
        return (bench, units)
    }

    private func note(
        _ unit: BenchUnit, _ bench: HouseBench, agent: String = "agent/1", succession: Int? = nil, secondsAgo: Int64 = 0
    ) async throws {
        let report = CheckInReport(agent: agent, sequence: 1, version: "1", succession: succession)
        bench.house.contacts.note(
            .init(
                device: unit.device, tenure: try await bench.tenure(of: unit.device),
                at: bench.clock.now.adding(seconds: -secondsAgo), report: report))
    }

    private func agents(_ bench: HouseBench) async throws -> [String: String] {
        try await bench.house.read { rows in
            try Dictionary(
                uniqueKeysWithValues: rows.query("SELECT device, agent FROM contact").map {
                    (try $0.text("device"), try $0.text("agent"))
                })
        }
    }

    @Test func `of many are kept although the database refuses one of them, and that one is not tried again`()
        async throws
    {
        let (bench, units) = try await paired(40)
        if !BenchEngine.isPostgreSQL {
            // SQLite keeps NUL in a text; here it refuses as PostgreSQL does.
            _ = try await bench.house.database.write { rows in
                try rows.execute(
                    """
                    CREATE TRIGGER poison BEFORE INSERT ON contact WHEN NEW.agent LIKE 'poison%'
                    BEGIN SELECT RAISE(ABORT, 'no'); END
                    """, [])
            }
        }
        for (number, unit) in units.enumerated() {
            try await note(unit, bench, agent: number == 17 ? "poison\0" : "agent/1")
        }
        await bench.house.contacts.flush()
        let kept = try await agents(bench)
        #expect(kept.count == 39 && kept[units[17].device.text] == nil)
        try await note(units[17], bench)
        await bench.house.contacts.flush()
        #expect(try await agents(bench)[units[17].device.text] == "agent/1")
    }

    @Test func `take any number that a report can hold`() async throws {
        let (bench, units) = try await paired(1)
        try await note(units[0], bench, succession: Int(Int32.max) + 1)
        await bench.house.contacts.flush()
        let known = try await bench.house.read {
            try $0.count("SELECT succession AS n FROM contact WHERE device = $1", [Value(units[0].device)])
        }
        #expect(known == Int(Int32.max) + 1)
    }

    @Test func `of a former owner's device are not the next owner's, however soon that one comes`() async throws {
        let (bench, units) = try await paired(1)
        let owner = try #require(try await bench.ownership("Ben").owner)
        let prepared = try await Tenures.prepare(in: bench.house)
        try await note(units[0], bench, agent: "ada's/1")
        try await bench.house.change(as: .system) { change in
            let device = try change.device(units[0].serial)
            try change.record(.offered, on: device.id)
            try change.record(.accepted, on: device.id)
            try Tenures.end(change.device(units[0].serial), because: .affiliationChanged, in: change)
            try change.record(.wiped(receipt: Digest([7])), on: device.id)
            try Tenures.open(
                change.device(units[0].serial), for: owner, grade: .declared, as: prepared, in: change)
        }
        await bench.house.contacts.flush()
        #expect(try await agents(bench).isEmpty)
    }

    @Test func `never go back to an older one that another node heard of`() async throws {
        let (bench, units) = try await paired(1)
        try await note(units[0], bench, agent: "new/1")
        await bench.house.contacts.flush()
        try await note(units[0], bench, agent: "old/1", secondsAgo: 60)
        await bench.house.contacts.flush()
        #expect(try await agents(bench)[units[0].device.text] == "new/1")
        try await note(units[0], bench, agent: "same/1")
        await bench.house.contacts.flush()
        #expect(try await agents(bench)[units[0].device.text] == "same/1")
    }
}
