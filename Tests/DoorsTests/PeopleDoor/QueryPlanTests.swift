import Foundation
import HTTPTypes
import NIOHTTP1
import Pairing
import Passport
import Registry
import Retirement
import Rollout
import Selection
import Server
import Store
import StoreSQLite
import Testing
import Transfer
import Trust
import Use
import Wire
import Workbench

/// A fleet of a million is served like one of ten: no statement of any page, reading or action reads a whole table that
/// grows with the fleet, or sorts one.
@Suite struct `No statement reads a whole table` {
    /// Tables that do not grow with the fleet.
    private static let small: Set<String> = [
        "product", "release", "authority", "crl", "ledger_size", "person", "credential", "tally", "key_role",
        "succession", "rollout", "device_group",
        // With products, releases and days.
        "tuf_document", "tuf_draft", "tuf_signer", "artifact_form",
        // What the statement itself brings.
        "change",
    ]

    @Test func `on any page, in any reading, in any action`() async throws {
        let bench = try await HouseBench(wrapping: { RecordedDatabase($0) })
        let database = try #require(bench.house.database as? RecordedDatabase)
        // PostgreSQL plans by what the tables hold, and reads a table of three rows whole.
        guard database.kind.hasPrefix("SQLite") else { return }
        let (units, owner, batch) = try await lives(bench)
        try await ask(bench, units, owner, batch)
        let partial = try await database.read { rows in
            Set(
                try rows.query("SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'").map {
                    try $0.text("name")
                })
        }
        var looked = 0
        for (sql, arguments) in database.statements where !sql.hasPrefix("INSERT INTO") || sql.contains("SELECT") {
            guard !sql.contains("sqlite_master") else { continue }
            let plan = try await database.read { rows in
                try rows.query("EXPLAIN QUERY PLAN " + sql, arguments).compactMap { $0.optionalText("detail") }
            }
            let faults = Self.faults(plan, of: sql, partial: partial)
            #expect(faults.isEmpty, "\(faults.joined(separator: "; ")) in: \(sql)")
            looked += 1
        }
        #expect(looked > 100, "only \(looked) statements were seen")
    }

    @Test func `and one that would is found`() {
        let counted = "SELECT stage, COUNT(*) AS n FROM device GROUP BY stage"
        #expect(!Self.faults(["SCAN device USING COVERING INDEX device_stage"], of: counted, partial: []).isEmpty)
        let sorted = "SELECT name FROM owner ORDER BY name LIMIT 10"
        #expect(!Self.faults(["SCAN owner", "USE TEMP B-TREE FOR ORDER BY"], of: sorted, partial: []).isEmpty)
        let page = "SELECT id FROM device ORDER BY id LIMIT 50"
        #expect(Self.faults(["SCAN device USING INDEX device_id"], of: page, partial: []).isEmpty)
    }

    /// What is wrong with a plan. A walk along an index is right if it ends by itself: it has a limit, sorts nothing, and
    /// passes over nothing, so it has no condition but that of a partial index.
    private static func faults(_ plan: [String], of sql: String, partial: Set<String>) -> [String] {
        let names = sql.matches(of: /(?:FROM|JOIN|UPDATE)\s+([a-z_]+)(?:\s+(?:AS\s+)?([a-z]+))?/)
        var tables: [String: String] = [:]
        for name in names {
            tables[String(name.1)] = String(name.1)
            if let alias = name.2 { tables[String(alias)] = String(name.1) }
        }
        let grows = tables.values.contains { !small.contains($0) }
        return plan.filter { line in
            let words = line.split(separator: " ")
            guard grows, words.count > 1 else { return false }
            // Sorted are what belongs to one device or to one checkpoint, and what a walk of limited length found.
            let isLittle =
                plan.contains { $0.contains("(device=?") || $0.contains("(size=?") }
                || sql.contains(/FROM \(\s*SELECT [^()]* LIMIT/)
            if line.contains("TEMP B-TREE") { return !isLittle }
            guard words[0] == "SCAN", let table = tables[String(words[1])], !small.contains(table) else { return false }
            let index = words.firstIndex(of: "INDEX").map { String(words[$0 + 1]) }
            let endsByItself = sql.contains("LIMIT") && (isLittle || !plan.contains { $0.contains("TEMP B-TREE") })
            return !(endsByItself && (!sql.contains("WHERE") || index.map(partial.contains) == true))
        }
    }

    // MARK: What is done and asked

    /// Three devices: one resold, one retired, one in use, each action once.
    private func lives(_ bench: HouseBench) async throws -> ([BenchUnit], OwnerID, BatchID) {
        let units = try await bench.makeUnits(3)
        let house = bench.house
        let owner = try await bench.owner("Ada")
        let (ada, grace) = (
            try await bench.person("Ada", .owner, owner: owner),
            try await bench.person("Grace", .owner, owner: bench.owner("Grace"))
        )
        let maker = try await bench.person("Mary", .makerAdmin)
        for unit in units {
            _ = try await house.perform(PairDevice(device: unit.serial, grade: .declared), as: ada)
            _ = try await bench.enrol(unit)
        }
        _ = try await house.perform(QuarantineDevice(device: units[0].serial, reason: "test"), as: maker)
        _ = try await house.perform(RestoreDevice(device: units[0].serial), as: maker)
        let code = try await house.perform(OfferDevice(device: units[1].serial), as: ada).code
        _ = try await house.perform(AcceptDevice(device: units[1].serial, code: code), as: grace)
        _ = try await house.perform(RetireDevice(device: units[2].serial, how: .recycled), as: maker)
        try await house.change(as: .system) { change in
            try Alarms.raise(.keySeenTwice, on: units[0].device, detail: "A test.", in: change)
        }
        try await bench.publisher.publish()
        let batch = try await bench.reading.device(units[0].serial, as: maker).batch
        return (units, owner, batch)
    }

    private func ask(_ bench: HouseBench, _ units: [BenchUnit], _ owner: OwnerID, _ batch: BatchID) async throws {
        let serial = units[0].serial
        // A new parameter needs an example here.
        let examples: [String: [String]] = [
            "stage": ["inUse"], "product": [HouseBench.product.text], "batch": [batch.text], "owner": [owner.text],
            "alarm": ["any", "keySeenTwice"], "q": [String(serial.prefix(3)), serial], "after": ["1"], "before": ["9"],
            "open": ["true", "false"], "limit": ["2"], "state": ["offered", "failed"],
            "offset": ["3"], "sort": ["id:DESC"], "force": ["true"],
            "where": ["release%3D0", "stage%3DinUse%20and%20seen%3C7d", "label.ring%3Dcanary"],
        ]
        let rollout = try await rolledOut(bench, units)
        let release = try await bench.house.read {
            try StoredRelease.require(1, of: HouseBench.product, in: $0).digest
        }
        let parts = [
            "{release}": release.description,
            "{device}": serial, "{target}": serial, "{set}": "3", "{module}": "3", "{artifact}": "3", "{action}": "3",
            "{key}": "pollingTime",
            "{index}": "3", "{name}": serial, "{verb}": "quarantine", "{batch}": batch.text,
            // Of a draft that there is not: it is looked for all the same.
            "{sha256}": String(repeating: "0", count: 64),
            "{person}": try #require(await bench.person("leaving", .support).person).text, "{rollout}": rollout.text,
        ]
        func filled(_ path: String) -> String {
            // Of a device, or of a person.
            let path = path.replacingOccurrences(of: "/people/{verb}", with: "/people/remove")
            return parts.reduce(path) { $0.replacingOccurrences(of: $1.key, with: $1.value) }
        }
        let door = PeopleDoor(
            house: bench.house, publisherKey: bench.publisher.verifierKey, settings: .init(isSecure: false))
        var paths: [String] = []
        for route in RouteList.all(door) where route.method == .get && !route.path.contains("sign-in") {
            let path = filled(route.path)
            paths.append(path)
            for parameter in route.query {
                let isManagement = route.path.hasPrefix("/rest/") && parameter.name == "q"
                let values =
                    isManagement
                    ? ["name%3D%3D\(serial)", "name%3D%3D\(serial.prefix(3))*"]
                    : try #require(examples[parameter.name], "no example of \(parameter.name)")
                paths += values.map { "\(path)?\(parameter.name)=\($0)" }
            }
        }
        for path in Console(house: bench.house, reading: bench.reading).paths.map(filled) {
            paths.append(path)
        }
        paths += ["/releases?product=\(HouseBench.product)&after=\(HouseBench.product)%2F9"]
        paths += Self.filtered(batch, serial).flatMap { ["/devices?\($0)", "/alarms?open=true&\($0)"] }
        _ = try await bench.person("asking", .makerAdmin)
        _ = try await bench.person("asking owner", .owner, owner: owner)
        let tokens = [try await bench.token(for: "asking"), try await bench.token(for: "asking owner")]
        let all = paths
        try await LiveDoor.run(bench, pages: Console.pages) { door async throws in
            for (number, token) in tokens.enumerated() {
                for path in all {
                    let answer = try await door.send(.GET, path, token: token)
                    // Only owners claim devices.
                    let isMissing =
                        answer.status == 404
                        && ["/update-metadata/", "/api/v1/releases/", "/rest/v1/"].contains { path.contains($0) }
                    let isTheirs = number > 0 || path == "/claim" || isMissing
                    #expect(answer.status < 500 && (isTheirs || answer.status < 400), "\(path): \(answer.status)")
                }
            }
        }
    }

    /// A rollout that has met a device, and is stopped.
    private func rolledOut(_ bench: HouseBench, _ units: [BenchUnit]) async throws -> RolloutID {
        let house = bench.house
        for unit in units {
            let report = CheckInReport(agent: "bench/1", sequence: 0, version: "0")
            let tenure = try await bench.tenure(of: unit.device)
            house.contacts.note(
                .init(device: unit.device, tenure: tenure, at: bench.clock.now, report: report))
        }
        await house.contacts.flush()
        try await bench.publishRelease(1)
        let plan = RolloutPlan(product: HouseBench.product, sequence: 1, stages: [.init(share: 10_000)])
        let (mary, bob) = (
            try await bench.person("planner", .makerAdmin), try await bench.person("approver", .makerAdmin)
        )
        _ = try await house.perform(TryRollout(plan: plan), as: mary)
        _ = try await house.perform(LabelDevices(devices: [units[0].serial], labels: ["ring": "canary"]), as: mary)
        _ = try await house.perform(SetGroup(group: "canaries", selector: Selector("label.ring = canary")), as: mary)
        _ = try await bench.reading.devices(
            DeviceFilter(selector: Selector("group = canaries")), limit: 5, as: mary)
        _ = try await house.perform(RemoveGroup(group: "canaries"), as: mary)
        let rollout = try await house.perform(PlanRollout(plan: plan), as: mary).rollout
        _ = try await house.perform(ApproveRollout(rollout: rollout), as: bob)
        _ = try await house.perform(StartRollout(rollout: rollout), as: bob)
        _ = try await house.perform(PauseRollout(rollout: rollout), as: bob)
        _ = try await house.perform(ResumeRollout(rollout: rollout), as: bob)
        let keeper = RolloutKeeper(house)
        for _ in 0..<6 { _ = try await keeper.round() }
        _ = try await house.perform(StopRollout(rollout: rollout, confirm: HouseBench.product.text), as: bob)
        for _ in 0..<3 { _ = try await keeper.round() }
        try await bench.publishRelease(2)
        _ = try await house.perform(
            WithdrawRelease(product: HouseBench.product, sequence: 2, confirm: HouseBench.product.text), as: bob)
        return rollout
    }

    /// Filters together.
    private static func filtered(_ batch: BatchID, _ serial: String) -> [String] {
        let product = "product=\(HouseBench.product)"
        return [
            "stage=inUse&\(product)", "stage=inUse&batch=\(batch)", "batch=\(batch)&\(product)", "alarms=open",
            "alarms=open&stage=inUse", "q=\(serial.prefix(3))&stage=inUse", "q=\(serial.prefix(3))&alarms=open",
            "stage=inUse&after=0", "\(product)&after=0",
        ]
    }
}
