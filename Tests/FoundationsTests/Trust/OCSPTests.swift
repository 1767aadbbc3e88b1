import Foundation
import Testing
import Wire

@testable import Trust

@Suite struct `The status protocol` {
    let bench: TrustBench
    let now = TrustBench.now
    let responder: OCSP.Responder
    let responderKey = EphemeralKey()

    init() throws {
        bench = try TrustBench()
        responder = try OCSP.Responder(
            certificate: bench.responder(responderKey), key: responderKey, under: bench.operations)
    }

    private func id(_ serial: String = "4a01", _ hash: OCSP.CertificateID.Hash = .sha256) throws -> OCSP.CertificateID {
        try OCSP.CertificateID(of: serial, issuer: bench.operations.certificate, hash: hash)
    }

    private func response(
        _ status: OCSP.Status = .good, for id: OCSP.CertificateID, nonce: [UInt8]? = nil,
        by other: OCSP.Responder? = nil,
        thisUpdate: Timestamp = TrustBench.now
    ) throws -> [UInt8] {
        try OCSP.response(
            [(id, status)], by: other ?? responder, producedAt: thisUpdate, thisUpdate: thisUpdate,
            nextUpdate: thisUpdate.adding(days: 1), nonce: nonce)
    }

    private func verdict(
        _ response: [UInt8], for id: OCSP.CertificateID, nonce: [UInt8]? = nil, at: Timestamp = TrustBench.now
    ) -> Result<OCSP.Status, Refusal> {
        do throws(Refusal) {
            return .success(
                try OCSP.verify(response, for: id, issuer: bench.operations.certificate, nonce: nonce, at: at))
        } catch {
            return .failure(error)
        }
    }

    private func rule(_ result: Result<OCSP.Status, Refusal>) -> String? {
        if case .failure(let refusal) = result { return refusal.rule }
        return nil
    }

    @Test func `answers every status, with both hashes, by authority and delegate`() throws {
        let statuses: [OCSP.Status] = [
            .good, .unknown, .revoked(at: now.adding(days: -1), reason: .unspecified),
            .revoked(at: now.adding(days: -1), reason: .privilegeWithdrawn),
        ]
        for hash in [OCSP.CertificateID.Hash.sha1, .sha256] {
            let id = try id("4a01", hash)
            for status in statuses {
                for responder in [responder, try OCSP.Responder(bench.operations)] {
                    let der = try response(status, for: id, by: responder)
                    #expect(try verdict(der, for: id).get() == status)
                }
            }
        }
    }

    @Test func `reads requests of one and of many, with and without a nonce`() throws {
        let nonce = TrustBench.serial(32)
        let ids = [try id("4a01"), try id("05", .sha1)]
        let request = try OCSP.parseRequest(OCSP.request(for: ids, nonce: nonce))
        #expect(request.certificates == ids && request.nonce == nonce)
        #expect(
            request.certificates[0].isIssued(by: bench.operations)
                && !request.certificates[0].isIssued(by: bench.births))
        #expect(try OCSP.parseRequest(OCSP.request(for: [ids[0]])).nonce == nil)
    }

    @Test(
        arguments: [(0, nil), (1, false), (15, false), (16, true), (32, true), (33, false), (128, false), (129, nil)]
            as [(Int, Bool?)])
    func `echoes nonces of 16 to 32 octets, passes over the others up to 128, refuses the rest`(
        _ length: Int, _ echoed: Bool?
    ) throws {
        let der = OCSP.request(for: [try id()], nonce: [UInt8](repeating: 7, count: length))
        guard let echoed else {
            #expect { try OCSP.parseRequest(der) } throws: { ($0 as? Refusal)?.rule == "RFC 9654 §2.1" }
            return
        }
        #expect((try OCSP.parseRequest(der).nonce != nil) == echoed)
    }

    @Test func `refuses requests that are too many, too large, or broken`() throws {
        let id = try id()
        #expect(throws: Refusal.self) { try OCSP.parseRequest(OCSP.request(for: [])) }
        #expect(
            try OCSP.parseRequest(OCSP.request(for: [OCSP.CertificateID](repeating: id, count: 16))).certificates.count
                == 16)
        #expect(throws: Refusal.self) {
            try OCSP.parseRequest(OCSP.request(for: [OCSP.CertificateID](repeating: id, count: 17)))
        }
        #expect { try OCSP.parseRequest([UInt8](repeating: 0x30, count: 20_000)) } throws: {
            ($0 as? Refusal)?.code == .tooLarge
        }
        let good = OCSP.request(for: [id], nonce: TrustBench.serial(16))
        #expect(throws: Refusal.self) { try OCSP.parseRequest(good + [0]) }
        for length in 0..<good.count {
            #expect(throws: Refusal.self) { try OCSP.parseRequest(Array(good.prefix(length))) }
        }
        let md5 = DERWriter.sequence(
            DERWriter.sequence(DERWriter.oid([1, 2, 840, 113549, 2, 5]), DERWriter.null), DERWriter.octets([1]),
            DERWriter.octets([2]), DERWriter.integer(1))
        let list = DERWriter.sequence(DERWriter.sequence(DERWriter.sequence(DERWriter.sequence(md5))))
        #expect(throws: Refusal.self) { try OCSP.parseRequest(list) }
    }

    @Test func `refuses responses that are late, early, about another, or without the nonce`() throws {
        let id = try id()
        let der = try response(for: id, nonce: TrustBench.serial(32))
        #expect(rule(verdict(der, for: id, at: now.adding(days: 1))) == "RFC 6960 §4.2.2.1")
        #expect(rule(verdict(der, for: id, at: now.adding(seconds: -1))) == "RFC 6960 §4.2.2.1")
        #expect(rule(verdict(der, for: try self.id("4a02"))) == "RFC 6960 §3.2 (1)")
        #expect(rule(verdict(der, for: id, nonce: TrustBench.serial(32))) == "RFC 9654 §2.1")
        #expect(rule(verdict(try response(for: id), for: id, nonce: TrustBench.serial(32))) == "RFC 9654 §2.1")
        let nonce = TrustBench.serial(32)
        #expect(rule(verdict(try response(for: id, nonce: nonce), for: id, nonce: nonce)) == nil)
        #expect(rule(verdict(OCSP.failure(.unauthorized), for: id)) == "RFC 6960 §4.2.1")
    }

    @Test func `refuses responses signed by those who may not`() throws {
        let id = try id()
        var changed = try response(for: id)
        changed[changed.count - 400] ^= 1
        #expect(throws: Refusal.self) { try verdict(changed, for: id).get() }
        // A device's certificate of the same authority, and a responder of another authority.
        let key = EphemeralKey()
        let device = try bench.operational(key)
        #expect(throws: Refusal.self) { try OCSP.Responder(certificate: device, key: key, under: bench.operations) }
        #expect(throws: Refusal.self) {
            try OCSP.Responder(certificate: bench.responder(responderKey), key: responderKey, under: bench.births)
        }
        #expect(throws: Refusal.self) {
            try OCSP.Responder(certificate: bench.responder(responderKey), key: key, under: bench.operations)
        }
        let elsewhere = try OCSP.CertificateID(of: "4a01", issuer: bench.births.certificate)
        let answer = try OCSP.response(
            [(elsewhere, .good)], by: responder, producedAt: now, thisUpdate: now, nextUpdate: now.adding(days: 1))
        #expect(throws: Refusal.self) {
            try OCSP.verify(answer, for: elsewhere, issuer: bench.births.certificate, nonce: nil, at: now)
        }
    }

    @Test func `says why there is no answer`() {
        #expect(OCSP.failure(.malformedRequest) == [0x30, 3, 0x0a, 1, 1])
        #expect(OCSP.failure(.unauthorized) == [0x30, 3, 0x0a, 1, 6])
    }

    @Test(.enabled(if: Outside.hasOpenSSL)) func `is understood by openssl in both directions`() throws {
        let leaf = try bench.operational()
        let serial = try ParsedCertificate(leaf).tbs.serialText
        let files = [
            "root.pem": Outside.pem(bench.root.certificate), "ca.pem": Outside.pem(bench.operations.certificate),
            "leaf.pem": Outside.pem(leaf),
        ]
        try Outside.inFolder(files) { path in
            for hash in ["-sha1", "-sha256"] {
                let asked = try Outside.run(
                    "openssl",
                    [
                        "ocsp", hash, "-issuer", "\(path)/ca.pem", "-cert", "\(path)/leaf.pem", "-reqout",
                        "\(path)/q.der",
                    ])
                #expect(asked.status == 0, "\(asked.text)")
                let request = try OCSP.parseRequest(Array(Data(contentsOf: URL(filePath: "\(path)/q.der"))))
                let id = try #require(request.certificates.first)
                #expect(id.serial == serial && id.isIssued(by: bench.operations) && request.nonce?.count == 16)
                // openssl ocsp compares with its own clock.
                let clock = Timestamp(seconds: Int64(Date().timeIntervalSince1970) - 60)
                for (status, word) in [
                    (OCSP.Status.good, "good"), (.revoked(at: clock, reason: .superseded), "superseded"),
                    (.unknown, "unknown"),
                ] {
                    let der = try OCSP.response(
                        [(id, status)], by: responder, producedAt: clock, thisUpdate: clock,
                        nextUpdate: clock.adding(days: 1), nonce: request.nonce)
                    try Data(der).write(to: URL(filePath: "\(path)/a.der"))
                    let answer = try Outside.run(
                        "openssl",
                        [
                            "ocsp", "-no_nonce", "-reqin", "\(path)/q.der", "-respin", "\(path)/a.der", "-issuer",
                            "\(path)/ca.pem",
                            hash, "-cert", "\(path)/leaf.pem", "-CAfile", "\(path)/root.pem", "-verify_other",
                            "\(path)/ca.pem", "-attime", String(now.seconds),
                        ])
                    #expect(answer.text.contains("Response verify OK") && answer.text.contains(word), "\(answer.text)")
                    #expect(!answer.text.contains("WARNING"), "\(answer.text)")
                }
            }
        }
    }
}
