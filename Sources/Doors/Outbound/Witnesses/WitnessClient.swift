import AsyncHTTPClient
import Crypto
import Ledger
import NIOCore
import NIOHTTP1
import Registry
import Wire

/// The client's side of C2SP tlog-witness over HTTP, bounded in bytes and in time.
struct WitnessClient: Sendable {
    let timeoutSeconds: Int64

    /// Submits a checkpoint. Throws where the witness cannot be reached; what it says is in the reply.
    func add(_ request: WitnessRequest, to address: WitnessAddress) async throws -> WitnessReply {
        var message = HTTPClientRequest(url: "\(address.url)/add-checkpoint")
        message.method = .POST
        message.headers.add(name: "Content-Type", value: "text/plain; charset=utf-8")
        message.body = .bytes(ByteBuffer(bytes: request.bytes))
        let (response, body) = try await Exchange.send(
            message, limit: WitnessReply.maximumBytes, seconds: timeoutSeconds)
        return WitnessReply(
            status: Int(response.status.code), contentType: response.headers.first(name: "Content-Type"), body: body,
            to: request.note, from: address.key)
    }

    /// The latest checkpoint that it cosigned for a log (Monitor Retrieval Mechanism).
    func checkpoint(of origin: String, from address: WitnessAddress) async throws -> [UInt8] {
        let name = Hex.encode(SHA256.hash(data: Array(origin.utf8)))
        let (response, body) = try await Exchange.send(
            HTTPClientRequest(url: "\(address.url)/\(name)/checkpoint"), limit: Note.maximumBytes,
            seconds: timeoutSeconds)
        guard response.status == .ok else {
            throw Refusal(.notFound, "It shows no checkpoint of ours.", hint: "Ask its operator.")
        }
        return body
    }
}
