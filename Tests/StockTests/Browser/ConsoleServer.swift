import Hummingbird
import Logging
import NIOCore
import Registry
import Server
import Workbench

/// The people's door on a free port of the loopback, for as long as a body runs.
enum ConsoleServer {
    static func with<T: Sendable>(
        _ scene: FleetScene, _ body: @escaping @Sendable (_ url: String) async throws -> T
    ) async throws -> T {
        let door = PeopleDoor(
            house: scene.bench.house, publisherKey: scene.bench.publisher.verifierKey,
            settings: .init(isSecure: false), pages: Console.pages)
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        var log = Logger(label: "console") { _ in SwiftLogNoOpLogHandler() }
        log.logLevel = .critical
        let application = Application(
            router: door.router(), configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in port.yield(channel.localAddress?.port ?? 0) }, logger: log)
        return try await withThrowingTaskGroup(of: T?.self) { group in
            group.addTask {
                try await application.run()
                return nil
            }
            group.addTask {
                for await number in ports { return try await body("http://127.0.0.1:\(number)") }
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }
}
