import Crypto
import Foundation
import Ledger
import Testing
import Wire
import Witness

@Suite struct `A witness over HTTP` {
    private let log: LogFixture
    private let other: LogFixture
    init() throws { (log, other) = (try LogFixture(counting: 600), try LogFixture([[1]])) }

    private func request(from old: Int64, to new: Int64, of log: LogFixture? = nil) throws -> [UInt8] {
        let log = log ?? self.log
        return WitnessRequest(
            oldSize: old, proof: try log.consistency(from: old, to: new), note: try log.checkpoint(at: new)
        )
        .bytes
    }

    @Test func `speaks the protocol to the letter`() async throws {
        let witness = try LiveWitness("witness.example/w1", trusting: [log.key])
        let digest = Hex.encode(SHA256.hash(data: Array(log.key.name.utf8)))
        let (key, checkpoint) = (log.key, try log.checkpoint(at: 300))
        let (first, second) = (try request(from: 0, to: 300), try request(from: 300, to: 600))
        let tooFar = try request(from: 0, to: 600)
        let others: [(body: [UInt8], status: Int)] = [
            // Another log under the same name, and nothing that is a request.
            (try request(from: 0, to: 1, of: other), 403), (Array("old 1\n".utf8), 400), ([], 400),
            (try request(from: 600, to: 300), 400), (try request(from: 600, to: 600), 200),
            ([UInt8](repeating: 65, count: WitnessRequest.maximumBytes + 1), 413),
        ]
        try await witness.serve { port in
            let prefix = "http://127.0.0.1:\(port)"
            let add = "\(prefix)/add-checkpoint"
            let answer1 = try await Plain.send("\(prefix)/\(digest)/checkpoint")
            #expect(answer1.status == 404)
            let cosigned = try await Plain.send(add, first)
            #expect(cosigned.status == 200 && cosigned.text.hasPrefix("— witness.example/w1 "))
            #expect(cosigned.text.hasSuffix("=\n"))
            let quorum = try WitnessQuorum([witness.key])
            let note = checkpoint + cosigned.body
            let seen = try WitnessedCheckpoint(note: note, key: key, quorum: quorum)
            #expect(seen.cosignatures.map(\.at) == [Timestamp(year: 2026, month: 2, day: 3)])
            let answer2 = try await Plain.send("\(prefix)/\(digest)/checkpoint")
            #expect(answer2.body == note)
            let answer3 = try await Plain.send("\(prefix)/vkey")
            #expect(answer3.text == "\(witness.key)\n")
            let conflict = try await Plain.send(add, tooFar)
            #expect(conflict.status == 409 && conflict.text == "300\n" && conflict.type == "text/x.tlog.size")
            let answer4 = try await Plain.send(add, second)
            #expect(answer4.status == 200)
            for (body, status) in others { #expect(try await Plain.send(add, body).status == status) }
            let answer5 = try await Plain.send(add)
            #expect(answer5.status >= 400)
        }
    }

    @Test func `never cosigns two histories, however many ask at once`() async throws {
        let witness = try LiveWitness("w", trusting: [log.key])
        let twin = try LogFixture((0..<600).map { Array("twin \($0)".utf8) }, signer: log.signer)
        let requests = try stride(from: Int64(1), through: 600, by: 40).flatMap { size in
            [try request(from: 0, to: size), try request(from: 0, to: size, of: twin)]
        }
        try await witness.serve { port in
            let statuses = await withTaskGroup(of: Int?.self) { group in
                for body in requests {
                    group.addTask { try? await Plain.send("http://127.0.0.1:\(port)/add-checkpoint", body).status }
                }
                return await group.reduce(into: [Int]()) { if let status = $1 { $0.append(status) } }
            }
            #expect(statuses.count == requests.count)
            #expect(statuses.filter { $0 == 200 }.count == 1, "\(statuses)")
            #expect(Set(statuses).subtracting([200, 409]).isEmpty)
        }
    }

    @Test func `remembers after a restart, and lets nothing out that is not on disk`() async throws {
        let disk = WitnessDisk()
        let witness = try LiveWitness("w", trusting: [log.key], disk: disk)
        let twin = try LogFixture((0..<600).map { Array("twin \($0)".utf8) }, signer: log.signer)
        let bodies = (
            first: try request(from: 0, to: 10), next: try request(from: 10, to: 20),
            other: try request(from: 10, to: 20, of: twin), late: try request(from: 20, to: 30)
        )
        try await witness.serve { port in
            let add = "http://127.0.0.1:\(port)/add-checkpoint"
            let answer6 = try await Plain.send(add, bodies.first)
            #expect(answer6.status == 200)
            disk.set(.fails)
            let answer7 = try await Plain.send(add, bodies.next)
            #expect(answer7.status == 500)
            disk.set(.none)
            let answer8 = try await Plain.send(add, bodies.other)
            #expect(answer8.status == 422)
            // Failed, but persisted: from now on that is what it knows, with or without a restart.
            disk.set(.failsAfterWriting)
            let answer9 = try await Plain.send(add, bodies.next)
            #expect(answer9.status == 500)
            disk.set(.none)
            let answer10 = try await Plain.send(add, bodies.next)
            #expect(answer10.text == "20\n")
        }
        try await witness.serve { port in
            let add = "http://127.0.0.1:\(port)/add-checkpoint"
            let (first, late) = (try await Plain.send(add, bodies.first), try await Plain.send(add, bodies.late))
            #expect(first.text == "20\n" && late.status == 200)
        }
    }

    @Test func `does not start on a damaged memory, and never starts one afresh`() async throws {
        let witness = try LiveWitness("w", trusting: [log.key])
        let body = try request(from: 0, to: 10)
        try await witness.serve { port in
            let answer = try await Plain.send("http://127.0.0.1:\(port)/add-checkpoint", body)
            #expect(answer.status == 200)
        }
        #expect(throws: Refusal.self) { try witness.home().trust(log.key, origin: nil) }
        let file = try #require(
            FileManager.default.contentsOfDirectory(atPath: witness.folder + "/logs").first.map {
                witness.folder + "/logs/\($0)"
            })
        var bytes = try Data(contentsOf: URL(filePath: file))
        bytes[bytes.count - 20] ^= 1
        try bytes.write(to: URL(filePath: file))
        await #expect(throws: Refusal.self) { try await witness.serve { _ in } }
        // Lost altogether, it does not know the log any more.
        try FileManager.default.removeItem(atPath: file)
        try await witness.serve { port in
            let answer = try await Plain.send("http://127.0.0.1:\(port)/add-checkpoint", body)
            #expect(answer.status == 404)
        }
    }
}
