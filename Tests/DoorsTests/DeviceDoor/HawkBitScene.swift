import Crypto
import Foundation
import NIOHTTP1
import Passport
import Registry
import Store
import Testing
import Transfer
import Use
import Wire
import Workbench

/// A device whose client speaks hawkBit's interface, and a release for it.
struct HawkBitScene: Sendable {
    let scene: DeviceScene
    /// Begins as SWUpdate's images do.
    static let image = Array("070702".utf8) + (0..<150_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
    static var sha256: Wire.Digest { Wire.Digest(SHA256.hash(data: image)) }
    static let file = "\(HouseBench.product)-1.swu"

    var house: House { scene.bench.house }
    var path: String { "/DEFAULT/controller/v1/\(scene.unit.serial)" }

    init(offered: Bool = true, settings: (inout HouseSettings) -> Void = { _ in }) async throws {
        scene = try await DeviceScene(settings: settings)
        try await publish(1)
        if offered { try await offer(1) }
    }

    func publish(_ sequence: Int) async throws {
        try Data(Self.image).write(to: URL(filePath: house.settings.artifactFolder + "/\(Self.sha256)"))
        _ = try await house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: sequence, version: "1.\(sequence)",
                hardware: [HouseBench.hardware], sha256: Self.sha256, size: Self.image.count), as: .system)
    }

    func offer(_ sequence: Int, remedy: Bool? = nil) async throws {
        _ = try await house.perform(
            OfferUpdate(
                product: HouseBench.product, sequence: sequence, devices: [scene.unit.serial], remedy: remedy),
            as: .system)
    }

    func token() async throws -> String {
        try await house.perform(IssueDeviceToken(device: scene.unit.serial), as: scene.ada).token
    }

    /// Over its operational certificate.
    func client(_ door: DeviceBench) throws -> HawkBitClient {
        HawkBitClient(client: try door.client(scene.operational.identity), path: path)
    }

    /// Over a token alone.
    func client(_ door: DeviceBench, token: String) throws -> HawkBitClient {
        HawkBitClient(
            client: try door.client(), path: path, headers: ["Authorization": "TargetToken \(token)"])
    }

    func kept() async throws -> StockClient {
        try await house.read { rows in try StockClient.find(scene.unit.device, in: rows) }
    }

    /// Events of that kind in the device's life.
    func entries(_ kind: String) async throws -> Int {
        try await house.read { rows in
            try rows.count(
                "SELECT COUNT(*) AS n FROM ledger WHERE device = $1 AND kind = $2",
                [Value(scene.unit.device), .text(kind)])
        }
    }
}

/// A stock client's hands: it polls, follows links and reports.
struct HawkBitClient: Sendable {
    let client: BenchClient
    let path: String
    var headers: HTTPHeaders = [:]

    struct Poll: Decodable {
        struct Link: Decodable { var href: String }
        struct Configuration: Decodable {
            struct Polling: Decodable { var sleep: String }
            var polling: Polling
        }
        var config: Configuration
        var _links: [String: Link]
        var links: Set<String> { Set(_links.keys) }
    }

    struct DeploymentAnswer: Decodable {
        struct Deployment: Decodable {
            struct Chunk: Decodable {
                var part, version, name: String
                var artifacts: [Artifact]
            }
            var download, update: String
            var maintenanceWindow: String?
            var chunks: [Chunk]
        }
        struct Artifact: Decodable {
            var filename: String
            var hashes: [String: String]
            var size: Int
            var _links: [String: Poll.Link]
        }
        struct History: Decodable {
            var status: String
            var messages: [String]
        }
        var id: String
        var deployment: Deployment?
        var confirmation: Deployment?
        var actionHistory: History?
    }

    func get(_ below: String = "", _ more: HTTPHeaders = [:]) async throws -> BenchClient.Answer {
        var all = headers
        all.add(contentsOf: more)
        return try await client.get(path + below, headers: all)
    }

    func send(_ method: HTTPMethod, _ below: String, _ body: String, type: String = "application/json") async throws
        -> BenchClient.Answer
    {
        try await client.send(method, path + below, Array(body.utf8), type: type, headers: headers)
    }

    func poll() async throws -> Poll { try await get().json(Poll.self) }

    /// What the poll links to, as a path below the controller.
    func link(_ name: String) async throws -> String {
        let href = try #require(try await poll()._links[name]).href
        return try #require(href.range(of: path).map { String(href[$0.upperBound...]) })
    }

    /// The number of the action that the poll links to.
    func action(_ name: String = "deploymentBase") async throws -> String {
        let link = try await link(name)
        return try #require(link.split(separator: "/").last?.split(separator: "?").first.map(String.init))
    }

    func report(_ action: String, _ execution: String, _ finished: String, in place: String = "deploymentBase")
        async throws -> BenchClient.Answer
    {
        try await send(
            .POST, "/\(place)/\(action)/feedback",
            """
            {"id":\(action),"time":"20261121T190018","status":{"result":{"progress":{"cnt":0,"of":1},\
            "finished":"\(finished)"},"execution":"\(execution)","details":["\(execution) it is"]}}
            """)
    }
}
