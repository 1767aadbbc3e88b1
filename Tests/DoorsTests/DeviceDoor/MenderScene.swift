import Crypto
import Foundation
import NIOHTTP1
import Passport
import Registry
import Samples
import Store
import Testing
import Trust
import Use
import Wire
import Workbench

/// A device whose client speaks Mender's interface, with a key that its owner accepted, and releases for it.
struct MenderScene: Sendable {
    let scene: DeviceScene
    let key: EphemeralKey

    var house: House { scene.bench.house }

    init(
        accepted: Bool = true, key: KeyAlgorithm = .p256, settings: (inout HouseSettings) -> Void = { _ in }
    ) async throws {
        scene = try await DeviceScene(settings: settings)
        self.key = EphemeralKey(key)
        if accepted { try await accept() }
    }

    func accept() async throws {
        let answer = try await adopt([held(key)])
        #expect(answer.adopted == 1, "\(answer)")
    }

    /// - Parameter serial: another than its own.
    func held(_ key: EphemeralKey, by serial: String? = nil) throws -> AdoptDeviceTokens.Held {
        let serial = serial ?? scene.unit.serial
        return AdoptDeviceTokens.Held(device: serial, key: try key.held(by: serial))
    }

    func adopt(_ held: [AdoptDeviceTokens.Held], dryRun: Bool? = nil) async throws -> AdoptDeviceTokens.Answer {
        try await house.perform(AdoptDeviceTokens(tokens: held, dryRun: dryRun), as: scene.ada)
    }

    /// Stores and publishes an artifact.
    func publish(_ sequence: Int, _ bytes: [UInt8]) async throws {
        let sha256 = Wire.Digest(SHA256.hash(data: bytes))
        try Data(bytes).write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
        _ = try await house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: sequence, version: "1.\(sequence)",
                hardware: [HouseBench.hardware], sha256: sha256, size: bytes.count), as: .system)
    }

    func offer(_ sequence: Int, remedy: Bool? = nil) async throws {
        _ = try await house.perform(
            OfferUpdate(
                product: HouseBench.product, sequence: sequence, devices: [scene.unit.serial], remedy: remedy),
            as: .system)
    }

    /// Publishes and offers a sample. Returns its bytes.
    @discardableResult
    func release(_ sequence: Int = 1, _ change: (inout SampleArtifact) -> Void = { _ in }) async throws -> [UInt8] {
        var sample = SampleArtifact(payload: (0..<90_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) })
        sample.name = "release-\(sequence)"
        change(&sample)
        let bytes = try sample.bytes()
        try await publish(sequence, bytes)
        try await offer(sequence)
        return bytes
    }

    /// Over no certificate, in a session.
    func client(_ door: DeviceBench) async throws -> MenderClient {
        var client = MenderClient(client: try door.client(), key: key)
        try await client.begin()
        return client
    }

    func kept() async throws -> StockClient {
        try await house.read { rows in try StockClient.find(scene.unit.device, in: rows) }
    }

    func entries(_ kind: String) async throws -> Int {
        try await house.read { rows in
            try rows.count(
                "SELECT COUNT(*) AS n FROM ledger WHERE device = $1 AND kind = $2",
                [Value(scene.unit.device), .text(kind)])
        }
    }
}

/// A Mender client's hands.
struct MenderClient: Sendable {
    let client: BenchClient
    let key: EphemeralKey
    var session = ""

    static let base = "/api/devices"
    static let deployments = base + "/v1/deployments/device/deployments"

    struct Next: Decodable, Equatable {
        struct Artifact: Decodable, Equatable {
            struct Source: Decodable, Equatable {
                var uri: String
                var expire: Timestamp
            }
            var artifact_name: String
            var device_types_compatible: [String]
            var source: Source
        }
        var id: String
        var artifact: Artifact
        /// What it downloads, as a path.
        var path: String {
            artifact.source.uri.range(of: "/api/").map { String(artifact.source.uri[$0.lowerBound...]) } ?? ""
        }
    }

    var headers: HTTPHeaders { ["Authorization": "Bearer \(session)"] }

    static func request(_ key: EphemeralKey) throws -> [UInt8] {
        struct Asked: Encodable {
            var id_data = #"{"mac":"de:ad:be:ef:00:01"}"#
            var pubkey: String
            var tenant_token = ""
        }
        return try CanonicalJSON.encode(Asked(pubkey: PEM.encode(key.publicKeyDER, label: "PUBLIC KEY")))
    }

    /// - Parameters:
    ///   - body: another than its own request.
    ///   - signature: another than its own over the body.
    func authenticate(_ body: [UInt8]? = nil, signature: String? = nil) async throws -> BenchClient.Answer {
        let body = try body ?? Self.request(key)
        let signed = try signature ?? Base64.encode(key.signature(over: body))
        return try await client.send(
            .POST, Self.base + "/v1/authentication/auth_requests", body, type: "application/json",
            headers: ["Authorization": "Bearer", "X-MEN-Signature": signed])
    }

    mutating func begin() async throws {
        let answer = try await authenticate()
        #expect(answer.status == 200, "\(answer.text)")
        session = answer.text
    }

    func send(_ method: HTTPMethod, _ path: String, _ body: String, type: String = "application/json") async throws
        -> BenchClient.Answer
    {
        try await client.send(method, path, Array(body.utf8), type: type, headers: headers)
    }

    func ask(_ provides: String = #"{"artifact_name":"release-0","device_type":"board-a"}"#) async throws
        -> BenchClient.Answer
    {
        try await send(
            .POST, Self.base + "/v2/deployments/device/deployments/next",
            #"{"device_provides":\#(provides),"update_control_map":true}"#)
    }

    func next() async throws -> Next {
        let answer = try await ask()
        #expect(answer.status == 200, "\(answer.text)")
        return try answer.json(Next.self)
    }

    func report(_ id: String, _ status: String) async throws -> BenchClient.Answer {
        try await send(.PUT, "\(Self.deployments)/\(id)/status", #"{"status":"\#(status)"}"#)
    }

    func inventory(_ body: String, _ method: HTTPMethod = .PUT) async throws -> BenchClient.Answer {
        try await send(method, Self.base + "/v1/inventory/device/attributes", body)
    }
}
