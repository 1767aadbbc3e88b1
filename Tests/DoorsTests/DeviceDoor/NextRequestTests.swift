import Agent
import Foundation
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
}
