import Pairing
import Passport
import Registry
import Retirement
import Store
import Testing
import Use
import Wire
import Workbench

@Suite struct `A list of devices` {
    /// Page after page, with every combination of filters, even if each page looks at a few rows only: every device that
    /// fits is told once, in order, and none that does not.
    @Test func `is whole, whatever is asked for and however little a page looks at`() async throws {
        let bench = try await HouseBench()
        let (units, owner, batches) = try await fleet(bench)
        let filters = Self.combinations(owner: owner, batches: batches, serial: units[0].serial)
        try await bench.house.read { rows in
            let all = try rows.query("SELECT id, serial, stage, product, batch, owner FROM device ORDER BY id")
            let alarms = try rows.query("SELECT device, alarm FROM alarm WHERE acknowledged_at IS NULL")
            for filter in filters {
                let wanted = try all.filter { try Self.fits($0, filter, alarms) }.map { try $0.text("id") }
                for (size, lookedAt) in [(2, 1), (3, 4), (50, 5000)] {
                    let found = try Self.pages(filter, size: size, lookedAt: lookedAt, in: rows)
                    let sorted =
                        filter.q == nil
                        ? wanted : wanted.sorted { found.firstIndex(of: $0) ?? 0 < found.firstIndex(of: $1) ?? 0 }
                    #expect(found == sorted, "\(filter), pages of \(size), looking at \(lookedAt)")
                }
            }
        }
    }

    @Test func `counts each stage as the rows say, for everybody and for each owner`() async throws {
        let bench = try await HouseBench()
        let (_, owner, _) = try await fleet(bench)
        let admin = Principal(role: .makerAdmin)
        let stages = try await bench.reading.stages(as: admin)
        let counts = Dictionary(uniqueKeysWithValues: stages.map { ($0.stage, $0.count) })
        #expect(
            counts == [.made: 3, .shipped: 2, .claimable: 0, .inUse: 3, .quarantined: 1, .inTransfer: 0, .retired: 1])
        let own = try await bench.reading.stages(as: Principal(role: .owner, owner: owner))
        #expect(own.filter { $0.count > 0 }.map(\.stage) == [.inUse, .quarantined])
        #expect(own.reduce(0) { $0 + $1.count } == 4)
        #expect(try await Audit.run(bench.house.database).findings.isEmpty)
    }

    @Test func `finds a count that was changed by hand`() async throws {
        let bench = try await HouseBench()
        _ = try await fleet(bench)
        _ = try await bench.house.database.write { rows in
            try rows.execute("UPDATE stage_count SET n = n + 1 WHERE owner = '' AND stage = 'inUse'", [])
        }
        let findings = try await Audit.run(bench.house.database, workers: 2).findings
        #expect(findings.map(\.what) == ["count of stage inUse"])
    }

    @Test func `takes back what a refused change had counted`() async throws {
        let bench = try await HouseBench()
        let units = try await bench.makeUnits(1)
        await #expect(throws: Refusal.self) {
            try await bench.house.change(as: .system) { change in
                try change.record(.retired(how: .recycled), on: units[0].device)
                throw Refusal(.conflict, "Not now.", hint: "Later.")
            }
        }
        #expect(try await Audit.run(bench.house.database).findings.isEmpty)
    }

    // MARK: A fleet

    /// Seven shipped in one batch, of which four have an owner, and three in stock in another.
    private func fleet(_ bench: HouseBench) async throws -> ([BenchUnit], OwnerID, [BatchID]) {
        let shipped = try await bench.makeUnits(7)
        let stock = try await bench.makeUnits(3, shipped: false, station: "line-2")
        let owner = try await bench.owner("Ada")
        let ada = try await bench.person("Ada", .owner, owner: owner)
        let maker = try await bench.person("Mary", .makerAdmin)
        for unit in shipped.prefix(5) {
            _ = try await bench.house.perform(PairDevice(device: unit.serial, grade: .declared), as: ada)
        }
        _ = try await bench.house.perform(QuarantineDevice(device: shipped[1].serial, reason: "test"), as: maker)
        _ = try await bench.house.perform(RetireDevice(device: shipped[4].serial, how: .recycled), as: maker)
        try await bench.house.change(as: .system) { change in
            for unit in [shipped[0], shipped[2], stock[1]] {
                try Alarms.raise(.keySeenTwice, on: unit.device, detail: "A test.", in: change)
            }
            try Alarms.raise(.logBroken, on: shipped[0].device, detail: "A test.", in: change)
        }
        let batches = try await bench.house.read { rows in
            try rows.query("SELECT id FROM batch ORDER BY at, id").map { row -> BatchID in try row.id("id") }
        }
        return (shipped + stock, owner, batches)
    }

    private static func combinations(owner: OwnerID, batches: [BatchID], serial: String) -> [DeviceFilter] {
        var all: [DeviceFilter] = []
        for stage in [nil, Stage.inUse, .made, .claimable] {
            for product in [nil, HouseBench.product, ProductID(trusted: "another")] {
                for batch in [nil] + batches.map(Optional.some) {
                    for owner in [nil, owner] {
                        for alarm in [nil, DeviceFilter.AlarmFilter.any, .kind(.keySeenTwice), .kind(.pairingLocked)] {
                            for q in [nil, String(serial.prefix(3)), serial, "nothing"] {
                                all.append(
                                    DeviceFilter(
                                        stage: stage, product: product, batch: batch, owner: owner, alarm: alarm, q: q))
                            }
                        }
                    }
                }
            }
        }
        return all
    }

    private static func fits(_ row: Row, _ filter: DeviceFilter, _ alarms: [Row]) throws -> Bool {
        let id = try row.text("id")
        let raised = try alarms.filter { try $0.text("device") == id }.map { try $0.text("alarm") }
        let alarmed =
            switch filter.alarm {
            case nil: true
            case .any: !raised.isEmpty
            case .kind(let kind): raised.contains(kind.rawValue)
            }
        return try alarmed && filter.stage.map { try row.text("stage") == $0.rawValue } ?? true
            && filter.product.map { try row.text("product") == $0.text } ?? true
            && filter.batch.map { try row.text("batch") == $0.text } ?? true
            && filter.owner.map { row.optionalText("owner") == $0.text } ?? true
            && filter.q.map { try row.text("serial").hasPrefix($0) } ?? true
    }

    private static func pages(_ filter: DeviceFilter, size: Int, lookedAt: Int, in rows: any Rows) throws -> [String] {
        var found: [String] = []
        var after: String?
        repeat {
            let page = try DeviceSearch(filter: filter, after: after, size: size, lookedAt: lookedAt).page(in: rows)
            found += try page.found.map { try $0.text("id") }
            #expect(page.found.count <= size)
            guard page.next != after || after == nil else {
                Issue.record("The list does not go on.")
                break
            }
            after = page.next
        } while after != nil
        return found
    }
}
