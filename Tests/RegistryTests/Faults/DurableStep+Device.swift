import Foundation
import Keys
import Logging
import Pairing
import Passport
import Retirement
import Store
import Testing
import Transfer
import Trust
import Use
import Wire
import Workbench

@testable import Registry

extension DurableStep {
    /// What devices do.
    static var device: [DurableStep] {
        [
            DurableStep(ProvePresence.name) { scene in
                let unit = try await scene.unit()
                _ = try await scene.house.perform(PairDevice(device: unit.serial, grade: .proven), as: scene.ada)
                let nonce = try await scene.house.read { rows in
                    try rows.first("SELECT nonce FROM pairing WHERE device = $1", [Value(unit.device)])?.text("nonce")
                }
                let seal = try scene.receipt(
                    Receipt(kind: .pairingProof, device: unit.device, at: scene.bench.clock.now, nonce: nonce),
                    by: unit.key
                )
                return Attempt {
                    _ = try await scene.house.perform(ProvePresence(seal: seal), as: .device(unit.device))
                } check: { _ in
                    try await scene.expectOneTenure(of: unit, entries: 1)
                }
            },
            DurableStep("enrolment") { scene in
                let unit = try await scene.paired()
                let request = try VerifiedRequest(
                    der: CertificationRequest.enrolment(device: unit.device, key: EphemeralKey()))
                let shown = try scene.shown(birthOf: unit)
                return Attempt {
                    _ = try await EnrolDevice(device: unit.device, request: request, proof: .birth(shown)).perform(
                        in: scene.house)
                } check: { _ in
                    try await demand(scene.issued(to: unit) == 1)
                    try await demand(scene.passport(unit).certificates.count == 1)
                }
            },
            DurableStep("renewal") { scene in
                let (unit, operational) = try await scene.enrolled()
                let (shown, born) = (try scene.shown(operational), try scene.shown(birthOf: unit))
                let subject = try HeldRequest.renewal(shown)
                let fresh = try VerifiedRequest(
                    der: CertificationRequest.enrolment(device: unit.device, key: subject.key))
                return Attempt {
                    _ = try await EnrolDevice(device: unit.device, request: subject.request, proof: .operational(shown))
                        .perform(in: scene.house)
                } again: {
                    // A device whose certificate was replaced meanwhile goes back to its birth certificate.
                    let isLive = try await scene.passport(unit).certificates.contains {
                        $0.serial == shown.reference.serial
                    }
                    _ = try await EnrolDevice(
                        device: unit.device, request: isLive ? subject.request : fresh,
                        proof: isLive ? .operational(shown) : .birth(born)
                    ).perform(in: scene.house)
                } check: { _ in
                    try await demand(scene.issued(to: unit) == 1)
                    try await demand(scene.passport(unit).certificates.count == 1)
                    try await demand(
                        scene.passport(unit).certificates.first?.serial != shown.reference.serial)
                }
            },
            DurableStep("enrolment by code") { scene in
                let unit = try await scene.paired()
                let code = try await scene.house.perform(IssueEnrolmentCode(device: unit.serial), as: scene.ada).code
                let request = try VerifiedRequest(
                    der: CertificationRequest.enrolment(device: unit.device, key: EphemeralKey()))
                return Attempt {
                    let proof = try await EnrolmentCode.admit(code, of: unit.serial, in: scene.house)
                    _ = try await EnrolDevice(device: unit.device, request: request, proof: .code(proof)).perform(
                        in: scene.house)
                } again: {
                    do {
                        let proof = try await EnrolmentCode.admit(code, of: unit.serial, in: scene.house)
                        _ = try await EnrolDevice(device: unit.device, request: request, proof: .code(proof)).perform(
                            in: scene.house)
                    } catch let refusal as Refusal where refusal.code == .unauthenticated {
                        // The code is used up; its owner makes another.
                        let next = try await scene.house.perform(IssueEnrolmentCode(device: unit.serial), as: scene.ada)
                        let proof = try await EnrolmentCode.admit(next.code, of: unit.serial, in: scene.house)
                        _ = try await EnrolDevice(device: unit.device, request: request, proof: .code(proof)).perform(
                            in: scene.house)
                    }
                } check: { _ in
                    try await demand(scene.issued(to: unit) == 1)
                    let codes = try await scene.count(
                        "SELECT COUNT(*) AS n FROM nonce WHERE device = $1 AND purpose = 'enrolment'",
                        [Value(unit.device)])
                    #expect(codes == 0)
                }
            },
            DurableStep("a wrong enrolment code") { scene in
                let unit = try await scene.paired()
                _ = try await scene.house.perform(IssueEnrolmentCode(device: unit.serial), as: scene.ada)
                return Attempt {
                    do {
                        _ = try await EnrolmentCode.admit("0000-0000-0000-0000", of: unit.serial, in: scene.house)
                        Issue.record("a wrong code was admitted")
                    } catch let refusal as Refusal where refusal.code == .unauthenticated {}
                } check: { extra in
                    let counted = try await scene.count(
                        "SELECT used AS n FROM nonce WHERE device = $1 AND purpose = 'enrolment'", [Value(unit.device)])
                    #expect(counted == 1 || (extra && counted == 2))
                }
            },
            DurableStep(TakeLog.name) { scene in
                let unit = try await scene.enrolled().unit
                var entry = DeviceLogEntry(
                    index: 0, at: scene.bench.clock.now, kind: "boot", text: "began",
                    hash: Digest([UInt8](repeating: 0, count: 32)))
                entry.hash = try TakeLog.hash(entry, after: entry.hash)
                let entries = [entry]
                return Attempt {
                    _ = try await scene.house.perform(
                        TakeLog(device: unit.device, entries: entries), as: .device(unit.device))
                } check: { _ in
                    try await demand(scene.passport(unit).log?.count == 1)
                    try await demand(scene.entries("logTaken", of: unit) == 1)
                    try await demand(scene.entries("alarmRaised", of: unit) == 0)
                }
            },
            DurableStep(RecordReceipt.name) { scene in
                let (unit, operational) = try await scene.enrolled()
                _ = try await scene.house.perform(
                    ConfigureDevice(device: unit.serial, document: "{\"interval\":1}"), as: scene.ada)
                let seal = try scene.receipt(
                    Receipt(kind: .configured, device: unit.device, at: scene.bench.clock.now, configuration: 1),
                    by: operational.key)
                return Attempt {
                    _ = try await scene.house.perform(RecordReceipt(seal: seal), as: .device(unit.device))
                } check: { _ in
                    try await demand(scene.passport(unit).configurationApplied == 1)
                    try await demand(scene.entries("configurationApplied", of: unit) == 1)
                }
            },
            DurableStep(RecordWipe.name) { scene in
                let (unit, code) = try await scene.offered()
                _ = try await scene.house.perform(AcceptDevice(device: unit.serial, code: code), as: scene.ben)
                let seal = try scene.receipt(
                    Receipt(
                        kind: .wiped, device: unit.device, at: scene.bench.clock.now,
                        nonce: try await scene.wipeNonce(unit)
                    ), by: unit.key)
                return Attempt {
                    _ = try await scene.house.perform(RecordWipe(seal: seal), as: .device(unit.device))
                } check: { _ in
                    try await scene.expectOneTenure(of: unit, entries: 2)
                    try await demand(scene.entries("wiped", of: unit) == 1)
                    try await demand(scene.wipeNonce(unit) == nil)
                }
            },
        ]
    }

    /// What the house does for itself.
    static var house: [DurableStep] {
        [
            DurableStep("an alarm at contact") { scene in
                let unit = try await scene.bench.makeUnits(1, shipped: false, station: "early-\(await scene.number())")[
                    0]
                return Attempt {
                    let device = try await scene.house.read { rows in try Device.require(unit.serial, in: rows) }
                    try await Contact.judge(device, from: "192.0.2.1", in: scene.house)
                } check: { _ in
                    try await demand(scene.bench.alarms(.contactBeforeShipping, on: unit) == 1)
                    try await demand(scene.entries("alarmRaised", of: unit) == 1)
                }
            },
            DurableStep("last contacts") { scene in
                let unit = try await scene.enrolled().unit
                let tenure = try await scene.bench.tenure(of: unit.device)
                let report = CheckInReport(agent: "test/1", sequence: 0, version: "1")
                return Attempt {
                    scene.house.contacts.note(
                        .init(device: unit.device, tenure: tenure, at: scene.bench.clock.now, report: report))
                    await scene.house.contacts.flush()
                } check: { _ in
                    // A failure is nobody's affair but its own: the next second writes what this one could not.
                    await scene.house.contacts.flush()
                    try await demand(
                        scene.count(
                            "SELECT COUNT(*) AS n FROM contact WHERE device = $1", [Value(unit.device)])
                            == 1)
                }
            },
            DurableStep("counting contacts") { scene in
                let unit = try await scene.enrolled().unit
                let tenure = try await scene.bench.tenure(of: unit.device)
                let report = CheckInReport(agent: "test/1", sequence: 0, version: "1")
                scene.house.contacts.note(
                    .init(device: unit.device, tenure: tenure, at: scene.bench.clock.now, report: report))
                await scene.house.contacts.flush()
                return Attempt {
                    try await ContactCounts(scene.house).refresh()
                } check: { _ in
                    let counted = try await scene.count("SELECT n FROM tally WHERE name = 'contacts '")
                    try await demand(
                        counted == scene.count("SELECT COUNT(*) AS n FROM contact") && counted > 0)
                }
            },
            DurableStep("publishing a checkpoint") { scene in
                _ = try await scene.house.change(as: .system) {
                    try $0.record(.tokenRevoked(person: .init(trusted: "p")))
                }
                return Attempt {
                    try await scene.bench.publisher.publish()
                } check: { _ in
                    let size = try await scene.count("SELECT size AS n FROM ledger_size")
                    let published = try await scene.count("SELECT MAX(size) AS n FROM checkpoint")
                    #expect(size == published)
                }
            },
            DurableStep("deleting old checkpoints") { scene in
                for _ in 0..<2 {
                    _ = try await scene.house.change(as: .system) {
                        try $0.record(.tokenRevoked(person: .init(trusted: "p")))
                    }
                    try await scene.bench.publisher.publish()
                }
                scene.bench.clock.advance(days: 2)
                return Attempt {
                    try await OldCheckpoints.prune(scene.house)
                } check: { _ in
                    try await demand(scene.count("SELECT COUNT(*) AS n FROM checkpoint") == 1)
                }
            },
            DurableStep("publishing a revocation list") { scene in
                let unit = try await scene.enrolled().unit
                try await scene.bench.publisher.publish()
                let before = try await scene.listNumber()
                _ = try await scene.house.perform(RetireDevice(device: unit.serial, how: .destroyed), as: .system)
                return Attempt {
                    try await Revocation.publish(scene.house)
                } check: { _ in
                    let serials = try await scene.house.read { rows in
                        try RevocationLists.serials(
                            rows.first(
                                "SELECT der FROM crl WHERE authority = $1", [.text(Authorities.Name.issuing)])?.bytes(
                                    "der")
                                ?? [])
                    }
                    let revoked = try await scene.house.read { rows in
                        try rows.query("SELECT serial FROM certificate WHERE device = $1", [Value(unit.device)]).map {
                            try $0.text("serial")
                        }
                    }
                    #expect(!revoked.isEmpty && Set(revoked).isSubset(of: serials))
                    try await demand(scene.listNumber() == before + 1)
                }
            },
            DurableStep("erasure of an ended tenure") { scene in
                let unit = try await scene.enrolled().unit
                let wrapped = try await scene.house.read { rows in
                    try rows.first("SELECT data_key FROM tenure WHERE device = $1", [Value(unit.device)])?.bytes(
                        "data_key")
                        ?? []
                }
                _ = try await scene.house.perform(RetireDevice(device: unit.serial, how: .destroyed), as: .system)
                let erasure = Erasure(scene.house.database)
                return Attempt {
                    try await erasure.clean()
                } check: { _ in
                    #expect(!wrapped.isEmpty)
                    for name in try FileManager.default.contentsOfDirectory(atPath: scene.bench.folder)
                    where name.hasPrefix("lifelong.db") {
                        let bytes = try Data(contentsOf: URL(filePath: "\(scene.bench.folder)/\(name)"))
                        #expect(bytes.range(of: Data(wrapped)) == nil, "the wrapped key still stands in \(name)")
                    }
                }
            },
            DurableStep("the server's own certificate") { scene in
                // Due for renewal, every time.
                scene.bench.clock.advance(days: 250)
                return Attempt {
                    _ = try await ServiceCertificates.server(scene.house)
                } check: { _ in
                    try await scene.expectLive(.server, days: 300)
                }
            },
            DurableStep("the responder's certificate") { scene in
                scene.bench.clock.advance(days: 25)
                return Attempt {
                    _ = try await ServiceCertificates.responder(of: Authorities.Name.issuing, scene.house)
                } check: { _ in
                    try await scene.expectLive(.ocspResponder, days: 20)
                }
            },
            DurableStep("abandoning intents") { scene in
                let unit = try await scene.paired()
                let request = try VerifiedRequest(
                    der: CertificationRequest.enrolment(device: unit.device, key: EphemeralKey()))
                // The intent is stored and its asker never heard of it.
                scene.faults.arm(.database, .failedButPersisted, at: 1)
                _ = try? await EnrolDevice(
                    device: unit.device, request: request, proof: .birth(scene.shown(birthOf: unit))
                ).perform(in: scene.house)
                scene.faults.disarm()
                scene.bench.clock.advance(seconds: 700)
                return Attempt {
                    try await Issuer.sweep(scene.house)
                } check: { _ in
                    let left = try await scene.count(
                        "SELECT COUNT(*) AS n FROM certificate WHERE device = $1 AND state = 'intended'",
                        [Value(unit.device)])
                    #expect(left == 0)
                }
            },
        ]
    }
}

/// A renewal as a device asks for it: the subject and the names that it has, a new key.
private enum HeldRequest {
    static func renewal(_ shown: VerifiedCertificate) throws -> (request: VerifiedRequest, key: EphemeralKey) {
        let key = EphemeralKey()
        let der = try CertificationRequest.renewal(
            subjectDER: shown.subjectDER, alternativeNamesDER: shown.sanDER, key: key)
        return (try VerifiedRequest(der: der), key)
    }
}

extension FaultScene {
    /// A certificate of the house's own that lives so long.
    fileprivate func expectLive(_ kind: CertificateKind, days: Int64) async throws {
        let live = try await count(
            "SELECT COUNT(*) AS n FROM certificate WHERE kind = $1 AND state = 'issued' AND not_after > $2",
            [.text(kind.rawValue), Value(bench.clock.now.adding(days: days))])
        #expect(live >= 1, "\(kind)")
    }

    fileprivate func listNumber() async throws -> Int {
        try await count(
            "SELECT number AS n FROM crl WHERE authority = $1", [.text(Authorities.Name.issuing)])
    }
}
