import Testing
import Wire

@testable import Trust

@Suite struct `A revocation list` {
    let bench: TrustBench
    let now = TrustBench.now
    let entries = [
        RevokedCertificate(serial: "4a01", at: TrustBench.now.adding(days: -2), reason: .keyCompromise),
        RevokedCertificate(
            serial: "7fffffffffffffffffffffffffffffffffffffff", at: TrustBench.now, reason: .unspecified),
    ]

    init() throws { bench = try TrustBench() }

    private func make(_ entries: [RevokedCertificate]) throws -> [UInt8] {
        try CertificateRevocationList.make(
            by: bench.operations, number: 300, thisUpdate: now, nextUpdate: now.adding(days: 7), entries: entries)
    }

    private func verdict(_ der: [UInt8], issuer: Authority? = nil, at: Timestamp = TrustBench.now) -> Refusal? {
        do throws(Refusal) {
            _ = try CertificateRevocationList(der: der, issuer: (issuer ?? bench.operations).certificate, at: at)
            return nil
        } catch {
            return error
        }
    }

    @Test func `comes back as it was made`() throws {
        let list = try CertificateRevocationList(der: make(entries), issuer: bench.operations.certificate, at: now)
        #expect(list.entries == entries && list.number == "012c" && list.nextUpdate == now.adding(days: 7))
        #expect(list.entry(for: "4a01")?.reason == .keyCompromise && list.entry(for: "4a02") == nil)
        let empty = try CertificateRevocationList(der: make([]), issuer: bench.operations.certificate, at: now)
        #expect(empty.entries.isEmpty)
    }

    @Test func `is refused late, early, by another issuer, and with a wrong signature`() throws {
        let der = try make(entries)
        #expect(verdict(der, at: now.adding(days: 7))?.code == .gone)
        #expect(verdict(der, at: now.adding(seconds: -1))?.rule == "RFC 5280 §5.1.2.4")
        #expect(verdict(der, issuer: bench.births)?.rule == "RFC 5280 §6.3.3 (b)")
        var changed = der
        changed[try #require(der.firstRange(of: [2, 2, 0x4a, 1])).lowerBound + 3] = 2
        #expect(verdict(changed)?.rule == "RFC 5280 §6.3.3 (g)")
        #expect(verdict(der + [0])?.code == .malformed)
        #expect(verdict(Array(der.dropLast()))?.code == .malformed)
    }

    private struct Shape {
        var version: [[UInt8]] = [DERWriter.integer(1)]
        var extensions: [Extension]
        var entryExtensions: [Extension] = []
        var nextUpdate = [DERTime.write(TrustBench.now.adding(days: 1))]
        var algorithm = SignatureAlgorithm.ecdsaSHA256.der
    }

    private func forged(_ change: (inout Shape) -> Void) throws -> [UInt8] {
        var shape = Shape(extensions: [
            Extensions.authorityKey(bench.operations.keyIdentifier),
            Extension(type: .cRLNumber, value: DERWriter.integer(1)),
        ])
        change(&shape)
        let entry = DERWriter.sequence(
            of: [DERWriter.integer(5), DERTime.write(now)]
                + (shape.entryExtensions.isEmpty ? [] : [DERWriter.sequence(of: shape.entryExtensions.map(\.der))]))
        let tbs = DERWriter.sequence(
            of: shape.version + [shape.algorithm, bench.operations.parsed.tbs.subject.der, DERTime.write(now)]
                + shape.nextUpdate + [DERWriter.sequence(entry)]
                + [DERWriter.context(0, DERWriter.sequence(of: shape.extensions.map(\.der)))])
        return DERWriter.sequence(
            tbs, SignatureAlgorithm.ecdsaSHA256.der, DERWriter.bits(try bench.operations.key.signature(over: tbs)))
    }

    @Test func `is refused with anything critical that is not understood`() throws {
        #expect(verdict(try forged { _ in }) == nil)
        let unknown = Extension(type: [1, 3, 6, 1, 4, 1, 59999, 9], critical: true, value: DERWriter.null)
        #expect(verdict(try forged { $0.extensions.append(unknown) })?.rule == "RFC 5280 §5.2")
        #expect(verdict(try forged { $0.entryExtensions = [unknown] })?.rule == "RFC 5280 §5.3")
        let scope = Extension(type: .issuingDistributionPoint, critical: true, value: DERWriter.sequence())
        #expect(verdict(try forged { $0.extensions.append(scope) })?.rule == "RFC 5280 §5.2")
        let delta = Extension(type: .deltaCRLIndicator, critical: true, value: DERWriter.integer(1))
        #expect(verdict(try forged { $0.extensions.append(delta) })?.rule == "RFC 5280 §5.2")
    }

    @Test func `is refused without a number, a next update, version 2, or with two algorithms`() throws {
        #expect(verdict(try forged { $0.extensions.removeLast() })?.rule == "RFC 5280 §5.2.3")
        #expect(verdict(try forged { $0.nextUpdate = [] })?.rule == "RFC 5280 §5.1.2.5")
        #expect(verdict(try forged { $0.version = [] })?.rule == "RFC 5280 §5.1.2.1")
        #expect(verdict(try forged { $0.algorithm = SignatureAlgorithm.ecdsaSHA384.der })?.rule == "RFC 5280 §5.1.1.2")
    }

    @Test(arguments: [0, 7, 8, 11]) func `is refused with a reason that may not stand there`(_ code: UInt8) throws {
        let reason = Extension(type: .reasonCode, value: DERWriter.primitive(.enumerated, [code]))
        #expect(verdict(try forged { $0.entryExtensions = [reason] })?.rule == "RFC 5280 §5.3.1")
    }

    @Test func `is not made with a serial twice, a broken serial, or no time`() throws {
        #expect(throws: Refusal.self) { try make([entries[0], entries[0]]) }
        #expect(throws: Refusal.self) {
            try make([RevokedCertificate(serial: "xyz", at: now, reason: .superseded)])
        }
        #expect(throws: Refusal.self) {
            try CertificateRevocationList.make(
                by: bench.operations, number: 1, thisUpdate: now, nextUpdate: now, entries: [])
        }
    }

    @Test(.enabled(if: Outside.hasOpenSSL)) func `makes openssl refuse the revoked and accept the others`() throws {
        let key = EphemeralKey()
        let bad = try bench.operational(key)
        let good = try bench.operational()
        let serial = try ParsedCertificate(bad).tbs.serialText
        let lists = try [(bench.operations, [serial]), (bench.root, [])].map { authority, serials in
            try CertificateRevocationList.make(
                by: authority, number: 1, thisUpdate: now, nextUpdate: now.adding(days: 7),
                entries: serials.map { RevokedCertificate(serial: $0, at: now, reason: .keyCompromise) })
        }
        let files = [
            "root.pem": Outside.pem(bench.root.certificate), "ca.pem": Outside.pem(bench.operations.certificate),
            "crl.pem": lists.flatMap { Outside.pem($0, "X509 CRL") }, "good.pem": Outside.pem(good),
            "bad.pem": Outside.pem(bad),
        ]
        try Outside.inFolder(files) { path in
            let verify = { (name: String) in
                try Outside.run(
                    "openssl",
                    [
                        "verify", "-crl_check_all", "-x509_strict", "-attime", String(now.seconds), "-CAfile",
                        "\(path)/root.pem", "-untrusted", "\(path)/ca.pem", "-CRLfile", "\(path)/crl.pem",
                        "\(path)/\(name).pem",
                    ])
            }
            let accepted = try verify("good")
            #expect(accepted.status == 0, "\(accepted.text)")
            let refused = try verify("bad")
            #expect(refused.status != 0 && refused.text.contains("certificate revoked"), "\(refused.text)")
        }
    }

    @Test func `of a hundred thousand entries is made and read`() throws {
        let many = (0..<100_000).map { index in
            RevokedCertificate(
                serial: "40" + Hex.encode((0..<4).map { UInt8(index >> (24 - 8 * $0) & 255) }), at: now,
                reason: .superseded)
        }
        let list = try CertificateRevocationList(der: make(many), issuer: bench.operations.certificate, at: now)
        #expect(list.entries.count == 100_000 && list.entry(for: "400001869f") != nil)
    }
}
