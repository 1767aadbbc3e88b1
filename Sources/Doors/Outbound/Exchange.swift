import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Wire

/// One request to somebody outside, bounded in bytes and in time; a redirect is an answer like any other and is not followed.
enum Exchange {
    static func send(
        _ request: HTTPClientRequest, limit: Int, seconds: Int64
    ) async throws -> (response: HTTPClientResponse, body: [UInt8]) {
        var request = request
        request.headers.add(name: "User-Agent", value: "lifelong")
        request.headers.add(name: "Accept-Encoding", value: "identity")
        do {
            return try await within(seconds: seconds) { [request] in
                try await HTTPClient.outbound.execute(request, timeout: .seconds(seconds)).read(limit)
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

    /// Who sends a byte now and then must not hold a round for ever.
    private static func within<Value: Sendable>(
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
}

extension HTTPClient {
    /// One for the process: connections are kept alive, which witnesses ask for.
    fileprivate static let outbound: HTTPClient = {
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
