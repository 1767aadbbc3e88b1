import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Ledger
import Logging
import NIOCore
import ServiceLifecycle
import UnixSignals
import Wire

/// A witness over HTTP (C2SP tlog-witness): add-checkpoint, and the latest cosigned checkpoint of each log for monitors.
/// Plain HTTP: all that it says is signed, and all that it is told is; put a TLS proxy in front of it where it matters.
package struct WitnessServer: Sendable {
    package struct Listen: Sendable {
        package var host: String
        /// 0 lets the system choose.
        package var port: Int

        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    private let records: [String: LogRecord]
    private let key: WitnessKey
    private let clock: @Sendable () -> Timestamp
    private let log: Logger

    /// Bounds: connections at once, seconds of silence on one, and seconds for a body.
    private static let maximumConnections = 1000
    private static let idleSeconds: Int64 = 60
    private static let bodySeconds: Int64 = 20

    package init(_ home: WitnessHome, clock: @escaping @Sendable () -> Timestamp, log: Logger) throws {
        let logs = try home.logs()
        records = Dictionary(
            try logs.map { (WitnessHome.digest(of: try $0.load().origin), $0) }, uniquingKeysWith: { first, _ in first }
        )
        key = home.cosigner.key
        self.clock = clock
        self.log = log
    }

    /// Runs until the process is told to stop or the task is cancelled.
    package func run(
        _ listen: Listen, started: @escaping @Sendable (_ port: Int, _ logs: Int) async -> Void = { _, _ in }
    ) async throws {
        let count = records.count
        let application = Application(
            router: router(),
            server: .http1(
                configuration: .init(
                    idleTimeout: .seconds(Self.idleSeconds),
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: 8192, maxHeaderListSize: 16_384, maxHeaderFieldCount: 64))),
            configuration: ApplicationConfiguration(
                address: .hostname(listen.host, port: listen.port), serverName: "lifelong-witness",
                availableConnectionsDelegate: MaximumAvailableConnections(Self.maximumConnections)),
            onServerRunning: { await started($0.localAddress?.port ?? 0, count) }, logger: log)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: application)], gracefulShutdownSignals: [.sigterm, .sigint], logger: log))
        try await group.run()
    }

    func router() -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self, options: [.autoGenerateHeadEndpoints])
        router.post("/add-checkpoint") { request, _ in await add(request) }
        router.get("/vkey") { _, _ in Self.text(.ok, "\(key)\n") }
        router.get("/:digest/checkpoint") { _, context in try await checkpoint(context.parameters.get("digest") ?? "") }
        return router
    }

    private func add(_ request: Request) async -> Response {
        do {
            let body: [UInt8]
            do { body = try await Self.body(request) } catch {
                var answer = Self.text(
                    error is NIOTooManyBytesError ? .contentTooLarge : .requestTimeout,
                    "The body is too long or too slow.\n"
                )
                answer.headers[.connection] = "close"
                return answer
            }
            let parsed: WitnessRequest
            let origin: String
            do throws(Refusal) {
                parsed = try WitnessRequest(body)
                origin = try Note(parsed.note).origin
            } catch {
                throw WitnessedLog.Objection.malformed(error.detail)
            }
            guard let record = records[WitnessHome.digest(of: origin)] else {
                throw WitnessedLog.Objection.unknownOrigin
            }
            return Self.text(.ok, bytes: try await record.cosign(parsed, at: clock()))
        } catch let objection as WitnessedLog.Objection {
            return answer(objection)
        } catch {
            log.error("a checkpoint was not cosigned", metadata: ["error": "\(error)"])
            return Self.text(.internalServerError, "The witness cannot store it now.\n")
        }
    }

    private func answer(_ objection: WitnessedLog.Objection) -> Response {
        let status = HTTPResponse.Status(code: objection.status)
        switch objection {
        case .otherSize(let size): return Self.text(status, "\(size)\n", type: "text/x.tlog.size")
        case .unknownOrigin: return Self.text(status, "This witness does not know the log.\n")
        case .inconsistent(let why):
            // May be proof of a log's misbehaviour.
            log.warning("a log's checkpoint is inconsistent", metadata: ["why": "\(why)"])
            return Self.text(status, why + "\n")
        case .malformed(let why), .notSigned(let why): return Self.text(status, why + "\n")
        }
    }

    private func checkpoint(_ digest: String) async throws -> Response {
        guard let note = try await records[digest]?.note(), !note.isEmpty else {
            return Self.text(.notFound, "This witness has cosigned nothing of that log.\n")
        }
        return Self.text(.ok, bytes: note)
    }

    private static func text(
        _ status: HTTPResponse.Status, _ text: String, type: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(
            status: status, headers: [.contentType: type],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }

    private static func text(_ status: HTTPResponse.Status, bytes: [UInt8]) -> Response {
        text(status, String(decoding: bytes, as: UTF8.self))
    }

    /// A whole body, within bounds of size and time.
    private static func body(_ request: Request) async throws -> [UInt8] {
        try await withThrowingTaskGroup(of: [UInt8].self) { group in
            let body = request.body
            group.addTask { Array(try await body.collect(upTo: WitnessRequest.maximumBytes).readableBytesView) }
            group.addTask {
                try await Task.sleep(for: .seconds(bodySeconds))
                throw CancellationError()
            }
            defer { group.cancelAll() }
            return try await group.next() ?? []
        }
    }
}
