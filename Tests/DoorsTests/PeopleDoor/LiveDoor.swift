import AsyncHTTPClient
import Foundation
import Hummingbird
import Ledger
import Logging
import NIOCore
import NIOHTTP1
import Registry
import Server
import Wire
import Workbench

/// The people's door on a free port of the loopback, over a bench's house, for as long as `body` runs.
struct LiveDoor: Sendable {
    let bench: HouseBench
    let port: Int

    struct Answer: Sendable {
        var status: UInt
        var headers: HTTPHeaders
        var body: [UInt8]

        func decoded<T: Decodable>(_ type: T.Type) throws -> T {
            try CanonicalJSON.decode(type, from: body, limit: 64 << 20)
        }
        /// Also in hawkBit's form, whose rule is among its parameters.
        var refusal: Refusal? {
            struct Failure: Decodable {
                var message: String
                var parameters: [String: String]?
            }
            return (try? decoded(Refusal.self))
                ?? (try? decoded(Failure.self)).map {
                    Refusal(.forbidden, $0.message, hint: "", rule: $0.parameters?["rule"])
                }
        }
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    static func run(
        _ bench: HouseBench, pages: PeopleDoor.Pages = .plain, origin: String? = nil, health: Health = Health(),
        _ body: @escaping @Sendable (LiveDoor) async throws -> Void
    ) async throws {
        let door = PeopleDoor(
            house: bench.house, publisherKey: bench.publisher.verifierKey,
            settings: .init(isSecure: false, origin: origin), pages: pages, health: health)
        let (ports, port) = AsyncStream<Int>.makeStream()
        let application = Application(
            router: door.router(), configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in port.yield(channel.localAddress?.port ?? 0) }, logger: bench.house.log)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            for await port in ports {
                try await body(LiveDoor(bench: bench, port: port))
                break
            }
            group.cancelAll()
        }
    }

    func send(
        _ method: HTTPMethod, _ path: String, token: String? = nil, headers: HTTPHeaders = [:], body: [UInt8]? = nil,
        type: String? = "application/json"
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = method
        request.headers = headers
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        if let body {
            request.body = .bytes(ByteBuffer(bytes: body))
            if let type { request.headers.replaceOrAdd(name: "Content-Type", value: type) }
        }
        let response = try await Self.client.execute(request, timeout: .seconds(30))
        let bytes = try await response.body.collect(upTo: 64 << 20)
        return Answer(status: response.status.code, headers: response.headers, body: Array(buffer: bytes))
    }

    func post(_ action: String, _ json: String, token: String? = nil, headers: HTTPHeaders = [:]) async throws -> Answer
    {
        try await send(.POST, "/api/v1/\(action)", token: token, headers: headers, body: Array(json.utf8))
    }

    /// Follows no redirect, as the tests look at them.
    static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()
}

/// A bench with one person of each role and their tokens.
struct Staff: Sendable {
    let bench: HouseBench
    let owner: OwnerID
    let tokens: [Role: String]

    init() async throws {
        bench = try await HouseBench()
        owner = try await bench.owner("Ada Lovelace")
        var tokens: [Role: String] = [:]
        for role in [Role.makerAdmin, .station, .owner, .support, .auditor] {
            _ = try await bench.person(role.rawValue, role, owner: role == .owner ? owner : nil)
            tokens[role] = try await bench.token(for: role.rawValue)
        }
        self.tokens = tokens
    }
}
