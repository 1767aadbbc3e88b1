import Agent
import Foundation
import NIOHTTP1
import Testing
import Trust
import Wire

/// A service for one device, with just enough of a mind to lead it through its life.
final class MindedService: Sendable {
    struct Mind: Sendable {
        var state = DeviceStatus.State.notPaired
        var pairing: DeviceStatus.Pairing?
        var wipe: DeviceStatus.Wipe?
        var configuration: DesiredState.Configuration?
        var update: DesiredState.Update?
        /// Brought at every contact, whatever was reported.
        var successions: [Seal]?
        var roots: String?
        /// What /cacerts gives besides.
        var authorities: [[UInt8]] = []
        var artifact: [UInt8] = []
        /// Update metadata by its files' names, and what is answered instead.
        var metadata: [String: [UInt8]] = [:]
        var strangeMetadata: [String: ScriptedService.Answer] = [:]
        /// Seconds by which its clock is behind.
        var clockBehind: Int64 = 0
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
    let mind = Locked(Mind())
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
        switch String(request.path.prefix { $0 != "?" }) {
        case DeviceAPI.status: return .reply(200, try CanonicalJSON.encode(status(mind)))
        case DeviceAPI.receipts: return try receive(request, peer, isBirth, &mind)
        case DeviceAPI.checkIn: return try checkIn(request, isBirth, &mind)
        case "/.well-known/est/cacerts":
            return bundle([bench.issuing.certificate, bench.serviceRoot.certificate] + mind.authorities)
        case "/.well-known/est/csrattrs": return .reply(204, [])
        case "/.well-known/est/simpleenroll" where isBirth, "/.well-known/est/simplereenroll" where !isBirth:
            return try enrol(request, peer, &mind)
        case let path where path.hasPrefix(DeviceAPI.metadata):
            let name = String(path.dropFirst(DeviceAPI.metadata.count))
            if let strange = mind.strangeMetadata[name] { return strange }
            return mind.metadata[name].map { .reply(200, $0) } ?? .reply(404, Array("{}".utf8))
        default:
            guard request.path.hasPrefix(DeviceAPI.artifacts), !isBirth else { return .reply(404, []) }
            return .reply(200, headers: ["ETag": "\"1\""], mind.artifact)
        }
    }

    private func status(_ mind: Mind) -> DeviceStatus {
        DeviceStatus(
            state: mind.state, stage: "any", reason: "Says the test.", hint: "Obey.", device: AgentBench.device,
            enrol: [.enrolled, .notEnrolled].contains(mind.state) ? "/.well-known/est" : nil, pairing: mind.pairing,
            wipe: mind.wipe, serverTime: AgentBench.now.adding(seconds: -mind.clockBehind))
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
            guard entry.index == mind.log.count, entry.hash == DeviceLog.hash(of: entry, after: mind.log.last?.hash)
            else {
                throw Refusal(.conflict, "The log has a gap.", hint: "Send it as written.", rule: "device log")
            }
            mind.log.append(entry)
        }
        let desired = DesiredState(
            status: status(mind), configuration: mind.configuration, update: mind.update, successions: mind.successions,
            roots: mind.roots, logTaken: mind.log.count, nextCheckInSeconds: 60)
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
