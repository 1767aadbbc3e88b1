import Ledger
import Passport
import Registry
import Store
import Testing
import Trust
import Wire
import Workbench

@Suite struct `Old checkpoints` {
    private func grow(_ bench: HouseBench) async throws -> Checkpoint {
        _ = try await bench.house.change(as: .system) { try $0.record(.tokenRevoked(person: .init(trusted: "p"))) }
        try await bench.publisher.publish()
        let note = try await bench.house.read { try LedgerReader.checkpoint(in: $0).note }
        return try Checkpoint(note: Array(note.utf8), key: bench.publisher.verifierKey)
    }

    private func sizes(_ house: House) async throws -> [Int64] {
        try await house.read { rows in
            try rows.query("SELECT size FROM checkpoint ORDER BY size").map { Int64(try $0.int("size")) }
        }
    }

    @Test func `go after a day, and whoever kept one can still be shown that the ledger only grew`() async throws {
        let bench = try await HouseBench()
        let first = try await grow(bench)
        let second = try await grow(bench)
        bench.clock.advance(seconds: OldCheckpoints.keptSeconds / 2)
        let third = try await grow(bench)
        try await OldCheckpoints.prune(bench.house)
        #expect(try await sizes(bench.house).contains(first.size))
        bench.clock.advance(seconds: OldCheckpoints.keptSeconds / 2 + 1)
        let newest = try await grow(bench)
        #expect(try await OldCheckpoints.prune(bench.house) > 0)
        #expect(try await sizes(bench.house) == [second.size, third.size, newest.size])
        #expect(try await OldCheckpoints.prune(bench.house) == 0)
        try await bench.house.read { rows in
            let tiles = StoredTiles(rows)
            let proof = try Tiles.consistency(from: first.size, to: newest.size, reading: tiles)
            try proof.verify(oldRoot: first.root, newRoot: newest.root)
        }
        #expect(try await Audit.run(bench.house.database).findings.isEmpty)
    }

    @Test func `never leave a ledger without its newest, however old that is`() async throws {
        let bench = try await HouseBench()
        let newest = try await grow(bench)
        bench.clock.advance(days: 1000)
        try await OldCheckpoints.prune(bench.house)
        #expect(try await sizes(bench.house) == [newest.size])
        #expect(try await grow(bench).size == newest.size + 1)
    }

    @Test func `stay while they are the newest that a quorum cosigned`() async throws {
        let keys = try (1...2).map { try Cosigner(name: "witness.example/w\($0)", key: EphemeralKey(.ed25519)).key }
        let bench = try await HouseBench(settings: {
            $0.witnesses = keys.map { WitnessAddress(url: "https://witness.example", key: $0) }
            $0.witnessQuorum = 2
        })
        func cosign(_ checkpoint: Checkpoint, by keys: ArraySlice<WitnessKey>) async throws {
            let at = bench.clock.now
            try await bench.house.database.write { rows in
                for key in keys {
                    try rows.execute(
                        "INSERT INTO cosignature (size, witness, line, at) VALUES ($1, $2, $3, $4)",
                        [.int(checkpoint.size), .text("\(key)"), "line\n", Value(at)])
                }
            }
        }
        let first = try await grow(bench)
        try await cosign(first, by: keys[...])
        let witnessed = try await grow(bench)
        try await cosign(witnessed, by: keys[...])
        let half = try await grow(bench)
        try await cosign(half, by: keys.prefix(1))
        bench.clock.advance(days: 30)
        let newest = try await grow(bench)
        try await OldCheckpoints.prune(bench.house)
        #expect(try await sizes(bench.house) == [witnessed.size, half.size, newest.size])
        func shown() async throws -> Int64? {
            let witnesses = bench.house.settings.witnesses
            return try await bench.house.read { try LedgerReader.witnessed(quorum: 2, by: witnesses, in: $0)?.size }
        }
        #expect(try await shown() == witnessed.size)
        let left = try await bench.house.read { try $0.count("SELECT COUNT(*) AS n FROM cosignature") }
        #expect(left == 3)
        // However long one of the two has been away, and whoever else was asked once.
        let stranger = try Cosigner(name: "witness.example/old", key: EphemeralKey(.ed25519)).key
        try await cosign(half, by: [stranger])
        let at = bench.clock.now
        try await bench.house.database.write { rows in
            for number in 1...600 {
                try rows.execute(
                    "INSERT INTO cosignature (size, witness, line, at) VALUES ($1, $2, $3, $4)",
                    [.int(newest.size + Int64(number)), .text("\(keys[0])"), "line\n", Value(at)])
            }
        }
        #expect(try await shown() == witnessed.size)
        bench.clock.advance(days: 30)
        try await OldCheckpoints.prune(bench.house)
        #expect(try await sizes(bench.house).contains(witnessed.size))
    }
}
