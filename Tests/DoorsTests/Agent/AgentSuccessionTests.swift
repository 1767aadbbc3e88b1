import Agent
import Foundation
import Testing
import Trust
import Wire

@Suite struct `A device that knows an old release key` {
    private func statement(
        _ number: Int, naming: [EphemeralKey], signedBy: [EphemeralKey], role: KeySuccession.Role = .release
    ) throws -> Seal {
        let statement = KeySuccession(
            role: role, number: number, keys: naming.map { Base64.encode($0.publicKeyDER) }, at: AgentBench.now)
        return try Seal.sign(
            type: Seal.PayloadType.succession, payload: try CanonicalJSON.encode(statement), with: signedBy)
    }

    private func anchor(_ disk: MemoryDisk) throws -> ServiceAnchor {
        try #require(try disk.read(ServiceAnchor.self, from: AgentHome("/home").service))
    }

    @Test func `follows a statement under it, takes releases under the new one, and keeps that`() async throws {
        try await Life.lead { life in
            let (old, new) = (life.bench.releaseKey, EphemeralKey())
            try await life.enrol()
            #expect(life.minded.look { $0.reports.last?.succession } == 0)
            let first = try statement(1, naming: [new, old], signedBy: [new, old])
            let second = try statement(2, naming: [new], signedBy: [new, old])
            life.minded.change { $0.successions = [first, second] }
            // The statement and the first release under the new key come in one answer.
            try life.offer(Array("image 1".utf8), key: new)
            try await life.once()
            #expect(try life.running() == 1)
            let kept = try anchor(life.disk)
            #expect(kept.releaseKeys == [Base64.encode(new.publicKeyDER)] && kept.succession == 2)
            // After another start it reports it, and the dropped key is not believed any more.
            try life.offer(Array("image 2".utf8), sequence: 2, key: old)
            try await life.once()
            #expect(life.minded.look { $0.reports.last?.succession } == 2)
            #expect(try life.running() == 1 && life.receipts.contains(.refused))
        }
    }

    @Test func `changes nothing for a statement that is forged, rolled back, cut off or too large`() async throws {
        try await Life.lead { life in
            let (old, new, thief) = (life.bench.releaseKey, EphemeralKey(), EphemeralKey())
            try await life.enrol()
            life.minded.change {
                $0.successions = [try? statement(3, naming: [new, old], signedBy: [new, old])].compactMap { $0 }
            }
            try await life.once()
            let before = try anchor(life.disk)
            #expect(before.succession == 3)
            var cut = try statement(4, naming: [new], signedBy: [new])
            cut.payload = String(cut.payload.prefix(32))
            let large = try Seal.sign(
                type: Seal.PayloadType.succession,
                payload: try CanonicalJSON.encode(["x": String(repeating: "x", count: KeySuccession.maximumBytes)]),
                with: [new])
            let forged: [Seal] = [
                try statement(4, naming: [thief], signedBy: [thief]),
                try statement(4, naming: [thief], signedBy: [old]),
                try statement(2, naming: [old], signedBy: [new, old]),
                try statement(4, naming: [thief], signedBy: [thief, old], role: .permit), cut, large,
            ]
            for (index, seal) in forged.enumerated() {
                // What comes behind a refused one is not looked at.
                let behind = try statement(5, naming: [thief], signedBy: [thief])
                life.minded.change { $0.successions = [seal, behind] }
                try await life.once()
                #expect(try anchor(life.disk) == before, "\(index)")
            }
            // It goes on with its life, and with the next true statement.
            life.minded.change {
                $0.successions = [try? statement(4, naming: [new], signedBy: [new, old])].compactMap { $0 }
            }
            try await life.once()
            #expect(try anchor(life.disk).succession == 4)
        }
    }

    @Test func `knows the old one or the new one, whenever the power goes`() async throws {
        try await Life.lead { life in
            let (old, new) = (life.bench.releaseKey, EphemeralKey())
            try await life.enrol()
            let before = try anchor(life.disk)
            let seal = try statement(1, naming: [new], signedBy: [new, old])
            life.minded.change { $0.successions = [seal] }
            let start = life.disk.copy()
            let whole = start.copy()
            func live(_ disk: MemoryDisk) async throws {
                _ = try await life.bench.agent(
                    on: disk, keys: life.keys, port: life.service.port, transport: life.transport
                ).run(once: true)
            }
            try await live(whole)
            #expect(try anchor(whole).succession == 1)
            for cut in 1...(whole.operations - start.operations) {
                for aftermath in MemoryDisk.Aftermath.allCases {
                    let disk = start.copy()
                    disk.cutPower(at: cut, persisted: cut.isMultiple(of: 2))
                    try? await live(disk)
                    disk.restart(aftermath)
                    let found = try anchor(disk)
                    #expect(found == before || found.succession == 1, "cut at \(cut), \(aftermath)")
                    try await live(disk)
                    #expect(try anchor(disk).succession == 1, "cut at \(cut), \(aftermath)")
                }
            }
        }
    }
}
