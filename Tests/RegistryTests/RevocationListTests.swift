import Foundation
import KeysFile
import Ledger
import Passport
import Registry
import Retirement
import Store
import Testing
import Wire
import Workbench

@Suite struct `A revocation list` {
    private func revoked(_ bench: HouseBench) async throws -> String {
        let unit = try await bench.makeUnits(1)[0]
        try await bench.pair(unit, with: try await bench.ownership())
        _ = try await bench.enrol(unit)
        _ = try await bench.house.perform(RetireDevice(device: unit.serial, how: .recycled), as: .system)
        return try await bench.house.read { rows in
            try #require(try rows.first("SELECT serial FROM certificate WHERE state = 'revoked'")).text("serial")
        }
    }

    private func listed(_ bench: HouseBench) async throws -> [String] {
        let der = try await bench.house.read { rows in
            try rows.first("SELECT der FROM crl WHERE authority = 'operational-issuing-1'")?.bytes("der")
        }
        return try der.map { try RevocationLists.serials($0) } ?? []
    }

    @Test func `has each certificate once more after its end`() async throws {
        let bench = try await HouseBench()
        let serial = try await revoked(bench)
        try await bench.publisher.publish()
        #expect(try await listed(bench) == [serial])
        bench.clock.advance(days: 89)
        try await bench.publisher.publish()
        #expect(try await listed(bench) == [serial])
        // RFC 5280 §3.3: it stays until it stood on a list from after its end.
        bench.clock.advance(days: 2)
        try await bench.publisher.publish()
        #expect(try await listed(bench) == [serial])
        bench.clock.advance(days: 1)
        try await bench.publisher.publish()
        #expect(try await listed(bench).isEmpty)
    }

    @Test(arguments: ["ledger-1", "maker-root"])
    func `is published although another key of the house does not answer`(_ label: String) async throws {
        let folder = NSTemporaryDirectory() + "/lifelong-lame-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let lame = LameKeys()
        let bench = try await HouseBench(
            keys: WatchedKeys(FileKeyStore(folder: folder)) { try lame.demand($0) })
        let serial = try await revoked(bench)
        lame.set([label])
        await #expect { try await bench.publisher.publish() } throws: {
            ($0 as? Refusal)?.detail.contains(label) == true
        }
        #expect(try await listed(bench) == [serial])
        lame.set([])
        try await bench.publisher.publish()
    }

    @Test func `and the rest go on by themselves while the ledger's key does not answer`() async throws {
        let folder = NSTemporaryDirectory() + "/lifelong-lame-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let lame = LameKeys()
        let bench = try await HouseBench(
            keys: WatchedKeys(FileKeyStore(folder: folder)) { try lame.demand($0) })
        lame.set(["ledger-1"])
        let publisher = Task { await bench.publisher.run() }
        let serial = try await revoked(bench)
        for _ in 0..<500 where try await listed(bench) != [serial] { try await Task.sleep(for: .milliseconds(20)) }
        #expect(try await listed(bench) == [serial])
        publisher.cancel()
        await publisher.value
        #expect(try await bench.house.read { try $0.count("SELECT COUNT(*) AS n FROM checkpoint") } == 0)
    }
}
