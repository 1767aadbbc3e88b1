import Foundation
import NIOHTTP1
import Passport
import Registry
import Server
import Store
import Testing
import Trust
import Wire
import Workbench

/// pkilint of the project's .venv, or nil with a notice.
private let pkilint: String? = {
    var folder = URL(filePath: #filePath).deletingLastPathComponent()
    while folder.path != "/" {
        let programs = folder.appending(path: ".venv/bin")
        if access(programs.appending(path: "lint_pkix_cert").path, X_OK) == 0 { return programs.path }
        folder.deleteLastPathComponent()
    }
    print("notice: pkilint is not installed (make a .venv with pkilint==0.13.3): its checks are not run")
    return nil
}()

@Suite(.enabled(if: pkilint != nil)) struct `What a running house issued, read by pkilint` {
    private func expectClean(
        _ program: String, options: [String] = [], _ der: [UInt8], _ label: String?, _ name: String, in folder: String
    ) async throws {
        let file = "\(folder)/\(name)"
        let bytes = label.map { Array(PEM.encode(der, label: $0).utf8) } ?? der
        try Data(bytes).write(to: URL(filePath: file))
        let found = try await OutsideProgram.run(
            #require(pkilint) + "/\(program)", ["lint", "-s", "WARNING"] + options + [file], in: folder, seconds: 60)
        #expect(found.status == 0, "\(name): \(found.text) \(found.errors)")
    }

    /// One of each: the roots, the issuing CAs, the birth CA, a birth, an operational, the server's and the responder's.
    @Test func `has no finding in any kind of certificate, in the lists and in an OCSP answer`() async throws {
        // Names as a public network has them: pkilint does not take "localhost" for one.
        let scene = try await DeviceScene {
            $0.publicURL = "http://pki.example.com:8080"
            $0.serviceNames = ["devices.example.com", "127.0.0.1"]
        }
        _ = try await scene.bench.enrol(scene.unit)
        try await DeviceBench.run(scene.bench) { door in
            let house = scene.bench.house
            var certificates = [("birth", scene.unit.certificate)]
            for known in house.authorities.all { certificates.append((known.name, known.certificate)) }
            certificates += try await house.read { rows in
                try rows.query(
                    "SELECT kind, der FROM certificate WHERE der IS NOT NULL AND kind NOT IN ('root', 'authority') ORDER BY kind"
                )
                .enumerated().map { number, row in ("\(try row.text("kind"))-\(number)", try row.bytes("der")) }
            }
            #expect(certificates.count >= 9)
            for (name, der) in certificates {
                try await expectClean("lint_pkix_cert", der, "CERTIFICATE", name, in: scene.bench.folder)
            }
            for (name, type) in [("operational-root", "ARL"), ("operational-issuing-1", "CRL"), ("maker-root", "ARL")] {
                let list = try await door.anybody.get("/crl/\(name).crl")
                #expect(list.status == 200)
                try await expectClean(
                    "lint_crl", options: ["-t", type, "-p", "PKIX"], list.body, "X509 CRL", "\(name).crl",
                    in: scene.bench.folder)
            }
            try await expectClean(
                "lint_ocsp_response", try await ocsp(door, scene), nil, "ocsp", in: scene.bench.folder)
        }
    }

    private func ocsp(_ door: DeviceBench, _ scene: DeviceScene) async throws -> [UInt8] {
        let folder = scene.bench.folder
        let issuer = try #require(scene.bench.house.authorities.known("operational-issuing-1")).certificate
        for (name, der) in [("issuer.pem", issuer), ("leaf.pem", scene.operational.certificate)] {
            try PEM.encode(der, label: "CERTIFICATE").write(
                toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
        }
        let made = try await OutsideProgram.run(
            "openssl", ["ocsp", "-issuer", "issuer.pem", "-cert", "leaf.pem", "-reqout", "request.der"], in: folder)
        #expect(made.status == 0, "\(made)")
        let request = [UInt8](try Data(contentsOf: URL(filePath: "\(folder)/request.der")))
        return try await door.anybody.send(
            .POST, "/ocsp/operational-issuing-1", request, type: "application/ocsp-request"
        ).body
    }
}
