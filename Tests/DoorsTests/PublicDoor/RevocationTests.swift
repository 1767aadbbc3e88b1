import Agent
import Foundation
import NIOHTTP1
import Passport
import Registry
import Server
import Store
import Testing
import Transfer
import Trust
import Use
import Wire
import Workbench

/// Files of a running house for openssl: the chain and certificates in PEM.
private struct Files {
    let folder: String

    init(_ bench: HouseBench) throws {
        folder = bench.folder
        for name in [Authorities.Name.operationalRoot, Authorities.Name.issuing] {
            try write(#require(bench.house.authorities.known(name)).certificate, name)
        }
    }

    func write(_ der: [UInt8], _ name: String) throws {
        try PEM.encode(der, label: "CERTIFICATE").write(
            toFile: "\(folder)/\(name).pem", atomically: true, encoding: .utf8)
    }

    func openssl(_ arguments: [String]) async throws -> OutsideProgram.Outcome {
        try await OutsideProgram.run("openssl", arguments, in: folder)
    }
}

@Suite(.enabled(if: OutsideProgram.findOrSay("openssl", package: "openssl"))) struct `A revocation` {
    /// Asks again until it holds: a quarter of a second on a quiet machine, a second at most; with room for the other suites.
    private func withinASecond(_ holds: () async throws -> Bool) async throws -> Bool {
        let end = ContinuousClock.now + .seconds(4)
        while ContinuousClock.now < end {
            if try await holds() { return true }
            try await Task.sleep(for: .milliseconds(20))
        }
        return try await holds()
    }

    @Test func `is on the list within a second, and stock openssl refuses the certificate`() async throws {
        let scene = try await DeviceScene()
        let files = try Files(scene.bench)
        let newer = try await scene.bench.enrol(scene.unit)
        try files.write(scene.operational.certificate, "old")
        try files.write(newer.certificate, "new")
        try await DeviceBench.run(scene.bench) { door in
            func list() async throws -> [UInt8] {
                let answer = try await door.anybody.get("/crl/operational-issuing-1.crl")
                #expect(answer.status == 200 && answer.headers.first(name: "Content-Type") == "application/pkix-crl")
                return answer.body
            }
            func verify(_ name: String) async throws -> OutsideProgram.Outcome {
                let crl = try await list()
                try PEM.encode(crl, label: "X509 CRL").write(
                    toFile: files.folder + "/crl.pem", atomically: true, encoding: .utf8)
                return try await files.openssl([
                    "verify", "-x509_strict", "-crl_check", "-CRLfile", "crl.pem", "-CAfile", "operational-root.pem",
                    "-untrusted", "operational-issuing-1.pem", "-purpose", "sslclient", "\(name).pem",
                ])
            }
            let old = try await verify("old")
            #expect(old.status != 0 && (old.text + old.errors).contains("certificate revoked"), "\(old)")
            let new = try await verify("new")
            #expect(new.status == 0, "\(new)")
            let before = try await list()
            _ = try await scene.bench.enrol(scene.unit)
            #expect(try await withinASecond { try await list() != before })
            #expect(try await verify("new").status != 0)
            expectRefusal(try await door.anybody.get("/crl/nobody.crl"), 404)
            #expect(
                try await door.anybody.get("/ca/operational-issuing-1.cer").body
                    == scene.bench.house.authorities.known("operational-issuing-1")?.certificate)
            for path in [
                "/ca/nobody.cer", "/ca/../../etc/passwd", "/crl/\(String(repeating: "a", count: 200)).crl", "/",
            ] {
                expectRefusal(try await door.anybody.get(path), 404)
            }
        }
    }

    @Test func `is listed although the list was made in the same second`() async throws {
        let scene = try await DeviceScene()
        let house = scene.bench.house
        let sql = "SELECT number FROM crl WHERE authority = 'operational-issuing-1'"
        func number() async throws -> Int { try await house.read { try $0.first(sql)?.int("number") ?? 0 } }
        try await Revocation.publish(house)
        let first = try await number()
        // The change's clock was read before the list's, its commit came after: the list's own time says nothing.
        scene.bench.clock.advance(seconds: 30)
        try await Revocation.publish(house)
        #expect(try await number() == first)
        scene.bench.clock.advance(seconds: -30)
        _ = try await scene.bench.enrol(scene.unit)
        try await Revocation.publish(house)
        #expect(try await number() == first + 1)
        try await Revocation.publish(house)
        #expect(try await number() == first + 1)
        scene.bench.clock.advance(seconds: 13 * 3600)
        try await Revocation.publish(house)
        #expect(try await number() == first + 2)
    }

    @Test func `is what the OCSP responder says, to stock openssl by POST and by GET`() async throws {
        let scene = try await DeviceScene()
        let files = try Files(scene.bench)
        let newer = try await scene.bench.enrol(scene.unit)
        try files.write(scene.operational.certificate, "old")
        try files.write(newer.certificate, "new")
        try await DeviceBench.run(scene.bench) { door in
            let trust = ["-issuer", "operational-issuing-1.pem", "-CAfile", "operational-root.pem"]
            let url = "\(door.open)/ocsp/operational-issuing-1"
            for (name, word) in [("old", "old.pem: revoked"), ("new", "new.pem: good")] {
                let asked = try await files.openssl(
                    ["ocsp"] + trust + ["-cert", "\(name).pem", "-url", url, "-reqout", "\(name).der", "-text"])
                #expect(asked.status == 0 && asked.text.contains(word), "\(asked)")
                #expect(
                    asked.errors.contains("Response verify OK") && !asked.errors.contains("no nonce"), "\(asked.errors)"
                )
                let request = [UInt8](try Data(contentsOf: URL(filePath: "\(files.folder)/\(name).der")))
                let path = Base64.encode(request).addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
                let got = try await door.anybody.get("/ocsp/operational-issuing-1/\(path)")
                #expect(got.headers.first(name: "Content-Type") == "application/ocsp-response")
                try Data(got.body).write(to: URL(filePath: "\(files.folder)/\(name).response"))
                let read = try await files.openssl(
                    ["ocsp", "-no_nonce"] + trust + [
                        "-cert", "\(name).pem", "-reqin", "\(name).der", "-respin", "\(name).response",
                    ])
                #expect(read.text.contains(word), "\(read)")
            }
        }
    }

    @Test func `is never invented - what was not issued here gets no status, what is no request an error`() async throws
    {
        let scene = try await DeviceScene()
        let files = try Files(scene.bench)
        try await DeviceBench.run(scene.bench) { door in
            let url = "\(door.open)/ocsp/operational-issuing-1"
            for serial in ["0x4142434445464748494a4b4c4d4e4f50", "1"] {
                let asked = try await files.openssl([
                    "ocsp", "-issuer", "operational-issuing-1.pem", "-CAfile", "operational-root.pem", "-serial",
                    serial, "-url", url,
                ])
                #expect((asked.text + asked.errors).contains("unauthorized (6)"), "\(asked)")
            }
            // RFC 6960 §4.2.1: malformedRequest (1) and unauthorized (6) as ENUMERATED in a SEQUENCE.
            let malformed: [UInt8] = [0x30, 3, 0x0a, 1, 1]
            let client = door.anybody
            for body in [[], [0x30], Array("nonsense".utf8), [UInt8](repeating: 0x30, count: 1000)] as [[UInt8]] {
                let answer = try await client.send(
                    .POST, "/ocsp/operational-issuing-1", body, type: "application/ocsp-request")
                #expect(answer.body == malformed)
            }
            for path in ["!!!", "%ZZ", "AAAA", String(repeating: "A", count: 5000)] {
                #expect(
                    try await client.get("/ocsp/operational-issuing-1/\(path)").body == malformed, "\(path.prefix(9))")
            }
            #expect(
                try await client.send(.POST, "/ocsp/nobody", [0x30], type: "application/ocsp-request").body == [
                    0x30, 3, 0x0a, 1, 6,
                ])
            let large = [UInt8](repeating: 0x30, count: 20_000)
            expectRefusal(
                try await client.send(.POST, "/ocsp/operational-issuing-1", large, type: "application/ocsp-request"),
                413)
        }
    }

    @Test func `goes on being answered when the responder's certificate has been replaced`() async throws {
        let scene = try await DeviceScene()
        let door = try await PublicDoor(house: scene.bench.house, key: scene.bench.publisher.verifierKey)
        let first = try await ServiceCertificates.responder(of: Authorities.Name.issuing, scene.bench.house)
        scene.bench.clock.advance(days: 25)
        try await door.renewResponders()
        let second = try await ServiceCertificates.responder(of: Authorities.Name.issuing, scene.bench.house)
        #expect(first.certificate != second.certificate)
    }
}
