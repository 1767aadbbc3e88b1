import AsyncHTTPClient
import Foundation
import KeysFile
import Ledger
import Logging
import NIOCore
import NIOHTTP1
import Registry
import Testing
import Wire
import Witness

/// A witness in a folder of its own, served on a port that it picks for as long as `body` runs.
final class LiveWitness: Sendable {
    let folder: String
    let key: WitnessKey
    private let disk: WitnessDisk

    /// - Parameter disk: where its files are written, so that a test can break it.
    init(_ name: String, trusting logs: [VerifierKey], disk: WitnessDisk = WitnessDisk()) throws {
        folder = NSTemporaryDirectory() + "/witness-\(UUID().uuidString)"
        try DurableFile.makeFolder(folder)
        self.disk = disk
        try WitnessHome.make(at: folder, name: name, keys: FileKeyStore(folder: folder + "/keys"), write: disk.write)
        key = try Self.open(folder, disk).cosigner.key
        for log in logs { try Self.open(folder, disk).trust(log, origin: nil) }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private static func open(_ folder: String, _ disk: WitnessDisk) throws -> WitnessHome {
        try WitnessHome(at: folder, keys: FileKeyStore(folder: folder + "/keys"), write: disk.write)
    }

    func home() throws -> WitnessHome { try Self.open(folder, disk) }

    func address(_ port: Int) -> WitnessAddress { WitnessAddress(url: "http://127.0.0.1:\(port)", key: key) }

    /// Starts it anew from its files.
    func serve(_ body: @escaping @Sendable (Int) async throws -> Void) async throws {
        var log = Logger(label: "witness") { _ in SwiftLogNoOpLogHandler() }
        log.logLevel = .critical
        let server = try WitnessServer(home(), clock: { Timestamp(year: 2026, month: 2, day: 3) }, log: log)
        let (ports, port) = AsyncStream<Int>.makeStream()
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await server.run(.init(host: "127.0.0.1", port: 0)) { number, _ in port.yield(number) }
                return false
            }
            group.addTask {
                for await number in ports {
                    try await body(number)
                    return true
                }
                return false
            }
            // The server ends by itself only when it could not start.
            let isDone = try await group.next() ?? false
            group.cancelAll()
            if !isDone { throw CancellationError() }
        }
    }
}

/// Writes durably, until it is told to fail: before it wrote, or after.
final class WitnessDisk: Sendable {
    enum Trouble: Sendable { case none, fails, failsAfterWriting }
    private let trouble = Locked(Trouble.none)

    func set(_ trouble: Trouble) { self.trouble.withLock { $0 = trouble } }

    var write: WitnessHome.Write {
        { [self] bytes, path in
            let trouble = trouble.withLock { $0 }
            let full = Refusal(.unavailable, "The disk is full.", hint: "Make room.")
            if case .fails = trouble { throw full }
            try DurableFile.write(bytes, to: path)
            if case .failsAfterWriting = trouble { throw full }
        }
    }
}

/// One HTTP request, answered.
enum Plain {
    struct Answer: Sendable {
        let status: Int
        let type: String?
        let body: [UInt8]
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    static func send(_ url: String, _ body: [UInt8]? = nil) async throws -> Answer {
        var request = HTTPClientRequest(url: url)
        if let body {
            request.method = .POST
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        let bytes = try await response.body.collect(upTo: 1 << 20)
        return Answer(
            status: Int(response.status.code), type: response.headers.first(name: "Content-Type"),
            body: Array(bytes.readableBytesView))
    }
}
