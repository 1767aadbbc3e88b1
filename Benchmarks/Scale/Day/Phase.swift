import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import Passport
import Trust
import Wire

/// One stretch of the day: what devices ask for, over and over, and what each costs.
struct Phase: Sendable {
    enum Kind: String, CaseIterable {
        /// Every five minutes, on a connection that stays.
        case checkIn = "check-in on a kept connection"
        /// The same from a device that sleeps in between.
        case sleeper = "check-in on a new connection"
        /// Somebody switches everything on: where do I stand, then a check-in, on a new connection.
        case powerOn = "power-on: status and check-in on a new connection"
        /// Every connection was lost at once; everybody is on the line again, twice as many at a time.
        case storm = "reconnect storm"
        /// Told of a release, a device fetches, installs and signs for it: a check-in and a receipt, on one connection.
        case update = "update wave: check-in and receipt"
        /// A certificate is asked for with a new request, on a new connection. Last, because it ends the one before.
        case renewal = "certificate on a new connection"
    }

    struct Result {
        var kind: Kind
        /// Devices served a second.
        var rate: Double
        /// Processor seconds of the server a device served.
        var cpu: Double
        var middle: Double
        var late: Double
        /// Answers that were not what was asked for, by status.
        var refused: [UInt: Int]

        var line: String {
            let no = refused.isEmpty ? "" : "  refused: \(refused)"
            return String(
                format: "%-52@ %8.0f a second %8.0f us  50 %% %7.2f ms  99 %% %7.2f ms", kind.rawValue as NSString,
                rate,
                cpu * 1e6, middle * 1000, late * 1000) + no
        }
    }

    let kind: Kind
    let crowd: Crowd
    let port: Int
    let server: ServerProcess

    private struct Tally: Sendable {
        var latencies: [Double] = []
        var refused: [UInt: Int] = [:]
    }

    func run(seconds: Double, atOnce: Int) async throws -> Result {
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let tally = Locked(Tally())
        let next = Locked(0)
        let before = server.processor
        let began = ContinuousClock.now
        let count = kind == .storm ? atOnce * 2 : atOnce
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<count {
                    group.addTask {
                        while Bar.seconds(since: began) < seconds {
                            // On kept connections each worker stays one device; else they take turns.
                            let number =
                                kind == .checkIn
                                ? worker
                                : next.withLock { next in
                                    next += 1
                                    return next
                                }
                            let caller = crowd.callers[number % crowd.callers.count]
                            let asked = ContinuousClock.now
                            let status = try await serve(caller, client)
                            tally.withLock { tally in
                                if status < 300 {
                                    tally.latencies.append(Bar.seconds(since: asked))
                                } else {
                                    tally.refused[status, default: 0] += 1
                                }
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        } catch {
            try? await client.shutdown()
            throw error
        }
        let took = Bar.seconds(since: began)
        let cpu = server.processor - before
        try await client.shutdown()
        return tally.withLock { tally in
            let sorted = tally.latencies.sorted()
            let served = Double(max(1, sorted.count))
            return Result(
                kind: kind, rate: Double(sorted.count) / took, cpu: cpu / served,
                middle: sorted.isEmpty ? 0 : sorted[sorted.count / 2],
                late: sorted.isEmpty ? 0 : sorted[sorted.count * 99 / 100], refused: tally.refused)
        }
    }

    private var configuration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1
        configuration.redirectConfiguration = .disallow
        return configuration
    }

    /// Everything that one device asks for in this phase; the last status.
    private func serve(_ caller: Crowd.Caller, _ client: HTTPClient) async throws -> UInt {
        let tls = try Self.tls(caller, crowd.anchors, birth: kind == .renewal)
        switch kind {
        case .checkIn: return try await checkIn(client, tls, keep: true)
        case .sleeper, .storm: return try await checkIn(client, tls, keep: false)
        case .powerOn:
            let status = try await send(client, tls, .GET, DeviceAPI.status, keep: true)
            return status < 300 ? try await checkIn(client, tls, keep: false) : status
        case .renewal:
            let csr = try CertificationRequest.enrolment(device: caller.device.id, key: caller.device.key(birth: false))
            return try await send(
                client, tls, .POST, "/.well-known/est/simpleenroll", type: "application/pkcs10",
                body: Array(Base64.encodeLines(csr).utf8), keep: false)
        case .update:
            let status = try await checkIn(client, tls, keep: true)
            return status < 300 ? try await receipt(caller, client, tls) : status
        }
    }

    /// Signed anew each time. A receipt that answers no offer is verified, kept and then told what it is (409), which costs
    /// what an expected one costs but for one entry of the ledger.
    private func receipt(_ caller: Crowd.Caller, _ client: HTTPClient, _ tls: TLSConfiguration) async throws -> UInt {
        let now = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        let receipt = Receipt(
            kind: .updated, device: caller.device.id, at: now, release: caller.device.document, sequence: 2,
            artifact: caller.device.document)
        let seal = try Seal.sign(
            type: Seal.PayloadType.receipt, payload: CanonicalJSON.encode(receipt),
            with: caller.device.key(birth: false))
        let status = try await send(
            client, tls, .POST, DeviceAPI.receipts, type: "application/json", body: CanonicalJSON.encode(seal),
            keep: false)
        return status == 409 ? 200 : status
    }

    private func checkIn(_ client: HTTPClient, _ tls: TLSConfiguration, keep: Bool) async throws -> UInt {
        let report = CheckInReport(
            agent: "lifelong-agent/0.1.0", sequence: 1, version: "1.0.0", slot: "a", configuration: 1,
            posture: ["kernel": "6.1.0", "secureBoot": "on"])
        return try await send(
            client, tls, .POST, DeviceAPI.checkIn, type: "application/json", body: CanonicalJSON.encode(report),
            keep: keep)
    }

    private func send(
        _ client: HTTPClient, _ tls: TLSConfiguration, _ method: HTTPMethod, _ path: String, type: String? = nil,
        body: [UInt8]? = nil, keep: Bool
    ) async throws -> UInt {
        var request = HTTPClientRequest(url: "https://127.0.0.1:\(port)\(path)")
        request.method = method
        request.tlsConfiguration = tls
        if let type { request.headers.add(name: "Content-Type", value: type) }
        if !keep { request.headers.add(name: "Connection", value: "close") }
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        let response = try await client.execute(request, timeout: .seconds(60))
        _ = try await response.body.collect(upTo: 4 << 20)
        return response.status.code
    }

    private static func tls(_ caller: Crowd.Caller, _ anchors: [[UInt8]], birth: Bool) throws -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        let der = birth ? caller.birth : caller.certificate
        tls.certificateChain = [.certificate(try NIOSSLCertificate(bytes: der, format: .der))]
        let key = try caller.device.key(birth: birth)
        tls.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: key.privateKeyDER, format: .der))
        tls.trustRoots = .certificates(try anchors.map { try NIOSSLCertificate(bytes: $0, format: .der) })
        return tls
    }
}

/// What a million devices need, out of what a request costs: the day of docs/performance.md.
struct Shelf {
    private let cost: [Phase.Kind: Phase.Result]

    init(_ phases: [Phase.Result]) {
        cost = Dictionary(phases.map { ($0.kind, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Requests a second that a million devices bring in that phase.
    static let demand: [(kind: Phase.Kind, perSecond: Double, why: String)] = [
        (.checkIn, 1_000_000 / 300.0, "all day, every five minutes, connections kept"),
        (.sleeper, 1_000_000 / 300.0, "the same, if every device sleeps in between"),
        (.powerOn, 1_000_000 / 3600.0, "a million switched on within an hour"),
        (.storm, 1_000_000 / 300.0, "all connections lost, everybody back within five minutes"),
        (.renewal, 1_000_000 / (60.0 * 86_400), "a certificate every 60 days"),
        (.update, 1_000_000 / (6 * 3600.0), "an update within six hours, without its bytes"),
    ]

    var text: String {
        var lines = [
            "", "| phase | a second for a million | cores of this kind | this machine's share of a million |",
            "|---|---|---|---|",
        ]
        for (kind, perSecond, why) in Self.demand {
            guard let phase = cost[kind] else { continue }
            lines.append(
                String(
                    format: "| %@ (%@) | %.1f | %.2f | %.0f %% |", kind.rawValue as NSString, why as NSString,
                    perSecond,
                    perSecond * phase.cpu, min(9999, phase.rate / perSecond * 100)))
        }
        return lines.joined(separator: "\n")
    }
}
