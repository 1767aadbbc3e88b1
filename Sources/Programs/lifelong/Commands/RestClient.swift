import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import Wire

/// The people's API as a client: what docs/openapi/people.yaml says.
struct RestClient: Sendable {
    private let server: String
    private let shown: String
    private let token: String
    private let anchor: [[UInt8]]?

    /// Most bytes of an answer: a passport's evidence is the longest.
    private static let answerLimit = 64 << 20

    /// - Parameters:
    ///   - shown: what browsers call the server, if not the same.
    ///   - anchor: DER of the roots to trust; nil for the system's.
    init(server: String, shown: String? = nil, token: String, anchor: [[UInt8]]?) throws(Refusal) {
        guard let url = URL(string: server), let host = url.host(), let scheme = url.scheme,
            ["http", "https"].contains(scheme)
        else {
            throw Refusal(.malformed, "\"\(server.prefix(200))\" is no server.", hint: "Use https://HOST:PORT.")
        }
        // A token over plain HTTP is everybody's on the way.
        guard scheme == "https" || ["127.0.0.1", "localhost", "::1", "[::1]"].contains(host) else {
            throw Refusal(
                .forbidden, "A token is not sent over plain HTTP to another machine.",
                hint: "Use https://\(host), or run the command on the server.")
        }
        self.server = server.hasSuffix("/") ? String(server.dropLast()) : server
        self.shown = shown ?? self.server
        self.token = token
        self.anchor = anchor
    }

    /// Of a path that the server gave, for a browser.
    func url(_ path: String) -> String { shown + path }

    /// - Parameter path: below "/api/v1/", its parts encoded by `part`.
    func read<View: Decodable>(_ path: String, query: [(String, String?)] = []) async throws -> View {
        let given = query.compactMap { name, value in value.map { "\(name)=\(Self.part($0))" } }
        let tail = given.isEmpty ? "" : "?" + given.joined(separator: "&")
        return try await send(request(.GET, path + tail))
    }

    func perform<Answer: Decodable>(_ action: String, _ input: some Encodable) async throws -> Answer {
        var request = request(.POST, action)
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(ByteBuffer(bytes: try CanonicalJSON.encode(input)))
        return try await send(request)
    }

    /// Streams a file as an artifact under its SHA-256.
    func upload(_ file: FileHandle, size: Int64, sha256: Digest) async throws {
        struct Answer: Decodable { var size: Int }
        var request = request(.PUT, "artifacts/\(sha256)")
        request.headers.add(name: "Content-Type", value: "application/octet-stream")
        // From where it stands, and not beyond: of a bundle that is encrypted the end is not for the store.
        let end = try file.offset() + UInt64(size)
        let chunks = AsyncThrowingStream<ByteBuffer, any Error> {
            let count = min(256 << 10, Int(end - min(end, try file.offset())))
            return try file.read(upToCount: count).flatMap { $0.isEmpty ? nil : ByteBuffer(bytes: $0) }
        }
        request.body = .stream(chunks, length: .known(size))
        let _: Answer = try await send(request, within: .hours(1))
    }

    /// One part of a path or value of a query.
    static func part(_ text: String) -> String {
        let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        return text.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
    }

    private func request(_ method: HTTPMethod, _ path: String) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: "\(server)/api/v1/\(path)")
        request.method = method
        request.headers.add(name: "Authorization", value: "Bearer \(token)")
        request.headers.add(name: "Accept", value: "application/json")
        return request
    }

    private func send<Answer: Decodable>(
        _ request: HTTPClientRequest, within limit: TimeAmount = .seconds(60)
    ) async throws -> Answer {
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: try configuration())
        do {
            let response = try await client.execute(request, timeout: limit)
            let body = Array(buffer: try await response.body.collect(upTo: Self.answerLimit))
            try await client.shutdown()
            guard response.status.code < 300 else { throw refusal(response.status.code, body) }
            return try CanonicalJSON.decode(Answer.self, from: body, limit: Self.answerLimit)
        } catch {
            try? await client.shutdown()
            throw error is Refusal ? error : unreachable(error)
        }
    }

    private func configuration() throws -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .seconds(10)
        if let anchor {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .certificates(try anchor.map { try NIOSSLCertificate(bytes: $0, format: .der) })
            configuration.tlsConfiguration = tls
        }
        return configuration
    }

    private func refusal(_ status: UInt, _ body: [UInt8]) -> Refusal {
        (try? CanonicalJSON.decode(Refusal.self, from: body))
            ?? Refusal(
                .unavailable, "\(server) answered \(status) without a reason.",
                hint: "Check that --server names Lifelong's people's door.")
    }

    private func unreachable(_ error: any Error) -> Refusal {
        if error is NIOTooManyBytesError {
            return Refusal(.tooLarge, "The answer is too large.", hint: "Ask for less of it.")
        }
        if error is NIOSSLError || error is NIOSSLExtraError {
            return Refusal(
                .unavailable, "The certificate of \(server) is not trusted.",
                hint: "Give the root that it chains to with --anchor.")
        }
        return Refusal(
            .unavailable, "\(server) does not answer.",
            hint: "Start it (lifelong serve), or name another with --server or --home.")
    }
}
