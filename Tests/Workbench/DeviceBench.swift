import Agent
import AsyncHTTPClient
import Foundation
import Keys
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import Pairing
import Passport
import Registry
import Server
import Store
import Trust
import Wire

/// A running server on ports of its own, over a bench's house, and devices that speak with it.
///
/// The clock is moved to the real time first, because TLS clients look at their own.
package struct DeviceBench: Sendable {
    package let bench: HouseBench
    package let ports: Server.Ports
    package var house: House { bench.house }
    package var device: String { "https://localhost:\(ports.device)" }
    package var open: String { "http://127.0.0.1:\(ports.open)" }

    /// Runs a server for as long as `body` does.
    package static func run<T: Sendable>(
        _ bench: HouseBench, settings change: (inout Server.Settings) -> Void = { _ in },
        _ body: @escaping @Sendable (DeviceBench) async throws -> T
    ) async throws -> T {
        let server = try Server(bench.house, settings(change))
        let (stream, started) = AsyncStream<Server.Ports>.makeStream()
        return try await withThrowingTaskGroup(of: T?.self) { group in
            group.addTask {
                defer { started.finish() }
                try await server.run { started.yield($0) }
                return nil
            }
            group.addTask {
                for await ports in stream { return try await body(DeviceBench(bench: bench, ports: ports)) }
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }

    private static func settings(_ change: (inout Server.Settings) -> Void) -> Server.Settings {
        var settings = Server.Settings()
        settings.device = .init(host: "127.0.0.1", port: 0)
        settings.people = .init(host: "127.0.0.1", port: 0)
        settings.open = .init(host: "127.0.0.1", port: 0)
        change(&settings)
        return settings
    }

    /// The roots that vouch for the service.
    package var anchors: [[UInt8]] {
        [house.authorities.known(Authorities.Name.operationalRoot)?.certificate].compactMap { $0 }
    }

    /// One device, or nobody, on one connection that is kept alive.
    package func client(_ identity: ClientIdentity? = nil, tls version: TLSVersion? = nil) throws -> BenchClient {
        var tls = TLSConfiguration.makeClientConfiguration()
        if let identity {
            tls = try identity.tlsConfiguration(anchors: anchors)
        } else {
            tls.trustRoots = .certificates(try anchors.map { try NIOSSLCertificate(bytes: $0, format: .der) })
        }
        if let version {
            tls.minimumTLSVersion = version
            tls.maximumTLSVersion = version
        }
        return BenchClient(base: device, tls: tls)
    }

    package func birth(_ unit: BenchUnit) throws -> BenchClient {
        try client(ClientIdentity(chain: [unit.certificate], key: unit.key))
    }

    /// Nobody, at the public plane.
    package var anybody: BenchClient { BenchClient(base: open, tls: nil) }
}

/// What a device has after enrolment.
package struct Operational: Sendable {
    package let key: EphemeralKey
    package let certificate: [UInt8]
    package var identity: ClientIdentity { ClientIdentity(chain: [certificate], key: key) }

    package init(key: EphemeralKey, certificate: [UInt8]) {
        self.key = key
        self.certificate = certificate
    }
}

extension HouseBench {
    /// The bench's clock at the real time, for clients that look at their own.
    package convenience init(
        keys: (any KeyStore)? = nil, log: Logger? = nil, atRealTime settings: (inout HouseSettings) -> Void
    ) async throws {
        try await self.init(keys: keys, log: log, settings: settings)
        let now = Timestamp(seconds: Int64(Date().timeIntervalSince1970))
        clock.advance(seconds: now.seconds(since: clock.now))
    }

    package func pair(_ unit: BenchUnit, with owner: Principal) async throws {
        _ = try await house.perform(PairDevice(device: unit.serial, grade: .declared), as: owner)
    }

    /// An owner with a person who acts for it.
    package func ownership(_ name: String = "Ada") async throws -> Principal {
        let owner = try await owner(name)
        return try await person("\(name) herself", .owner, owner: owner)
    }

    /// Enrols past the wire; the wire is tested by its own tests.
    package func enrol(_ unit: BenchUnit) async throws -> Operational {
        let shown = try house.authorities.verifier(for: .birth).verify(
            leaf: unit.certificate, at: clock.now, purpose: .birth
        ).get()
        let key = EphemeralKey()
        let request = try VerifiedRequest(der: CertificationRequest.enrolment(device: unit.device, key: key))
        let der = try await EnrolDevice(device: unit.device, request: request, proof: .birth(shown)).perform(in: house)
        return Operational(key: key, certificate: der)
    }

    package func alarms(_ alarm: Alarm, on unit: BenchUnit) async throws -> Int {
        try await house.read { rows in
            try rows.count(
                "SELECT COUNT(*) AS n FROM alarm WHERE alarm = $1 AND device = $2",
                [.text(alarm.rawValue), Value(unit.device)])
        }
    }
}

/// An HTTP client with one connection that is kept alive.
package final class BenchClient: Sendable {
    package struct Answer: Sendable {
        package let status: Int
        package let headers: HTTPHeaders
        package let body: [UInt8]

        package func json<T: Decodable>(_ type: T.Type) throws -> T { try CanonicalJSON.decode(type, from: body) }
        /// The body as a refusal, if it is one whose code is that of the status.
        package var refusal: Refusal? {
            (try? json(Refusal.self)).flatMap { $0.httpStatus == status && !$0.hint.isEmpty ? $0 : nil }
        }
        package var text: String { String(decoding: body, as: UTF8.self) }
    }

    private let base: String
    private let tls: TLSConfiguration?
    private let http: HTTPClient

    /// Nobody, at a plane without TLS.
    package static func anybody(_ base: String) -> BenchClient { BenchClient(base: base, tls: nil) }

    package init(base: String, tls: TLSConfiguration?) {
        self.base = base
        self.tls = tls
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.timeout = .init(connect: .seconds(60), read: .seconds(60))
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    deinit { http.shutdown { _ in } }

    package func send(
        _ method: HTTPMethod, _ path: String, _ body: [UInt8]? = nil, type: String? = nil, headers: HTTPHeaders = [:]
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: base + path)
        request.method = method
        request.headers = headers
        request.tlsConfiguration = tls
        if let type { request.headers.replaceOrAdd(name: "Content-Type", value: type) }
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        let response = try await http.execute(request, timeout: .seconds(60))
        let bytes = try await response.body.collect(upTo: 64 << 20)
        return Answer(status: Int(response.status.code), headers: response.headers, body: Array(buffer: bytes))
    }

    package func get(_ path: String, headers: HTTPHeaders = [:]) async throws -> Answer {
        try await send(.GET, path, headers: headers)
    }

    package func post(_ path: String, json: some Encodable) async throws -> Answer {
        try await send(.POST, path, CanonicalJSON.encode(json), type: "application/json")
    }

    package func status() async throws -> DeviceStatus { try await get(DeviceAPI.status).json(DeviceStatus.self) }

    /// EST with the request's DER in base64, in lines of 64 unless `body` says otherwise.
    package func enrol(
        _ request: [UInt8], at path: String = "/.well-known/est/simpleenroll", headers: HTTPHeaders = [:]
    ) async throws -> Answer {
        try await send(
            .POST, path, Array(Base64.encodeLines(request).utf8), type: "application/pkcs10", headers: headers)
    }
}

extension HouseBench {
    /// The PEM file of a unit's birth key, for programs that want one.
    package func birthKeyFile(_ unit: BenchUnit, station: String = "line-1") -> String {
        "\(folder)/\(station)-units/\(unit.serial).key.pem"
    }
}
