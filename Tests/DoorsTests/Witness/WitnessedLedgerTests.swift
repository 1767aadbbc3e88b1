import Foundation
import Ledger
import NIOHTTP1
import Registry
import Server
import Testing
import Trust
import Wire
import Workbench

@Suite struct `A ledger with witnesses` {
    private let cosigner: Cosigner
    init() throws { cosigner = try Cosigner(name: "witness.example/w1", key: EphemeralKey(.ed25519)) }

    private func house() async throws -> HouseBench {
        let key = cosigner.key
        let bench = try await HouseBench(atRealTime: {
            $0.witnesses = [WitnessAddress(url: "https://witness.example", key: key)]
        })
        try await Witnesses.enlist(bench.house)
        try await bench.publisher.publish()
        return bench
    }

    /// What the courier does, without a wire.
    private func cosign(_ bench: HouseBench) async throws -> Int64 {
        let round = try #require(try await Witnesses.begin(bench.house, holder: "test"))
        let request = WitnessRequest(oldSize: 0, proof: [], note: Array(round.note.utf8))
        let key = bench.publisher.verifierKey
        let line = try WitnessedLog(origin: key.name, keys: [key]).cosign(request, by: cosigner, at: bench.clock.now)
            .line
        let reply = WitnessReply(status: 200, contentType: nil, body: line, to: request.note, from: cosigner.key)
        guard case .cosigned(let cosignature, let kept) = reply else { throw CancellationError() }
        try await Witnesses.record(cosignature, line: kept, of: round.checkpoint, bench.house)
        try await Witnesses.end(round, bench.house)
        return round.checkpoint.size
    }

    @Test func `shows cosigned checkpoints to anybody, and the newest one too`() async throws {
        let bench = try await house()
        try await DeviceBench.run(bench) { door in
            let before = try await door.anybody.get("/ledger/witnessed/checkpoint")
            #expect(before.status == 404)
            let size = try await cosign(bench)
            _ = try await bench.owner("Ada")
            _ = try await bench.person("grace", .support)
            try await bench.publisher.publish()
            let quorum = try WitnessQuorum([cosigner.key])
            let key = bench.publisher.verifierKey
            let witnessed = try await door.anybody.get("/ledger/witnessed/checkpoint")
            #expect(try WitnessedCheckpoint(note: witnessed.body, key: key, quorum: quorum).checkpoint.size == size)
            let newest = try await door.anybody.get("/ledger/checkpoint")
            #expect(try Checkpoint(note: newest.body, key: key).size > size)
            #expect(throws: Refusal.self) { try WitnessedCheckpoint(note: newest.body, key: key, quorum: quorum) }
            // The same tiles below both.
            let path = "tile/entries/000.p/\(size)"
            let (one, other) = (
                try await door.anybody.get("/ledger/\(path)"), try await door.anybody.get("/ledger/witnessed/\(path)")
            )
            #expect(one.status == 200 && one.body == other.body)
            let outside = try await door.anybody.get("/ledger/witnessed/tile/../checkpoint")
            #expect(outside.status == 404)
        }
    }

    @Test func `without any says so`() async throws {
        let bench = try await HouseBench(atRealTime: { _ in })
        try await bench.publisher.publish()
        try await DeviceBench.run(bench) { door in
            let answer = try await door.anybody.get("/ledger/witnessed/checkpoint")
            #expect(answer.status == 404 && answer.text.contains("no witnesses"))
        }
        let list = try await bench.reading.witnesses(as: .system)
        #expect(list.witnesses.isEmpty && list.quorum == 0)
    }

    @Test func `shows its witnesses to who may read it, by API`() async throws {
        let bench = try await house()
        _ = try await bench.person("sam", .auditor)
        let owner = try await bench.owner("Ada")
        _ = try await bench.person("ada", .owner, owner: owner)
        let tokens = (auditor: try await bench.token(for: "sam"), owner: try await bench.token(for: "ada"))
        try await LiveDoor.run(bench) { door in
            let path = "/api/v1/ledger/witnesses"
            let fresh = try await door.send(.GET, path, token: tokens.auditor).decoded(WitnessList.self)
            #expect(fresh.witnesses.map(\.standing) == [.new] && fresh.quorum == 1 && fresh.witnessedSize == 0)
            let size = try await cosign(bench)
            let list = try await door.send(.GET, path, token: tokens.auditor).decoded(WitnessList.self)
            #expect(list.witnesses.first?.standing == .agrees && list.witnesses.first?.size == size)
            #expect(list.witnessedSize == size && list.witnesses.first?.vkey == cosigner.key.description)
            let (refused, nobody) = (
                try await door.send(.GET, path, token: tokens.owner), try await door.send(.GET, path)
            )
            #expect(refused.status == 403 && nobody.status == 401)
        }
    }
}
