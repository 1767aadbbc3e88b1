import Foundation
import KeysFile
import Ledger
import Passport
import Registry
import Store
import Testing
import Wire
import Workbench

@Suite struct `The publisher` {
    private func event(_ number: Int) -> Event { .tokenRevoked(person: .init(trusted: "p\(number)")) }

    private func record(_ count: Int, in house: House) async throws {
        try await house.change(as: .system) { change in for number in 0..<count { try change.record(event(number)) } }
    }

    private func head(_ house: House, _ publisher: Publisher) async throws -> TreeHead {
        let note = try await house.read { try LedgerReader.checkpoint(in: $0).note }
        return try Checkpoint(note: Array(note.utf8), key: publisher.verifierKey).head
    }

    /// The root of all committed leaves, computed anew.
    private func root(_ house: House) async throws -> Digest {
        let leaves = try await house.read { rows in
            try rows.query("SELECT entry FROM ledger ORDER BY idx").map { MerkleTree.leafHash(try $0.bytes("entry")) }
        }
        return MerkleTree.root(of: leaves)
    }

    @Test func `adds to the tree what was committed since, in steps of any size`() async throws {
        let bench = try await HouseBench()
        for count in [1, 2, 253, 1, 300, 1] {
            try await record(count, in: bench.house)
            try await bench.publisher.publish()
            let head = try await head(bench.house, bench.publisher)
            #expect(head.root == (try await root(bench.house)))
        }
        let before = try await head(bench.house, bench.publisher)
        try await bench.publisher.publish()
        #expect(try await head(bench.house, bench.publisher) == before)
    }

    @Test func `catches up after a crash between commit and checkpoint`() async throws {
        let bench = try await HouseBench()
        try await bench.publisher.publish()
        try await record(10, in: bench.house)
        // The program ends here; the next one finds leaves without a checkpoint.
        let next = try await House(
            database: bench.house.database, keys: FileKeyStore(folder: bench.folder + "/keys"),
            settings: bench.house.settings,
            log: bench.house.log, clock: bench.house.clock, random: bench.house.random)
        let publisher = try Publisher(next)
        try await publisher.publish()
        #expect(publisher.verifierKey == bench.publisher.verifierKey)
        let size = try await next.read { try $0.count("SELECT COUNT(*) AS n FROM ledger") }
        #expect(try await head(next, publisher).size == Int64(size))
        #expect(try await head(next, publisher).root == root(next))
    }

    @Test func `signs nothing over a gap`() async throws {
        let bench = try await HouseBench()
        try await bench.publisher.publish()
        let before = try await head(bench.house, bench.publisher)
        try await record(5, in: bench.house)
        _ = try await bench.house.database.write { rows in
            try rows.execute("DELETE FROM ledger WHERE idx = $1", [.int(before.size + 2)])
        }
        await #expect { try await bench.publisher.publish() } throws: {
            ($0 as? Refusal)?.detail.contains("entry \(before.size + 2)") == true
        }
        #expect(try await head(bench.house, bench.publisher) == before)
    }

    @Test func `of two nodes makes one history`() async throws {
        let bench = try await HouseBench()
        let other = try Publisher(bench.house)
        for round in 0..<5 {
            try await record(20 + round, in: bench.house)
            async let first: Void = bench.publisher.publish()
            async let second: Void = other.publish()
            _ = try await (first, second)
        }
        let sizes = try await bench.house.read { rows in
            try rows.query("SELECT size FROM checkpoint ORDER BY size").map { try $0.int("size") }
        }
        #expect(sizes == Array(Set(sizes)).sorted())
        #expect(try await head(bench.house, bench.publisher).root == root(bench.house))
        #expect(try await Audit.run(bench.house.database).findings.isEmpty)
    }

    @Test func `sleeps while nothing happens and wakes with a commit`() async throws {
        let signal = CommitSignal()
        let clock = ContinuousClock()
        // A timer that was called off must not count as a commit: three waits that are cut short, then a quiet one.
        for _ in 0..<3 {
            signal.signal()
            await signal.wait(atMost: .seconds(30))
        }
        let quiet = await clock.measure { await signal.wait(atMost: .milliseconds(300)) }
        #expect(quiet >= .milliseconds(290))
        let woken = await clock.measure {
            async let waiting: Void = signal.wait(atMost: .seconds(30))
            try? await Task.sleep(for: .milliseconds(50))
            signal.signal()
            await waiting
        }
        #expect(woken < .seconds(5))
    }
}
