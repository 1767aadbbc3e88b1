import Testing
import Wire

@testable import Trust

@Suite struct `Birth and operational certificates` {
    let bench: TrustBench
    let makers: ChainVerifier
    let owners: ChainVerifier

    init() throws {
        bench = try TrustBench()
        makers = try ChainVerifier(anchors: [bench.births.certificate], intermediates: [])
        owners = try ChainVerifier(anchors: [bench.operations.certificate], intermediates: [])
    }

    private func verdict(
        _ verifier: ChainVerifier, _ leaf: [UInt8], _ purpose: ChainVerifier.Purpose, at: Timestamp = TrustBench.now
    )
        -> Refusal?
    {
        switch verifier.verify(leaf: leaf, at: at, purpose: purpose) {
        case .success: nil
        case .failure(let refusal): refusal
        }
    }

    @Test(arguments: KeyAlgorithm.allCases) func `verify under their own authorities`(_ algorithm: KeyAlgorithm) throws
    {
        let key = EphemeralKey(algorithm)
        let bench = try TrustBench(algorithm)
        let verifier = try bench.verifier()
        let birth = try verifier.verify(leaf: bench.birth(key), at: TrustBench.now, purpose: .birth).get()
        #expect(birth.kind == .birth && birth.serialNumber == "TH-0001" && birth.commonName == "thermostat-2")
        #expect(birth.reference.notAfter == .noExpiry && birth.reference.key == key.keyDigest)
        #expect(birth.chain == [bench.births.certificate, bench.root.certificate])
        #expect(birth.reference.issuerKey == Wire.Digest(bench.births.keyIdentifier))
        let working = try verifier.verify(leaf: bench.operational(key), at: TrustBench.now, purpose: .operational).get()
        #expect(working.kind == .operational && working.commonName == "dev-1" && working.serialNumber == nil)
        #expect(working.sanDER == nil && birth.sanDER != nil)
    }

    @Test func `are not taken for each other, whichever anchors are asked`() throws {
        for verifier in [makers, owners, try bench.verifier()] {
            let birth = try #require(verdict(verifier, try bench.birth(), .operational))
            #expect(birth.code == .forbidden && birth.detail.contains("birth certificate; here an operational"))
            let working = try #require(verdict(verifier, try bench.operational(), .birth))
            #expect(working.code == .forbidden && working.detail.contains("operational certificate; here a birth"))
        }
    }

    @Test func `are unknown to the other's anchors`() throws {
        #expect(verdict(owners, try bench.birth(), .any)?.rule?.contains("no path") == true)
        #expect(verdict(makers, try bench.operational(), .any)?.rule?.contains("no path") == true)
    }

    @Test func `end with their time, to the second`() throws {
        let der = try bench.operational(days: 90)
        let end = try ParsedCertificate(der).tbs.notAfter
        #expect(verdict(owners, der, .operational, at: end) == nil)
        #expect(verdict(owners, der, .operational, at: Timestamp(milliseconds: end.milliseconds + 999)) == nil)
        #expect(verdict(owners, der, .operational, at: end.adding(seconds: 1))?.rule?.hasSuffix("expired") == true)
        #expect(verdict(makers, try bench.birth(), .birth, at: Timestamp(year: 2199, month: 1, day: 1)) == nil)
    }

    @Test func `carry what the standards demand and nothing that tells too much`() throws {
        let birth = try ParsedCertificate(bench.birth()).tbs
        #expect(birth.isCritical(.keyUsage) && birth.keyUsage == [0] && birth.basicConstraints == nil)
        #expect(
            !birth.isCritical(.subjectAlternativeName)
                && birth.authorityKey?.keyIdentifier == bench.births.keyIdentifier)
        guard case .other(.hardwareModuleName, let value) = birth.alternativeNames[0] else {
            Issue.record("no hardwareModuleName")
            return
        }
        #expect(
            value == DERWriter.sequence(DERWriter.oid(TrustBench.hardwareType), DERWriter.octets(Array("TH-0001".utf8)))
        )
        let der = try bench.birth()
        #expect(der.firstRange(of: Array("99991231235959Z".utf8)) != nil)
        let working = try bench.operational()
        #expect(working.firstRange(of: Array("TH-0001".utf8)) == nil)
    }

    @Test func `that live a week at most say that they are not revoked`() throws {
        let short = try ParsedCertificate(bench.operational(days: 7, urls: .init())).tbs
        #expect(
            short.value(of: .noRevocationAvailable) == DERWriter.null && short.value(of: .cRLDistributionPoints) == nil)
        let long = try ParsedCertificate(bench.operational(days: 8, urls: .init())).tbs
        #expect(long.value(of: .noRevocationAvailable) == nil)
        let placed = try ParsedCertificate(bench.operational(days: 7)).tbs
        #expect(placed.value(of: .noRevocationAvailable) == nil && placed.value(of: .cRLDistributionPoints) != nil)
    }

    @Test func `of servers are matched by name and address`() throws {
        let der = try bench.server(dns: ["lifelong.example", "*.pool.example"])
        for name in ["lifelong.example", "LIFELONG.example", "127.0.0.1", "::1", "0:0:0:0:0:0:0:1", "a.pool.example"] {
            #expect(verdict(owners, der, .server(name)) == nil, "\(name)")
        }
        for name in ["example", "a.b.pool.example", "pool.example", "127.0.0.2", "lifelong.example.", ""] {
            #expect(verdict(owners, der, .server(name))?.rule == "RFC 9525 §6", "\(name)")
        }
        #expect(verdict(owners, der, .client)?.rule == "RFC 5280 §4.2.1.12")
        #expect(verdict(owners, try bench.operational(), .client) == nil)
    }

    @Test func `are refused for names that cannot stand in a certificate`() throws {
        for serial in ["", "ünïcode", "under_score", String(repeating: "x", count: 65)] {
            #expect(throws: Refusal.self) { try bench.birth(serial: serial) }
        }
        #expect(throws: Refusal.self) { try bench.server(dns: ["a b"]) }
        #expect(throws: Refusal.self) { try bench.server(dns: [], ip: []) }
        #expect(throws: Refusal.self) { try bench.server(ip: ["300.1.1.1"]) }
        #expect(throws: Refusal.self) { try bench.operational(urls: .init(crl: "ftp://x")) }
    }
}

@Suite struct `An authority` {
    @Test func `signs only what was built under it`() throws {
        let bench = try TrustBench()
        let intent = try Profile.operational(
            under: bench.operations, spki: EphemeralKey().publicKeyDER, device: "dev-1", organisation: "Lab",
            serial: TrustBench.serial(), notBefore: TrustBench.now, notAfter: TrustBench.now.adding(days: 1))
        #expect(throws: Refusal.self) { try bench.births.sign(IssuanceToken(stored: intent)) }
        let der = try bench.operations.sign(IssuanceToken(stored: intent))
        let reference = try bench.operations.reference(der)
        #expect(reference.serial == intent.serial && reference.key == intent.key && intent.serial.count == 32)
        #expect(throws: Refusal.self) { try bench.births.reference(der) }
    }

    @Test func `reads a stored intent back as it was`() throws {
        let bench = try TrustBench()
        let intent = try Profile.birth(
            under: bench.births, spki: EphemeralKey().publicKeyDER, deviceSerial: "A-1", product: "lamp",
            organisation: "Lab", hardwareType: TrustBench.hardwareType, serial: TrustBench.serial(20),
            notBefore: TrustBench.now)
        #expect(try CertificateIntent(kind: .birth, tbs: intent.tbs) == intent)
        #expect(throws: Refusal.self) { try CertificateIntent(kind: .operational, tbs: intent.tbs) }
        #expect(throws: Refusal.self) { try CertificateIntent(kind: .birth, tbs: Array(intent.tbs.dropLast())) }
    }

    @Test func `refuses a certificate beyond its own time, and serials that are too short`() throws {
        let bench = try TrustBench()
        let make = { (until: Timestamp, serial: [UInt8]) in
            try Profile.operational(
                under: bench.operations, spki: EphemeralKey().publicKeyDER, device: "d", organisation: "Lab",
                serial: serial, notBefore: TrustBench.now, notAfter: until)
        }
        #expect(throws: Refusal.self) { try make(bench.operations.notAfter.adding(seconds: 1), TrustBench.serial()) }
        #expect(throws: Refusal.self) { try make(TrustBench.now.adding(days: 1), TrustBench.serial(15)) }
        #expect(throws: Refusal.self) { try make(TrustBench.now.adding(days: 1), TrustBench.serial(21)) }
        let smallest = try make(TrustBench.now.adding(days: 1), [UInt8](repeating: 0, count: 16))
        #expect(smallest.serial == "40" + String(repeating: "00", count: 15))
        let largest = try make(TrustBench.now.adding(days: 1), [UInt8](repeating: 0xff, count: 20))
        #expect(largest.serial == "7f" + String(repeating: "ff", count: 19))
    }

    @Test func `refuses a wrong key, a wrong chain and a faulty key store`() throws {
        struct Faulty: SigningKey {
            let good = EphemeralKey()
            var algorithm: KeyAlgorithm { .p256 }
            var publicKeyDER: [UInt8] { good.publicKeyDER }
            func signature(over message: [UInt8]) throws -> [UInt8] { try good.signature(over: message + [0]) }
        }
        let bench = try TrustBench()
        #expect(throws: Refusal.self) {
            try Authority(certificate: bench.births.certificate, chain: [bench.root.certificate], key: EphemeralKey())
        }
        #expect(throws: Refusal.self) {
            try Authority(
                certificate: bench.births.certificate, chain: [bench.operations.certificate], key: bench.births.key)
        }
        #expect(throws: Refusal.self) {
            try Authority(certificate: bench.birth(bench.births.key), chain: [], key: bench.births.key)
        }
        let faulty = Faulty()
        let intent = try Profile.root(
            name: "R", organisation: "Lab", key: faulty, serial: TrustBench.serial(), notBefore: TrustBench.now,
            notAfter: .noExpiry)
        #expect { try Authority(root: IssuanceToken(stored: intent), key: faulty) } throws: {
            ($0 as? Refusal)?.code == .internal
        }
    }

    @Test(.enabled(if: Outside.hasOpenSSL)) func `issues what openssl verifies`() throws {
        for algorithm in KeyAlgorithm.allCases {
            let bench = try TrustBench(algorithm)
            let files = [
                "root.pem": Outside.pem(bench.root.certificate),
                "ca.pem": Outside.pem(bench.births.certificate) + Outside.pem(bench.operations.certificate),
                "birth.pem": Outside.pem(try bench.birth()), "working.pem": Outside.pem(try bench.operational()),
                "server.pem": Outside.pem(try bench.server()),
            ]
            try Outside.inFolder(files) { path in
                let common = [
                    "verify", "-x509_strict", "-attime", String(TrustBench.now.seconds), "-CAfile", "\(path)/root.pem",
                    "-untrusted", "\(path)/ca.pem",
                ]
                for (options, file) in [
                    ([], "birth"), (["-purpose", "sslclient"], "working"),
                    (["-purpose", "sslserver", "-verify_hostname", "lifelong.example"], "server"),
                ] {
                    let answer = try Outside.run("openssl", common + options + ["\(path)/\(file).pem"])
                    #expect(answer.status == 0, "\(algorithm) \(file): \(answer.text)")
                }
            }
        }
    }
}
