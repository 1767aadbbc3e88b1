import Agent
import Foundation
import NIOCore
import NIOSSL
import Testing
import Trust
import Wire

private func status(_ state: DeviceStatus.State = .notPaired) -> DeviceStatus {
    DeviceStatus(
        state: state, stage: "shipped", reason: "The device has no owner.", hint: "Wait.", device: AgentBench.device,
        serverTime: AgentBench.now)
}

/// One call of status against a service that answers so.
private func call(
    addresses: [String] = ["127.0.0.1"], anchors: (AgentBench) -> [Authority]? = { _ in nil },
    server: (AgentBench) throws -> Authority? = { _ in nil }, limits: DeviceTransport.Limits = .init(),
    change: (inout TLSConfiguration) -> Void = { _ in },
    answer: @escaping @Sendable (ScriptedService.Request) throws -> ScriptedService.Answer
) async throws -> Result<DeviceStatus, ContactFailure> {
    let bench = try AgentBench()
    var tls = try bench.serverTLS(addresses: addresses, under: try server(bench))
    change(&tls)
    let service = try ScriptedService(tls: tls) { (try? answer($0)) ?? .reply(500, []) }
    let (client, transport) = try bench.client(port: service.port, anchors: anchors(bench), limits: limits)
    let result: Result<DeviceStatus, ContactFailure>
    do throws(ContactFailure) { result = .success(try await client.status()) } catch { result = .failure(error) }
    await transport.shutdown()
    await service.stop()
    return result
}

private func isUntrusted(_ result: Result<DeviceStatus, ContactFailure>) -> Bool {
    if case .failure(.untrusted) = result { true } else { false }
}

@Suite(.serialized) struct `A device's contact with its service` {
    @Test(arguments: [TLSVersion.tlsv12, .tlsv13])
    func `shows its certificate, with a key that never leaves it`(version: TLSVersion) async throws {
        let result = try await call(change: {
            $0.minimumTLSVersion = version
            $0.maximumTLSVersion = version
        }) { request in
            let shown = try HeldCertificate(request.peer)
            #expect(shown.serialNumber == "S-1")
            return .reply(200, try CanonicalJSON.encode(status()))
        }
        #expect(try result.get().state == .notPaired)
    }

    @Test func `refuses a service that other anchors vouch for`() async throws {
        let stranger = try AgentBench.root("Stranger")
        #expect(isUntrusted(try await call(server: { _ in stranger }) { _ in .reply(200, []) }))
        // The maker's root vouches for births, not for the service.
        #expect(isUntrusted(try await call(server: { $0.birthAuthority }) { _ in .reply(200, []) }))
    }

    @Test func `refuses a service with a certificate for another address`() async throws {
        #expect(isUntrusted(try await call(addresses: ["127.0.0.2"]) { _ in .reply(200, []) }))
    }

    @Test func `refuses anything below version 1_2 of TLS`() async throws {
        let result = try await call(change: {
            $0.minimumTLSVersion = .tlsv1
            $0.maximumTLSVersion = .tlsv11
        }) { _ in .reply(200, []) }
        #expect(throws: ContactFailure.self) { try result.get() }
    }

    @Test func `hears the service's own words`() async throws {
        let refusal = Refusal(.tooMany, "Too many calls.", hint: "Wait.", rule: "limit", retryAfterSeconds: 7)
        let body = try CanonicalJSON.encode(refusal)
        #expect(try await call { _ in .reply(429, body) } == .failure(.refused(refusal)))
    }

    @Test func `takes Retry-After where there are no words`() async throws {
        let result = try await call { _ in
            .reply(503, type: "text/html", headers: ["Retry-After": "9"], Array("<h1>".utf8))
        }
        guard case .failure(.refused(let refusal)) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(refusal.code == .unavailable && refusal.retryAfterSeconds == 9)
    }

    @Test func `does not follow the service to another host`() async throws {
        let result = try await call { _ in .reply(307, headers: ["Location": "https://elsewhere.example/"], []) }
        guard case .failure(.refused) = result else {
            Issue.record("\(result)")
            return
        }
    }

    @Test func `takes no answer that is too large, broken or never comes`() async throws {
        var limits = DeviceTransport.Limits()
        limits.exchange = .seconds(1)
        let answers: [ScriptedService.Answer] = [
            .reply(200, [UInt8](repeating: 32, count: 2 << 20)), .reply(200, Array("{\"state\":".utf8)),
            .reply(200, Array("{}".utf8)), .silence, .endless(headers: [:]),
            .pieces(200, headers: ["Content-Length": "999"], [[123]], pause: .milliseconds(1), cut: true),
            .pieces(200, headers: [:], Array(repeating: [32], count: 100), pause: .milliseconds(100)),
        ]
        for answer in answers {
            let result = try await call(limits: limits) { _ in answer }
            guard case .failure(let failure) = result else {
                Issue.record("\(answer) was taken")
                continue
            }
            switch failure {
            case .nonsense, .unreachable: break
            default: Issue.record("\(failure)")
            }
        }
    }

    @Test func `is only ever over https`() async throws {
        let bench = try AgentBench()
        let transport = DeviceTransport()
        let key = EphemeralKey()
        let identity = ClientIdentity(chain: [try bench.birthCertificate(key.publicKeyDER, serial: "S-1")], key: key)
        for url in ["http://127.0.0.1", "https://", "https://user@host", "https://host/path", "ftp://host", ""] {
            var anchor = bench.anchor(port: 1)
            anchor.url = url
            #expect(throws: Refusal.self, "\(url)") {
                try DeviceClient(service: anchor, identity: identity, transport: transport)
            }
        }
        await transport.shutdown()
    }

    @Test(arguments: ["//evil.example/x", "https://evil.example/", "x", "/a b", "/a\r\nHost: evil"])
    func `does not ask for a path that is none`(path: String) async throws {
        let bench = try AgentBench()
        let (client, transport) = try bench.client(port: 1)
        do {
            try await client.artifact(path, from: 0, etag: nil, begin: { _, _ in }, take: { _ in })
            Issue.record("asked")
        } catch {
            guard case .nonsense = error else {
                Issue.record("\(error)")
                return
            }
        }
        await transport.shutdown()
    }

    @Test func `spreads a fleet that was refused in one moment`() {
        // 10,000 devices, each told to come back in 20 seconds: at most a few in any tenth of a second, and none too early.
        for asked in [nil, 5, 20] as [Int?] {
            for failures in [1, 4, 8] {
                var tenths: [Int: Int] = [:]
                for _ in 0..<10_000 {
                    var patience = Patience()
                    var wait = Duration.zero
                    for _ in 0..<failures { wait = patience.next(asked: asked, chance: .random(in: 0..<1)) }
                    #expect(wait >= .seconds(asked ?? 0))
                    tenths[Int(wait / .milliseconds(100)), default: 0] += 1
                }
                let span = max(Double(1 << (failures - 1)), Double(asked ?? 0))
                // Evenly spread: no tenth has more than twice its share, beyond chance; the first holds the shortest wait.
                let share = 10_000 / (span * 10)
                let worst = tenths.filter { $0.key > 1 }.values.max() ?? 0
                #expect(
                    Double(worst) < 2 * share + 60,
                    "\(worst) of 10000 in one tenth after \(failures), told \(asked ?? 0)")
            }
        }
    }

    @Test func `asks no sooner than it was told, and ever later`() {
        var patience = Patience()
        #expect(patience.next(asked: nil, chance: 1) == .seconds(1))
        #expect(patience.next(asked: nil, chance: 0) == .seconds(0.1))
        #expect(patience.next(asked: nil, chance: 1) == .seconds(4))
        #expect(patience.next(asked: 100, chance: 0.5) == .seconds(150))
        #expect(patience.next(asked: .max, chance: 1) <= .seconds(2 * 86_400))
        for _ in 0..<100 { #expect(patience.next(asked: nil, chance: 1) <= .seconds(600)) }
        patience.reset()
        #expect(patience.next(asked: nil, chance: 1) == .seconds(1))
    }
}
