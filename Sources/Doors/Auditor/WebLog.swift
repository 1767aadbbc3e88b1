import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Wire

/// A log behind a URL prefix. Bounded in bytes and in time; tries again what a busy server or a bad line may mend.
package struct WebLog: LogSource {
    package let name: String
    private let client: HTTPClient

    /// Bounds of one request, and of the attempts that it gets.
    private static let connectSeconds: Int64 = 10
    private static let idleSeconds: Int64 = 30
    private static let totalSeconds: Int64 = 120
    private static let attempts = 3

    package static func with<Result: Sendable>(
        prefix: String, _ body: (WebLog) async throws -> Result
    ) async throws -> Result {
        var configuration = HTTPClient.Configuration()
        configuration.timeout = .init(connect: .seconds(connectSeconds), read: .seconds(idleSeconds))
        // Attempts are counted here, and the person hears of a wrong port at once.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.redirectConfiguration = .follow(max: 3, allowCycles: false)
        return try await HTTPClient.withHTTPClient(configuration: configuration) { client in
            var name = prefix
            while name.hasSuffix("/") { name.removeLast() }
            return try await body(WebLog(name: name, client: client))
        }
    }

    package func read(_ path: String, limit: Int) async throws -> [UInt8]? {
        var attempt = 1
        while true {
            do {
                return try await once(path, limit: limit)
            } catch let refusal as Refusal where refusal.code == .unavailable && attempt < Self.attempts {
                try await Task.sleep(for: .milliseconds(500 * attempt))
                attempt += 1
            }
        }
    }

    private func once(_ path: String, limit: Int) async throws -> [UInt8]? {
        let url = path.isEmpty ? name : "\(name)/\(path)"
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "Accept-Encoding", value: "identity")
        request.headers.add(name: "User-Agent", value: "lifelong-auditor")
        let response: HTTPClientResponse
        let body: ByteBuffer
        do {
            response = try await client.execute(request, timeout: .seconds(Self.totalSeconds))
            // The body of an error is not read: closing the connection costs less than what it may hold.
            guard response.status == .ok else { return try Self.absent(response.status.code, url) }
            guard response.headers.first(name: "Content-Encoding").map({ $0 == "identity" }) ?? true else {
                throw Refusal(
                    .unsupported, "\(url) is compressed although that was not asked for.",
                    hint: "Ask the log's operator to serve it as it is.")
            }
            body = try await response.body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
            throw Refusal(
                .tooLarge, "\(url) has more than \(limit) bytes.", hint: "Check that the URL is the prefix of a log.")
        } catch let refusal as Refusal {
            throw refusal
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw Refusal(
                .unavailable, "\(url) cannot be read: \(error).", hint: "Check the URL and the network, and try again.")
        }
        return Array(body.readableBytesView)
    }

    private static func absent(_ status: UInt, _ url: String) throws(Refusal) -> [UInt8]? {
        switch status {
        case 404, 410: return nil
        case 429, 500...599:
            throw Refusal(.unavailable, "\(url) answers with status \(status).", hint: "Try again later.")
        default:
            throw Refusal(
                .conflict, "\(url) answers with status \(status) instead of the resource.",
                hint: "Check that the URL is the prefix of a log, readable without signing in.")
        }
    }
}
