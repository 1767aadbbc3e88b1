import Foundation
import Ledger
import Passport
import Registry
import Store
import Synchronization
import Testing
import Wire
import Workbench

@Suite struct `The journal` {
    private struct Stop: Error {}

    private func event(_ number: Int) -> Event { .tokenRevoked(person: .init(trusted: "p\(number)")) }

    /// Indexes in the ledger, in order; the ledger's own idea of its size.
    private func ledger(_ house: House) async throws -> (indexes: [Int], size: Int) {
        try await house.read { rows in
            (
                try rows.query("SELECT idx FROM ledger ORDER BY idx").map { try $0.int("idx") },
                try rows.first("SELECT size FROM ledger_size")?.int("size") ?? -1
            )
        }
    }

    @Test func `gives every leaf one index without a gap, however many write at once and whoever is refused`()
        async throws
    {
        let bench = try await HouseBench()
        let before = try await ledger(bench.house).size
        let refused = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<400 {
                group.addTask {
                    do {
                        try await bench.house.change(as: .system) { change in
                            try change.record(event(number))
                            if number % 4 == 0 { throw Stop() }
                            try change.record(event(1000 + number))
                        }
                        return false
                    } catch is Stop {
                        return true
                    }
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(refused == 100)
        let (indexes, size) = try await ledger(bench.house)
        #expect(indexes == Array(0..<size) && size == before + 600)
        let stayed = try await bench.house.read { rows in
            try rows.query("SELECT entry FROM ledger WHERE kind = 'tokenRevoked'").map {
                String(decoding: try $0.bytes("entry"), as: UTF8.self)
            }
        }
        #expect(!stayed.contains { $0.contains("\"p0\"") || $0.contains("\"p4\"") })
    }

    @Test func `lets many writers share a commit`() async throws {
        let bench = try await CountingHouse()
        let before = bench.database.writes
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<500 {
                group.addTask { _ = try await bench.house.change(as: .system) { try $0.record(event(number)) } }
            }
            try await group.waitForAll()
        }
        let commits = bench.database.writes - before
        #expect(commits < 100, "\(commits) commits for 500 changes")
    }

    @Test func `keeps what a refused change counted, and undoes all else of it`() async throws {
        let bench = try await HouseBench()
        let size = try await ledger(bench.house).size
        let refusal = Refusal(.forbidden, "wrong", hint: "Try another.")
        await #expect(throws: refusal) {
            try await bench.house.change(as: .system) { change in
                try change.record(event(1))
                throw change.refuseKeeping(refusal)
            }
        }
        #expect(try await ledger(bench.house).size == size + 1)
    }

    @Test func `ends alone a change for which something else than the database is away`() async throws {
        let bench = try await HouseBench()
        let size = try await ledger(bench.house).size
        let away = Refusal(.unavailable, "The key is away.", hint: "Attach the token.")
        let outcomes = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<50 {
                group.addTask {
                    do {
                        _ = try await bench.house.change(as: .system) { change in
                            try change.record(event(number))
                            if number == 25 { throw away }
                        }
                        return true
                    } catch let refusal as Refusal where refusal == away {
                        return false
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count { $0 } == 49)
        #expect(try await ledger(bench.house).size == size + 49)
    }

    @Test func `refuses to record while the clock is behind the ledger`() async throws {
        let bench = try await HouseBench()
        _ = try await bench.house.change(as: .system) { try $0.record(event(1)) }
        let size = try await ledger(bench.house).size
        bench.clock.advance(seconds: -200)
        // A small step back is bridged: the ledger's time never runs backwards.
        let at = try await bench.house.change(as: .system) { change in
            try change.record(event(2))
            return change.now
        }
        #expect(at > bench.clock.now)
        bench.clock.advance(seconds: -200)
        await #expect { _ = try await bench.house.change(as: .system) { try $0.record(event(3)) } } throws: { error in
            let refusal = error as? Refusal
            return refusal?.code == .unavailable && refusal?.detail.contains("clock") == true
                && refusal?.hint.contains("NTP") == true
        }
        #expect(try await ledger(bench.house).size == size + 1)
        bench.clock.advance(seconds: 500)
        _ = try await bench.house.change(as: .system) { try $0.record(event(4)) }
        #expect(try await ledger(bench.house).size == size + 2)
    }
}
