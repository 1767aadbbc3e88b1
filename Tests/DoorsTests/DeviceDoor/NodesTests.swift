import Agent
import Foundation
import Passport
import Registry
import Store
import Testing
import Trust
import Use
import Wire
import Workbench

/// Several nodes on one database: what one of them decides, all of them do.
@Suite(.enabled(if: BenchEngine.isPostgreSQL, "several nodes need PostgreSQL: scripts/test.sh runs it there"))
struct `Several nodes` {
    /// Polls; a second is promised, and a machine under load is given more.
    private func soon(_ what: () async throws -> Bool) async throws -> Bool {
        for _ in 0..<200 {
            if try await what() { return true }
            try await Task.sleep(for: .milliseconds(50))
        }
        return false
    }

    @Test func `all refuse at once a device that one of them quarantined, and all serve it again`() async throws {
        let scene = try await DeviceScene()
        let others = [try await HouseBench(beside: scene.bench), try await HouseBench(beside: scene.bench)]
        try await DeviceBench.run(scene.bench) { first in
            try await DeviceBench.run(others[0]) { second in
                try await DeviceBench.run(others[1]) { third in
                    let clients = try [first, second, third].map { try $0.client(scene.operational.identity) }
                    for client in clients {
                        #expect(try await client.post(DeviceAPI.checkIn, json: scene.report()).status == 200)
                    }
                    _ = try await third.house.perform(
                        QuarantineDevice(device: scene.unit.serial, reason: "tamper"), as: .system)
                    for client in clients {
                        #expect(
                            try await soon {
                                try await client.post(DeviceAPI.checkIn, json: scene.report()).status == 403
                            })
                    }
                }
            }
        }
        for bench in others { #expect(try await Audit.run(bench.house.database).findings.isEmpty) }
    }

    @Test func `know a batch's CA that one of them made`() async throws {
        let first = try await HouseBench()
        let second = try await HouseBench(beside: first)
        let follower = Task { await second.house.follow() }
        let units = try await first.makeUnits(1)
        #expect(
            try await soon {
                guard let verifier = try? second.house.authorities.verifier(for: .birth) else { return false }
                if case .success = verifier.verify(leaf: units[0].certificate, at: second.clock.now, purpose: .birth) {
                    return true
                }
                return false
            })
        follower.cancel()
    }

    @Test func `write one ledger with one order, whoever of them is asked`() async throws {
        let first = try await HouseBench()
        let nodes = [first, try await HouseBench(beside: first), try await HouseBench(beside: first)]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, node) in nodes.enumerated() {
                for change in 0..<100 {
                    group.addTask {
                        _ = try await node.house.change(as: .system) {
                            try $0.record(.tokenRevoked(person: .init(trusted: "p\(number)-\(change)")))
                        }
                    }
                }
                group.addTask { for _ in 0..<5 { try await node.publisher.publish() } }
            }
            try await group.waitForAll()
        }
        let entries = try await nodes[1].house.read { rows in
            try rows.query("SELECT entry FROM ledger WHERE kind = 'tokenRevoked'").count
        }
        #expect(entries == 300)
        for node in nodes {
            try await node.publisher.publish()
            #expect(try await Audit.run(node.house.database).findings.isEmpty)
        }
    }

    @Test func `found one house when they start at the same moment`() async throws {
        let place = try await BenchEngine.place(in: "")
        let folder = NSTemporaryDirectory() + "/lifelong-nodes-\(UUID().uuidString)"
        let houses = try await withThrowingTaskGroup(of: House.self) { group in
            for _ in 0..<3 { group.addTask { try await HouseBench.house(place, keys: folder) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for house in houses {
            try await house.authorities.load(from: house)
            try await house.demandSameWorld()
        }
        #expect(Set(houses.map { $0.authorities.all.map(\.certificate) }).count == 1)
        #expect(try await Audit.run(houses[0].database).findings.isEmpty)
        await #expect(throws: Refusal.self) {
            try await HouseBench.house(place, keys: folder + "-other").demandSameWorld()
        }
        for house in houses { try house.database.close() }
        for path in [folder, folder + "-other"] { try? FileManager.default.removeItem(atPath: path) }
    }
}
