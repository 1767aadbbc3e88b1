import Agent
import Foundation
import NIOHTTP1
import NIOSSL
import Trust
import Wire
import Workbench

/// The server is gone, or the answer was: whoever asked does not know whether it happened.
struct NoAnswer: Error {}

/// Requests whose answers are written down.
struct Client: Sendable {
    let world: World
    let notebook: Notebook
    private let people: BenchClient
    private let doors: World.Doors

    init(_ world: World) {
        self.world = world
        notebook = world.notebook
        doors = world.doors
        people = BenchClient(base: doors.people, tls: nil)
    }

    /// Asks for an action; the facts that follow from a yes are made of its answer.
    func perform<Input: Encodable, Answer: Decodable>(
        _ name: String, _ input: Input, token: String, answer: Answer.Type = Answer.self,
        facts: (Answer) throws -> [Fact]
    ) async throws -> Answer {
        let headers: HTTPHeaders = ["Authorization": "Bearer \(token)"]
        let body = try CanonicalJSON.encode(input)
        let answered = try await exchange(name) {
            try await people.send(.POST, "/api/v1/\(name)", body, type: "application/json", headers: headers)
        }
        let value = try answered.json(Answer.self)
        notebook.acknowledge(try facts(value))
        return value
    }

    func upload(_ bytes: [UInt8], sha256: Digest, token: String) async throws {
        _ = try await exchange("artifacts") {
            try await people.send(
                .PUT, "/api/v1/artifacts/\(sha256)", bytes, type: "application/octet-stream",
                headers: ["Authorization": "Bearer \(token)"])
        }
        notebook.acknowledge([.artifact(sha256: sha256)])
    }

    func checkpoint() async throws {
        let answer = try await exchange("checkpoint") {
            try await BenchClient(base: doors.open, tls: nil).get("/ledger/checkpoint")
        }
        notebook.saw(checkpoint: answer.text)
    }

    /// A device's connection with one of its certificates.
    func device(_ certificate: [UInt8], _ key: EphemeralKey) throws -> BenchClient {
        BenchClient(
            base: doors.device,
            tls: try ClientIdentity(chain: [certificate], key: key).tlsConfiguration(anchors: world.anchors))
    }

    /// One exchange: an answer of 2xx, a refusal that is thrown, or no answer.
    func exchange(_ path: String, _ body: () async throws -> BenchClient.Answer) async throws -> BenchClient.Answer {
        let answer: BenchClient.Answer
        do { answer = try await body() } catch {
            notebook.unknown()
            throw NoAnswer()
        }
        guard (200..<300).contains(answer.status) else {
            let refusal =
                answer.refusal ?? Refusal(.internal, "status \(answer.status): \(answer.text)", hint: "Look at it.")
            notebook.refused(refusal, at: path)
            throw refusal
        }
        return answer
    }
}
