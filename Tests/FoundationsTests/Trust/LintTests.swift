import Testing
import Wire

@testable import Trust

@Suite(.enabled(if: Outside.pkilint != nil)) struct `What we issue, read by pkilint` {
    /// Findings at WARNING and above; empty for a clean file.
    private func findings(
        _ program: String, _ der: [UInt8], _ label: String, _ options: [String] = []
    ) throws -> String {
        let folder = try #require(Outside.pkilint)
        return try Outside.inFolder(["it.pem": Outside.pem(der, label)]) { path in
            let answer = try Outside.run(
                "\(folder)/\(program)", ["lint", "-s", "WARNING"] + options + ["\(path)/it.pem"])
            return answer.status == 0 ? "" : "exit \(answer.status): \(answer.text)"
        }
    }

    @Test(arguments: KeyAlgorithm.allCases)
    func `finds nothing in any kind of certificate`(_ algorithm: KeyAlgorithm) throws {
        let bench = try TrustBench(algorithm)
        let key = EphemeralKey(algorithm)
        var certificates: [(String, [UInt8])] = [
            ("root", bench.root.certificate), ("birth", try bench.birth(key)),
            ("operational", try bench.operational(key)),
        ]
        if algorithm == .p256 {
            certificates += [
                ("authority", bench.births.certificate),
                ("birth with places", try bench.birth(key, urls: TrustBench.urls)),
                ("short-lived operational", try bench.operational(key, days: 7, urls: .init())),
                ("server", try bench.server()), ("server without a subject", try bench.server(organisation: "")),
                ("ocspResponder", try bench.responder(key)),
            ]
        }
        for (name, der) in certificates {
            let found = try findings("lint_pkix_cert", der, "CERTIFICATE")
            #expect(found.isEmpty, "\(name)")
        }
    }

    @Test func `finds something in a bad certificate, so that its silence means something`() throws {
        let root = try TrustBench.root(name: "Root")
        var forgery = try Forgery(under: root)
        forgery.serial = DERWriter.integer(0)
        let found = try findings("lint_pkix_cert", try forgery.signed(by: root.key), "CERTIFICATE")
        #expect(found.contains("serial"))
    }

    @Test func `finds nothing in a chain`() throws {
        let folder = try #require(Outside.pkilint)
        let bench = try TrustBench()
        let pairs = [
            (bench.root.certificate, bench.operations.certificate),
            (bench.operations.certificate, try bench.operational()),
            (bench.births.certificate, try bench.birth()),
        ]
        for (issuer, subject) in pairs {
            let files = ["issuer.pem": Outside.pem(issuer), "subject.pem": Outside.pem(subject)]
            let answer = try Outside.inFolder(files) { path in
                try Outside.run(
                    "\(folder)/lint_pkix_signer_signee_cert_chain",
                    ["lint", "-s", "WARNING", "\(path)/issuer.pem", "\(path)/subject.pem"])
            }
            #expect(answer.status == 0, "\(answer.text)")
        }
    }

    @Test func `finds nothing in a CRL`() throws {
        let bench = try TrustBench()
        let now = TrustBench.now
        let entries = RevocationReason.allCases.enumerated().map { index, reason in
            RevokedCertificate(serial: "0\(index + 1)ab", at: now.adding(days: -1), reason: reason)
        }
        for entries in [[], entries] {
            let der = try CertificateRevocationList.make(
                by: bench.operations, number: 7, thisUpdate: now, nextUpdate: now.adding(days: 7), entries: entries)
            let found = try findings("lint_crl", der, "X509 CRL", ["-t", "CRL", "-p", "PKIX"])
            #expect(found.isEmpty)
        }
    }

    @Test func `finds nothing in an OCSP response`() throws {
        let bench = try TrustBench()
        let now = TrustBench.now
        let key = EphemeralKey()
        let delegated = try OCSP.Responder(certificate: bench.responder(key), key: key, under: bench.operations)
        let statuses: [OCSP.Status] = [
            .good, .unknown, .revoked(at: now.adding(days: -1), reason: .keyCompromise),
            .revoked(at: now.adding(days: -1), reason: .unspecified),
        ]
        for responder in [delegated, try OCSP.Responder(bench.operations)] {
            for hash in [OCSP.CertificateID.Hash.sha1, .sha256] {
                let id = try OCSP.CertificateID(of: "55aa", issuer: bench.operations.certificate, hash: hash)
                for (index, status) in statuses.enumerated() where index == 0 || hash == .sha1 {
                    let der = try OCSP.response(
                        [(id, status)], by: responder, producedAt: now, thisUpdate: now,
                        nextUpdate: now.adding(days: 1),
                        nonce: index == 0 ? TrustBench.serial(32) : nil)
                    let found = try findings("lint_ocsp_response", der, "OCSP RESPONSE")
                    #expect(found.isEmpty, "\(status) \(hash)")
                }
            }
        }
    }
}
