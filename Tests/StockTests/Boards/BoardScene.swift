import Agent
import Crypto
import Foundation
import Release
import Trust
import Wire
import Workbench

/// The way of releases onto a board whose boot loader is somebody else's: the real disk, the real tools, no service.
struct BoardScene {
    static let product = ProductID(trusted: "thermostat-2")
    static let hardware = "board-b"
    static let device = DeviceID(trusted: "device-1")
    static let now = Timestamp(seconds: 1_790_000_000)

    let key = EphemeralKey()
    let home: AgentHome
    let disk = PosixDisk()
    let updates: Updates

    init(_ folder: String, _ board: any Board) throws {
        home = AgentHome(folder)
        try home.makeFolders(on: disk)
        updates = Updates(on: disk, home: home, board: board)
        try updates.slots.adopt(product: Self.product, hardware: Self.hardware, at: Self.now)
    }

    func offer(_ sequence: Int, _ image: [UInt8]) throws -> Seal {
        let manifest = ReleaseManifest(
            product: Self.product, sequence: sequence, version: "\(sequence)", hardware: [Self.hardware],
            sha256: Wire.Digest(SHA256.hash(data: image)), size: image.count, created: Self.now)
        return try Seal.sign(type: Seal.PayloadType.manifest, payload: try CanonicalJSON.encode(manifest), with: key)
    }

    func take(
        _ sequence: Int, _ image: [UInt8], opening: @escaping @Sendable () -> Timestamp? = { nil }
    ) async throws -> Updates.Outcome {
        var terms = Updates.Terms(
            releaseKeys: [key.publicKeyDER], product: Self.product, hardware: Self.hardware, device: Self.device)
        terms.opening = opening
        return try await updates.take(try offer(sequence, image), on: terms, at: Self.now) { offset, _, begin, take in
            try begin(offset, "\"tag\"")
            try take(Array(image.dropFirst(offset)))
        }
    }

    func boot() throws -> Updates.Boot { try updates.boot(device: Self.device, at: Self.now) }
    func pass() throws { try updates.pass(device: Self.device, at: Self.now) }
    func fail(_ reason: String) throws { try updates.fail(reason, device: Self.device, at: Self.now) }

    /// Slot and release: "a 0".
    func running() throws -> String {
        let running = try updates.slots.running()
        return "\(running.slot.rawValue) \(running.content.manifest.sequence)"
    }

    /// Receipts that wait, with their reasons.
    func receipts() throws -> [Receipt] {
        let outbox = Outbox(on: disk, folder: home.outbox)
        return try outbox.waiting().compactMap { try outbox.read($0) }
    }

    static func image(_ seed: Int, bytes: Int = 100_000) -> [UInt8] {
        (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &+ seed) }
    }
}

/// A folder for one test, gone with it.
func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = NSTemporaryDirectory() + "board-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await body(folder)
}
