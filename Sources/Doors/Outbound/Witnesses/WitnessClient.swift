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
        let (response, body) = try await exchange(message, limit: WitnessReply.maximumBytes)
        return WitnessReply(
            status: Int(response.status.code), contentType: response.headers.first(name: "Content-Type"), body: body,
            to: request.note, from: address.key)
    }

    /// The latest checkpoint that it cosigned for a log (Monitor Retrieval Mechanism).
    func checkpoint(of origin: String, from address: WitnessAddress) async throws -> [UInt8] {
        let name = Hex.encode(SHA256.hash(data: Array(origin.utf8)))
        let (response, body) = try await exchange(
            HTTPClientRequest(url: "\(address.url)/\(name)/checkpoint"), limit: Note.maximumBytes)
        guard response.status == .ok else {
            throw Refusal(.notFound, "It shows no checkpoint of ours.", hint: "Ask its operator.")
        }
        return body
    }

    private func exchange(
        _ request: HTTPClientRequest, limit: Int
    ) async throws -> (response: HTTPClientResponse, body: [UInt8]) {
        var request = request
        request.headers.add(name: "User-Agent", value: "lifelong")
        request.headers.add(name: "Accept-Encoding", value: "identity")
        do {
            return try await within(seconds: timeoutSeconds) { [request] in
                try await HTTPClient.witnesses.execute(request, timeout: .seconds(timeoutSeconds)).read(limit)
            }
        } catch is NIOTooManyBytesError {
            throw Refusal(.tooLarge, "Its answer has more than \(limit) bytes.", hint: "Ask its operator.")
        } catch let refusal as Refusal {
            throw refusal
        } catch {
            throw Refusal(
                .unavailable, "It cannot be reached: \(String(describing: error).prefix(120)).",
                hint: "Check its address and the network.")
        }
    }
}

extension HTTPClient {
    /// One for the process: connections to a witness are kept alive, which the standard asks for.
    fileprivate static let witnesses: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.timeout = .init(connect: .seconds(5), read: .seconds(10))
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.redirectConfiguration = .disallow
        return HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration)
    }()
}

extension HTTPClientResponse {
    fileprivate func read(_ limit: Int) async throws -> (response: HTTPClientResponse, body: [UInt8]) {
        (self, Array(try await body.collect(upTo: limit).readableBytesView))
    }
}

/// A witness that sends a byte now and then must not hold a round for ever.
private func within<Value: Sendable>(
    seconds: Int64, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: .seconds(seconds))
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let value = first else {
            throw Refusal(
                .unavailable, "It did not answer within \(seconds) seconds.", hint: "Ask its operator, and wait.")
        }
        return value
    }
}
