import Agent
import Foundation
import Pairing
import Passport
import Registry
import Retirement
import Server
import Testing
import Transfer
import Trust
import Use
import Wire
import Workbench

@Suite struct `A right that ends` {
    /// The same connection before and after; the raw one proves that it is the same.
    private func expectCut(
        rule: String, after change: @escaping @Sendable (DeviceScene) async throws -> Void,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let tls = try scene.operational.identity.tlsConfiguration(anchors: door.anchors)
            let body = String(decoding: try CanonicalJSON.encode(scene.report()), as: UTF8.self)
            let request =
                "POST \(DeviceAPI.checkIn) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
            try await RawConnection.with(port: door.ports.device, tls: tls) { connection in
                try await connection.send(request)
                #expect(try await connection.answer().status == 200, sourceLocation: sourceLocation)
                try await change(scene)
                try await connection.send(request)
                let answer = try await connection.answer()
                #expect(answer.status == 403, "\(answer.body)", sourceLocation: sourceLocation)
                #expect(answer.body.contains(rule), "\(answer.body)", sourceLocation: sourceLocation)
            }
        }
    }

    @Test func `by quarantine ends with the next request on an open connection`() async throws {
        try await expectCut(rule: "stage quarantined: backEnd") { try await $0.quarantine() }
    }

    @Test func `by revocation ends with the next request on an open connection`() async throws {
        try await expectCut(rule: "certificate: revoked") { _ = try await $0.bench.enrol($0.unit) }
    }

    @Test func `by an offer and by its acceptance ends with the next request on an open connection`() async throws {
        try await expectCut(rule: "stage inTransfer: backEnd") { scene in
            _ = try await scene.bench.house.perform(OfferDevice(device: scene.unit.serial), as: scene.ada)
        }
        try await expectCut(rule: "certificate: revoked") { scene in
            let house = scene.bench.house
            let code = try await house.perform(OfferDevice(device: scene.unit.serial), as: scene.ada).code
            let ben = try await scene.bench.ownership("Ben")
            _ = try await house.perform(AcceptDevice(device: scene.unit.serial, code: code), as: ben)
        }
    }

    @Test func `by retirement ends with the next request on an open connection`() async throws {
        try await expectCut(rule: "certificate: revoked") { scene in
            _ = try await scene.bench.house.perform(
                RetireDevice(device: scene.unit.serial, how: .destroyed), as: .system)
        }
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func `ends with the next request on a resumed session too`(_ version: String) async throws {
        let scene = try await DeviceScene()
        let bench = scene.bench
        try PEM.encode(scene.unit.certificate, label: "CERTIFICATE")
            .write(toFile: bench.folder + "/birth.pem", atomically: true, encoding: .utf8)
        try await DeviceBench.run(bench) { door in
            func ask(_ session: [String]) async throws -> String {
                let request = "GET \(DeviceAPI.status) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                return try await OutsideProgram.run(
                    "openssl",
                    [
                        "s_client", "-connect", "127.0.0.1:\(door.ports.device)", version, "-ign_eof", "-cert",
                        "birth.pem",
                        "-key", bench.birthKeyFile(scene.unit),
                    ] + session, input: Array(request.utf8), in: bench.folder, seconds: 10
                ).text
            }
            let first = try await ask(["-sess_out", "session"])
            #expect(first.contains("New, TLSv1") && first.contains("\"state\":\"enrolled\""), "\(first)")
            try await scene.quarantine()
            let second = try await ask(["-sess_in", "session"])
            #expect(second.contains("Reused, TLSv1"), "\(second)")
            // Known again without its certificate, and judged as it stands now.
            #expect(
                second.contains("\"state\":\"quarantined\"") && second.contains(scene.unit.device.text), "\(second)")
        }
    }

    enum Ending: CaseIterable { case quarantine, revocation, transfer }

    /// A key of openssl's, enrolled: the files op.key and op.pem in the bench's folder.
    private func enrolStock(_ scene: DeviceScene) async throws {
        let bench = scene.bench
        for arguments in [
            ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "op.key"],
            [
                "req", "-new", "-key", "op.key", "-subj", "/CN=\(scene.unit.device)", "-outform", "DER", "-out",
                "op.csr",
            ],
        ] { #expect(try await OutsideProgram.run("openssl", arguments, in: bench.folder).status == 0) }
        let request = try VerifiedRequest(der: Array(Data(contentsOf: URL(filePath: bench.folder + "/op.csr"))))
        let shown = try bench.house.authorities.verifier(for: .birth)
            .verify(leaf: scene.unit.certificate, at: bench.clock.now, purpose: .birth).get()
        let der = try await EnrolDevice(device: scene.unit.device, request: request, proof: .birth(shown))
            .perform(in: bench.house)
        try PEM.encode(der, label: "CERTIFICATE")
            .write(toFile: bench.folder + "/op.pem", atomically: true, encoding: .utf8)
    }

    @Test(arguments: Ending.allCases)
    func `is not brought back by resuming a session`(_ ending: Ending) async throws {
        let scene = try await DeviceScene()
        let bench = scene.bench
        try await enrolStock(scene)
        let body = String(decoding: try CanonicalJSON.encode(scene.report()), as: UTF8.self)
        let request =
            "POST \(DeviceAPI.checkIn) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            + "Connection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        try await DeviceBench.run(bench) { door in
            func ask(_ session: [String]) async throws -> String {
                try await OutsideProgram.run(
                    "openssl",
                    [
                        "s_client", "-connect", "127.0.0.1:\(door.ports.device)", "-tls1_3", "-ign_eof", "-cert",
                        "op.pem", "-key", "op.key",
                    ] + session, input: Array(request.utf8), in: bench.folder, seconds: 10
                ).text
            }
            #expect(try await ask(["-sess_out", "session"]).contains("HTTP/1.1 200"))
            let resumed = try await ask(["-sess_in", "session"])
            #expect(resumed.contains("Reused, TLSv1.3") && resumed.contains("HTTP/1.1 200"), "\(resumed)")
            switch ending {
            case .quarantine: try await scene.quarantine()
            case .revocation: _ = try await bench.enrol(scene.unit)
            case .transfer:
                let offer = try await bench.house.perform(OfferDevice(device: scene.unit.serial), as: scene.ada)
                let ben = try await bench.ownership("Ben")
                _ = try await bench.house.perform(
                    AcceptDevice(device: scene.unit.serial, code: offer.code), as: ben)
            }
            let after = try await ask(["-sess_in", "session"])
            #expect(after.contains("Reused, TLSv1.3") && after.contains("HTTP/1.1 403"), "\(after)")
        }
    }
}
