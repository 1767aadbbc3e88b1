import Agent
import Crypto
import Foundation
import NIOHTTP1
import Synchronization
import Testing
import Trust
import Wire

/// A service for one device, with just enough of a mind to lead it through its life.
private final class MindedService: Sendable {
    struct Mind: Sendable {
        var state = DeviceStatus.State.notPaired
        var pairing: DeviceStatus.Pairing?
        var wipe: DeviceStatus.Wipe?
        var configuration: DesiredState.Configuration?
        var update: DesiredState.Update?
        var artifact: [UInt8] = []
        var certificateLife: Int64 = 5 * 86_400
        /// Serves a log page as a real service does: without a gap.
        var log: [DeviceLogEntry] = []
        var receipts: [Receipt] = []
        var requests: [String] = []
        var enrolments: [VerifiedRequest] = []
        var liveKeys: Set<[UInt8]> = []
        var reports: [CheckInReport] = []
        var laterOnce = false
        /// Answers the next requests with this status instead.
        var failing: (count: Int, status: Int) = (0, 500)
        var failingReceipts = 0
        var birthKey: [UInt8] = []
    }
    let mind = Mutex(Mind())
    let bench: AgentBench

    init(_ bench: AgentBench) { self.bench = bench }

    func change(_ body: (inout Mind) throws -> Void) rethrows { try mind.withLock { try body(&$0) } }
    func look<T: Sendable>(_ body: (Mind) throws -> T) rethrows -> T { try mind.withLock { try body($0) } }

    func answer(_ request: ScriptedService.Request) -> ScriptedService.Answer {
        do {
            return try mind.withLock { try answer(request, &$0) }
        } catch let refusal as Refusal {
            return .reply(refusal.httpStatus, (try? CanonicalJSON.encode(refusal)) ?? [])
        } catch {
            Issue.record("\(error)")
            return .reply(500, [])
        }
    }

    private func answer(_ request: ScriptedService.Request, _ mind: inout Mind) throws -> ScriptedService.Answer {
        mind.requests.append("\(request.method) \(request.path)")
        if mind.failing.count > 0 {
            mind.failing.count -= 1
            return .reply(mind.failing.status, [])
        }
        let peer = try HeldCertificate(request.peer)
        let isBirth = peer.serialNumber == "S-1"
        if isBirth { mind.birthKey = peer.spki }
        if !isBirth, !mind.liveKeys.contains(peer.spki) {
            throw Refusal(.unauthenticated, "That certificate is revoked.", hint: "Show the birth certificate.")
        }
        switch request.path {
        case DeviceAPI.status: return .reply(200, try CanonicalJSON.encode(status(mind)))
        case DeviceAPI.receipts: return try receive(request, peer, isBirth, &mind)
        case DeviceAPI.checkIn: return try checkIn(request, isBirth, &mind)
        case "/.well-known/est/cacerts":
            return bundle([bench.issuing.certificate, bench.serviceRoot.certificate])
        case "/.well-known/est/csrattrs": return .reply(204, [])
        case "/.well-known/est/simpleenroll" where isBirth, "/.well-known/est/simplereenroll" where !isBirth:
            return try enrol(request, peer, &mind)
        default:
            guard request.path.hasPrefix(DeviceAPI.artifacts), !isBirth else { return .reply(404, []) }
            return .reply(200, headers: ["ETag": "\"1\""], mind.artifact)
        }
    }

    private func status(_ mind: Mind) -> DeviceStatus {
        DeviceStatus(
            state: mind.state, stage: "any", reason: "Says the test.", hint: "Obey.", device: AgentBench.device,
            enrol: [.enrolled, .notEnrolled].contains(mind.state) ? "/.well-known/est" : nil, pairing: mind.pairing,
            wipe: mind.wipe, serverTime: AgentBench.now)
    }

    private func receive(
        _ request: ScriptedService.Request, _ peer: HeldCertificate, _ isBirth: Bool, _ mind: inout Mind
    ) throws -> ScriptedService.Answer {
        if mind.failingReceipts > 0 {
            mind.failingReceipts -= 1
            return .reply(503, [])
        }
        let seal = try CanonicalJSON.decode(Seal.self, from: request.body)
        let payload = try seal.verified(type: Seal.PayloadType.receipt, by: [peer.spki])
        let receipt = try CanonicalJSON.decode(Receipt.self, from: payload)
        #expect(isBirth == [.wiped, .pairingProof].contains(receipt.kind))
        mind.receipts.append(receipt)
        switch receipt.kind {
        case .pairingProof:
            #expect(receipt.nonce == mind.pairing?.nonce)
            mind.state = .notEnrolled
            mind.pairing = nil
        case .wiped:
            guard let wipe = mind.wipe, receipt.nonce == wipe.nonce else {
                throw Refusal(.conflict, "That nonce is not of an open order.", hint: "Ask again.")
            }
            mind.wipe = nil
            if mind.state == .transferPending { mind.state = .notEnrolled }
        case .updated, .refused, .rolledBack: mind.update = nil
        case .configured: break
        }
        return .reply(204, [])
    }

    private func checkIn(
        _ request: ScriptedService.Request, _ isBirth: Bool, _ mind: inout Mind
    ) throws -> ScriptedService.Answer {
        guard !isBirth, mind.state == .enrolled else {
            throw Refusal(.forbidden, "The stage says no.", hint: "Ask for the status.", rule: "stage")
        }
        let report = try CanonicalJSON.decode(CheckInReport.self, from: request.body)
        mind.reports.append(report)
        let fresh = report.log.filter { $0.index >= mind.log.count }
        for entry in fresh {
            guard entry.index == mind.log.count, entry.hash == DeviceLog.hash(of: entry, after: mind.log.last?.hash) else {
                throw Refusal(.conflict, "The log has a gap.", hint: "Send it as written.", rule: "device log")
            }
            mind.log.append(entry)
        }
        let desired = DesiredState(
            status: status(mind), configuration: mind.configuration, update: mind.update, logTaken: mind.log.count,
            nextCheckInSeconds: 60)
        return .reply(200, try CanonicalJSON.encode(desired))
    }

    private func enrol(
        _ request: ScriptedService.Request, _ peer: HeldCertificate, _ mind: inout Mind
    ) throws -> ScriptedService.Answer {
        #expect(request.headers.first(name: "Content-Type") == "application/pkcs10")
        #expect(request.body.split(separator: 10).allSatisfy { $0.count <= 64 })
        let csr = try VerifiedRequest(base64Body: request.body)
        guard [.enrolled, .notEnrolled].contains(mind.state) else {
            throw Refusal(.forbidden, "The stage says no.", hint: "Ask for the status.")
        }
        if mind.laterOnce {
            mind.laterOnce = false
            mind.enrolments.append(csr)
            return .reply(202, headers: ["Retry-After": "1"], [])
        }
        mind.enrolments.append(csr)
        if peer.serialNumber == nil {
            #expect(csr.subject.der == peer.subjectDER)
            #expect(csr.subjectAlternativeNames == peer.alternativeNamesDER)
        } else {
            #expect(csr.subject.commonName == AgentBench.device.text)
        }
        mind.liveKeys = [csr.spki]
        mind.state = .enrolled
        let now = AgentBench.now
        return bundle([
            try bench.operationalCertificate(
                csr.spki, from: now.adding(seconds: -60), until: now.adding(seconds: mind.certificateLife))
        ])
    }

    private func bundle(_ certificates: [[UInt8]]) -> ScriptedService.Answer {
        .reply(
            200, type: "application/pkcs7-mime; smime-type=certs-only",
            Array(Base64.encodeLines(CertificateBundle.encode(certificates)).utf8))
    }
}

/// A device, its disk and its service, for one test.
private struct Life {
    let bench: AgentBench
    let minded: MindedService
    let service: ScriptedService
    let transport = DeviceTransport()
    let disk: MemoryDisk
    let keys = MemoryKeys()
    let home = AgentHome("/home")

    static func lead(_ body: (Life) async throws -> Void) async throws {
        let bench = try AgentBench()
        let minded = MindedService(bench)
        let life = Life(
            bench: bench, minded: minded,
            service: try ScriptedService(tls: bench.serverTLS()) { minded.answer($0) }, disk: MemoryDisk())
        do { try await body(life) } catch { Issue.record("\(error)") }
        await life.transport.shutdown()
        await life.service.stop()
    }

    func agent(_ settings: AgentSettings = AgentSettings()) throws -> Agent {
        try bench.agent(on: disk, keys: keys, port: service.port, transport: transport, settings: settings)
    }

    /// Starts the agent and lets it do what is due, once.
    @discardableResult
    func once(_ settings: AgentSettings = AgentSettings()) async throws -> String {
        try await agent(settings).run(once: true)
    }

    func enrol() async throws {
        minded.change { $0.state = .notEnrolled }
        try await once()
    }

    func offer(_ artifact: [UInt8], sequence: Int = 1, served: [UInt8]? = nil, key: EphemeralKey? = nil) throws {
        let manifest = ReleaseManifest(
            product: AgentBench.product, sequence: sequence, version: "\(sequence).0", hardware: [AgentBench.hardware],
            sha256: Wire.Digest(SHA256.hash(data: artifact)), size: artifact.count, created: AgentBench.now)
        let seal = try Seal.sign(
            type: Seal.PayloadType.manifest, payload: try CanonicalJSON.encode(manifest), with: key ?? bench.releaseKey)
        minded.change {
            $0.update = DesiredState.Update(manifest: seal, path: DeviceAPI.artifacts + "\(manifest.sha256)")
            $0.artifact = served ?? artifact
        }
    }

    func running() throws -> Int { try HomeStatus(of: home, on: disk).image.sequence }
    var receipts: [Receipt.Kind] { minded.look { $0.receipts.map(\.kind) } }
}

@Suite struct `A device's life` {
    @Test func `begins with waiting for an owner`() async throws {
        try await Life.lead { life in
            try await life.once()
            #expect(life.minded.look { $0.requests } == ["GET \(DeviceAPI.status)"])
            #expect(try HomeStatus(of: life.home, on: life.disk).lastWord?.state == .notPaired)
        }
    }

    @Test func `goes on with a proof that it is there, enrolment and a check-in`() async throws {
        try await Life.lead { life in
            life.minded.change { $0.pairing = .init(nonce: "bm9uY2U=", expires: AgentBench.now.adding(seconds: 900)) }
            try await life.once()
            #expect(life.receipts == [.pairingProof])
            try await life.once()
            #expect(life.minded.look { $0.enrolments.count } == 1)
            #expect(life.minded.look { $0.reports.count } == 1)
            let request = life.minded.look { $0.enrolments[0] }
            #expect(request.spki != life.minded.look { $0.birthKey })
            #expect(try life.keys.labels().count == 2)
            #expect(life.minded.look { $0.log.map(\.kind) } == ["pairing", "enrolled"])
            // Steady: one call a contact.
            life.minded.change { $0.requests = [] }
            try await life.once()
            #expect(life.minded.look { $0.requests } == ["POST \(DeviceAPI.checkIn)"])
        }
    }

    @Test func `repeats the identical request when enrolment takes its time`() async throws {
        try await Life.lead { life in
            life.minded.change { ($0.state, $0.laterOnce) = (.notEnrolled, true) }
            try await life.once()
            try await Task.sleep(for: .milliseconds(1100))
            try await life.once()
            let requests = life.minded.look { $0.enrolments.map(\.der) }
            #expect(requests.count == 2 && requests.first == requests.last)
            #expect(try HomeStatus(of: life.home, on: life.disk).operational != nil)
        }
    }

    @Test func `renews at two thirds of the certificate's life, with a new key and the same subject`() async throws {
        try await Life.lead { life in
            life.minded.change { $0.certificateLife = 20 }
            try await life.enrol()
            let first = life.minded.look { $0.enrolments[0].spki }
            life.minded.change { $0.certificateLife = 86_400 }
            try await life.once()
            #expect(life.minded.look { $0.requests.last { $0.contains("est") } }?.hasSuffix("simplereenroll") == true)
            #expect(life.minded.look { $0.enrolments.count } == 2)
            #expect(life.minded.look { $0.enrolments[1].spki } != first)
            #expect(try life.keys.labels().count == 2)
        }
    }

    @Test func `falls back to the birth certificate when the operational one is revoked`() async throws {
        try await Life.lead { life in
            try await life.enrol()
            life.minded.change {
                $0.liveKeys = []
                $0.state = .notEnrolled
            }
            try await life.once()
            #expect(life.minded.look { $0.enrolments.count } == 2)
            #expect(life.minded.look { $0.reports.count } == 2)
            #expect(try life.keys.labels().count == 2)
        }
    }

    @Test func `stands still in quarantine, and goes on with the same certificate`() async throws {
        try await Life.lead { life in
            try await life.enrol()
            life.minded.change {
                $0.state = .quarantined
                $0.requests = []
            }
            let agent = try life.agent()
            for _ in 0..<3 { _ = await agent.round() }
            let asked = life.minded.look { $0.requests }
            #expect(asked.first == "POST \(DeviceAPI.checkIn)" && asked.dropFirst().allSatisfy { $0.hasSuffix("status") })
            life.minded.change { $0.state = .enrolled }
            for _ in 0..<2 { _ = await agent.round() }
            #expect(life.minded.look { $0.reports.count } == 2)
            #expect(life.minded.look { $0.enrolments.count } == 1)
        }
    }

    @Test func `applies a configuration once and signs for it`() async throws {
        try await Life.lead { life in
            life.minded.change { $0.configuration = .init(version: 3, document: "{\"target\":21}") }
            try await life.enrol()
            #expect(try life.disk.readWhole("/home/configuration.json") == Array("{\"target\":21}".utf8))
            #expect(life.receipts == [.configured])
            try await life.once()
            #expect(life.receipts == [.configured])
            #expect(life.minded.look { $0.reports.last?.configuration } == 3)
            life.minded.change { $0.configuration = .init(version: 4, document: "{}") }
            try await life.once()
            #expect(try life.disk.names(in: "/home/configuration") == ["4.json"])
        }
    }

    @Test func `takes an update, tries it, keeps it and signs for it`() async throws {
        try await Life.lead { life in
            try await life.enrol()
            try life.offer(Array("release one".utf8))
            try await life.once()
            #expect(try life.running() == 1)
            #expect(life.receipts == [.updated])
            let receipt = life.minded.look { $0.receipts[0] }
            #expect(receipt.artifact == Wire.Digest(SHA256.hash(data: Array("release one".utf8))))
            #expect(life.minded.look { $0.reports.last?.slot } == "b")
        }
    }

    @Test func `goes back from a release that is not healthy`() async throws {
        try await Life.lead { life in
            try await life.enrol()
            try life.offer(Array("bad".utf8))
            var settings = AgentSettings()
            settings.health = HealthCommand("test \"$LIFELONG_SLOT\" = /nowhere")
            try await life.once(settings)
            #expect(try life.running() == 0)
            #expect(life.receipts == [.rolledBack])
            #expect(life.minded.look { $0.receipts[0].reason } == "The health command ended with 1.")
        }
    }

    @Test func `refuses a release of a stranger, and an artifact that was tampered with`() async throws {
        try await Life.lead { life in
            try await life.enrol()
            try life.offer(Array("release".utf8), key: EphemeralKey())
            try await life.once()
            #expect(life.receipts == [.refused])
            #expect(!life.minded.look { $0.requests.contains { $0.contains("artifacts") } })
            try life.offer(Array("release".utf8), served: Array("releasE".utf8))
            try await life.once()
            #expect(life.receipts == [.refused, .refused])
            #expect(try life.running() == 0)
            #expect(try life.disk.names(in: "/home/slots/b").isEmpty)
        }
    }

    @Test func `keeps a receipt until the service has it`() async throws {
        try await Life.lead { life in
            try await life.enrol()
            life.minded.change {
                $0.configuration = .init(version: 1, document: "{}")
                $0.failingReceipts = 2
            }
            let agent = try life.agent()
            _ = await agent.round()
            #expect(life.receipts.isEmpty)
            // Not even a restart loses it.
            try await life.once()
            #expect(life.receipts.isEmpty)
            try await life.once()
            #expect(life.receipts == [.configured])
            #expect(try life.disk.names(in: "/home/outbox").isEmpty)
        }
    }

    @Test func `wipes everything of the tenure, says so with the birth key, and begins the next one`() async throws {
        try await Life.lead { life in
            life.minded.change { $0.configuration = .init(version: 1, document: "{\"wifi\":\"secret\"}") }
            try await life.enrol()
            try life.disk.write(Array("the owner's".utf8), to: "/home/data/photo")
            let key = life.minded.look { $0.enrolments[0].spki }
            life.minded.change {
                ($0.state, $0.wipe, $0.liveKeys, $0.configuration) = (.transferPending, .init(nonce: "bm9uY2U="), [], nil)
            }
            try await life.once()
            #expect(life.receipts == [.configured, .wiped])
            #expect(try life.disk.names(in: "/home/data").isEmpty)
            #expect(try life.disk.names(in: "/home/configuration").isEmpty)
            #expect(try life.disk.target(of: "/home/configuration.json") == nil)
            #expect(try life.disk.size(of: life.home.wipe) == nil)
            // The new tenure enrolled at once, with a key of its own, and the log went on without a gap.
            #expect(life.minded.look { $0.enrolments.count } == 2)
            #expect(life.minded.look { $0.enrolments[1].spki } != key)
            #expect(life.minded.look { $0.log.map(\.kind) }.contains("wiped"))
            #expect(try life.keys.labels().count == 2)
        }
    }

    /// A wipe is cut at every file operation; however it is, the device ends up wiped and with the nonce's receipt.
    @Test func `wipes although the power is cut`() async throws {
        try await Life.lead { life in
            life.minded.change { $0.configuration = .init(version: 1, document: "{}") }
            try await life.enrol()
            try life.disk.write(Array("the owner's".utf8), to: "/home/data/photo")
            life.disk.restart(.everything)
            let (before, mind) = (life.disk, life.minded.look { $0 })
            let birth = DeviceKeys.birth
            var cut = 0
            while true {
                cut += 1
                let disk = before.copy()
                life.minded.change {
                    $0 = mind
                    ($0.state, $0.wipe, $0.liveKeys) = (.retired, .init(nonce: "bm9uY2U="), [])
                }
                func agent() throws -> Agent {
                    try life.bench.agent(on: disk, keys: life.keys, port: life.service.port, transport: life.transport)
                }
                disk.cutPower(at: cut, persisted: cut.isMultiple(of: 2))
                let ended = try? await agent().run(once: true)
                disk.restart(MemoryDisk.Aftermath.allCases[cut % 4])
                let last = try await agent().run(once: true)
                #expect(last.hasPrefix("This device is retired"), "cut at \(cut)")
                #expect(try disk.names(in: "/home/data").isEmpty, "cut at \(cut)")
                #expect(life.minded.look { $0.receipts.last?.kind } == .wiped, "cut at \(cut)")
                #expect(try life.keys.labels() == [birth], "cut at \(cut)")
                if ended?.hasPrefix("This device is retired") == true { break }
                guard cut < 200 else {
                    Issue.record("It never ends.")
                    break
                }
            }
            #expect(cut > 20)
        }
    }

    @Test func `ends for good when it is retired`() async throws {
        try await Life.lead { life in
            try await life.enrol()
            life.minded.change { ($0.state, $0.wipe, $0.liveKeys) = (.retired, .init(nonce: "bm9uY2U="), []) }
            #expect(try await life.once().hasPrefix("This device is retired"))
            #expect(life.receipts == [.wiped])
            life.minded.change { $0.requests = [] }
            #expect(try await life.once().hasPrefix("This device is retired"))
            #expect(life.minded.look { $0.requests.isEmpty })
        }
    }

    @Test func `waits as long as it is told when the service is in trouble`() async throws {
        try await Life.lead { life in
            life.minded.change { $0.failing = (2, 503) }
            let agent = try life.agent()
            for _ in 0..<2 {
                guard case .after = await agent.round() else {
                    Issue.record("It did not wait.")
                    return
                }
            }
            _ = await agent.round()
            #expect(life.minded.look { $0.requests.count } == 3)
        }
    }
}
