import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Registry
import ServiceLifecycle
import Synchronization
import Trust
import UnixSignals
import Wire

/// The running program: three planes, the publisher and the contact buffer, started and stopped together.
package struct Server: Sendable {
    package struct Listen: Sendable, Equatable {
        package var host: String
        /// 0 lets the system choose.
        package var port: Int
        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
        package var isLoopback: Bool { host == "127.0.0.1" || host == "::1" || host == "localhost" }
    }

    package struct Settings: Sendable {
        package var device = Listen(host: "0.0.0.0", port: 8443)
        package var people = Listen(host: "127.0.0.1", port: 8444)
        package var open = Listen(host: "0.0.0.0", port: 8080)
        /// What browsers call the people's plane, such as "https://people.example", if not by the address it listens on.
        package var peopleOrigin: String?
        package var door = DeviceDoor.Settings()
        /// Connections that the device plane holds at once; more wait in the system's queue.
        package var maximumConnections = 10_000
        /// Seconds after which a silent connection is closed, at every stage from TCP to keep-alive.
        package var idleSeconds: Int64 = 60
        /// Seconds between two looks at whether the server's own certificates are to be renewed.
        package var renewalSeconds: Int64 = 3600
        package init() {}
    }

    /// The ports that are really listened on.
    package struct Ports: Sendable, Equatable {
        package var device = 0
        package var people = 0
        package var open = 0
        var isComplete: Bool { device > 0 && people > 0 && open > 0 }
    }

    private let house: House
    private let settings: Settings
    private let publisher: Publisher
    private let beside: [@Sendable () async -> Void]
    private let health = Health()

    /// - Parameter beside: what else runs as long as the server: loops that end when their task is cancelled.
    package init(_ house: House, _ settings: Settings, beside: [@Sendable () async -> Void] = []) throws {
        self.house = house
        self.settings = settings
        self.beside = beside
        publisher = try Publisher(house)
    }

    /// Runs until the process is told to stop (SIGTERM, SIGINT) or the task is cancelled; requests under way are answered.
    package func run(started: @escaping @Sendable (Ports) async -> Void = { _ in }) async throws {
        for listen in [settings.device, settings.people, settings.open] { try Self.demandFree(listen) }
        Artifacts.sweep(house.settings.artifactFolder)
        try await publisher.publish()
        let ports = PortBoard(started)
        var renewals: [Renewal] = []
        let planes = [
            try await devicePlane(ports, &renewals), try await peoplePlane(ports, &renewals),
            try await publicPlane(ports, &renewals),
        ]
        let services =
            planes + [
                Background(publisher.run), Background(house.contacts.run), Background(house.follow),
                Background { [renewals] in await renew(renewals) },
                Background { [house, health] in await health.watch(house) },
            ] + beside.map { Background($0) }
        let group = ServiceGroup(
            configuration: .init(
                services: services.map { .init(service: $0) }, gracefulShutdownSignals: [.sigterm, .sigint],
                logger: house.log))
        try await group.run()
        // What was committed last is published, and no contact is lost, before the program ends.
        await house.contacts.flush()
        try await publisher.publish()
    }

    /// Looks whether a certificate of the server's own is due, and puts the new one in use.
    private typealias Renewal = @Sendable () async throws -> Void

    /// Runs until its task is cancelled; a failure is logged and tried again at the next look.
    private func renew(_ renewals: [Renewal]) async {
        while (try? await Task.sleep(for: .seconds(settings.renewalSeconds))) != nil {
            for renewal in renewals {
                do { try await renewal() } catch {
                    house.log.error(
                        "a certificate of the server's own was not renewed", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    private func tlsContext(clientCertificates: Bool, _ renewals: inout [Renewal]) async throws -> TLSContext {
        let anchors = [Authorities.Name.makerRoot, Authorities.Name.operationalRoot]
            .flatMap { house.authorities.roots($0).map(\.certificate) }
        let made = try await ServiceCertificates.server(house)
        let context = TLSContext(
            try TLSContext.make(made, clientCertificates: clientCertificates, anchors: anchors), chain: made.chain)
        renewals.append { [house] in
            let identity = try await ServiceCertificates.server(house)
            // A context in use keeps the keys of its sessions: replaced only when there is something new.
            guard identity.chain != context.chain else { return }
            context.replace(
                try TLSContext.make(identity, clientCertificates: clientCertificates, anchors: anchors),
                chain: identity.chain)
        }
        return context
    }

    private func devicePlane(_ ports: PortBoard, _ renewals: inout [Renewal]) async throws -> any Service {
        let context = try await tlsContext(clientCertificates: true, &renewals)
        var limits = limits
        limits.body = .seconds(settings.door.bodySeconds)
        return PlaneServer(
            listen: settings.device, tls: context, routes: DeviceDoor(house: house, settings: settings.door).routes(),
            limits: limits, admission: Admission(settings.door.admission), log: quiet("device"),
            started: { await ports.set(\.device, $0) })
    }

    private var limits: PlaneLimits {
        var limits = PlaneLimits()
        limits.connections = settings.maximumConnections
        limits.idle = .seconds(settings.idleSeconds)
        return limits
    }

    private func peoplePlane(_ ports: PortBoard, _ renewals: inout [Renewal]) async throws -> any Service {
        let isSecure = !settings.people.isLoopback
        let door = PeopleDoor(
            house: house, publisherKey: publisher.verifierKey,
            settings: .init(isSecure: isSecure, origin: settings.peopleOrigin), pages: Console.pages,
            health: health)
        let idle = TimeAmount.seconds(settings.idleSeconds)
        var server = HTTPServerBuilder.http1(configuration: Self.bounded(idle))
        if isSecure {
            let context = try await tlsContext(clientCertificates: false, &renewals)
            server = HTTPServerBuilder { responder in
                TLSChannel(
                    base: HTTP1Channel(responder: responder, configuration: Self.bounded(idle)), context: context)
            }
        }
        return Application(
            router: door.router(), server: server, configuration: Self.configuration(settings.people, 1000),
            onServerRunning: { await ports.set(\.people, $0) }, logger: quiet("people"))
    }

    private func publicPlane(_ ports: PortBoard, _ renewals: inout [Renewal]) async throws -> any Service {
        let door = try await PublicDoor(house: house, key: publisher.verifierKey, health: health)
        renewals.append(door.renewResponders)
        return PlaneServer(
            listen: settings.open, tls: nil, routes: door.routes(), limits: limits,
            admission: Admission(settings.door.admission), log: quiet("public"),
            started: { await ports.set(\.open, $0) })
    }

    /// Headers of at most 32 KiB in at most 100 fields; a body that nobody wants is not read for ever.
    private static func bounded(_ idle: TimeAmount) -> HTTP1Channel.Configuration {
        HTTP1Channel.Configuration(
            additionalChannelHandlers: [UpgradeHandler(), UnwantedBodyHandler()], idleTimeout: idle,
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: 16 * 1024, maxHeaderListSize: 32 * 1024, maxHeaderFieldCount: 100))
    }

    private static func configuration(_ listen: Listen, _ connections: Int) -> ApplicationConfiguration {
        ApplicationConfiguration(
            address: .hostname(listen.host, port: listen.port), serverName: "lifelong", backlog: 1024,
            availableConnectionsDelegate: MaximumAvailableConnections(connections))
    }

    private func quiet(_ plane: String) -> Logger {
        var log = house.log
        log.logLevel = max(log.logLevel, .notice)
        log[metadataKey: "plane"] = "\(plane)"
        return log
    }

    /// A clear sentence beats a stack of NIO errors; the race with another program is then reported by NIO itself.
    private static func demandFree(_ listen: Listen) throws {
        guard listen.port > 0 else { return }
        do {
            let channel = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .bind(host: listen.host, port: listen.port).wait()
            try channel.close().wait()
        } catch {
            let reason = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
            throw Refusal(
                .unavailable, "Cannot listen on \(listen.host):\(listen.port): \(reason).",
                hint: "Stop what uses the port (see: ss -ltnp), or set another in lifelong.yaml.")
        }
    }
}

/// Runs a loop until the program stops.
private struct Background: Service {
    private let loop: @Sendable () async -> Void
    init(_ loop: @escaping @Sendable () async -> Void) { self.loop = loop }

    func run() async throws { await cancelWhenGracefulShutdown { await loop() } }
}

/// Collects the ports as the planes come up, and tells once when all are there.
private actor PortBoard {
    private var ports = Server.Ports()
    private let started: @Sendable (Server.Ports) async -> Void
    init(_ started: @escaping @Sendable (Server.Ports) async -> Void) { self.started = started }

    func set(_ plane: any WritableKeyPath<Server.Ports, Int> & Sendable, _ channel: any Channel) async {
        ports[keyPath: plane] = channel.localAddress?.port ?? 0
        if ports.isComplete { await started(ports) }
    }
}
