import Testing
import Wire

@testable import Trust

/// Whatever arrives, the readers refuse or accept; they never trap. Seeded, so that a failure comes back.
@Suite struct `Damaged bytes` {
    private struct Dice {
        var state: UInt64
        mutating func roll(_ sides: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(sides))
        }
    }

    private func damage(_ good: [UInt8], rounds: Int, seed: UInt64, _ read: ([UInt8]) -> Bool) -> Int {
        var dice = Dice(state: seed)
        var accepted = 0
        for _ in 0..<rounds {
            var bytes = good
            for _ in 0...dice.roll(3) {
                let at = dice.roll(bytes.count)
                switch dice.roll(4) {
                case 0: bytes[at] ^= 1 << UInt8(dice.roll(8))
                case 1: bytes[at] = UInt8(dice.roll(256))
                case 2: bytes.remove(at: at)
                default: bytes.insert(UInt8(dice.roll(256)), at: at)
                }
            }
            if bytes != good, read(bytes) { accepted += 1 }
        }
        return accepted
    }

    @Test func `of a certificate or a request never pass for the good ones`() throws {
        let bench = try TrustBench()
        let verifier = try bench.verifier()
        for good in [try bench.birth(urls: TrustBench.urls), try bench.operational(), try bench.server()] {
            let accepted = damage(good, rounds: 1000, seed: 1) { bytes in
                (try? verifier.verify(leaf: bytes, at: TrustBench.now, purpose: .any).get()) != nil
            }
            #expect(accepted == 0)
        }
        let key = EphemeralKey()
        var request = try ForgedRequest(key)
        request.attributes = [ForgedRequest.asking([Extensions.digitalSignature])]
        let der = try request.signed(by: key)
        #expect(damage(der, rounds: 1000, seed: 2) { (try? VerifiedRequest(der: $0)) != nil } == 0)
    }

    @Test func `of an intermediate never bring a trap`() throws {
        let bench = try TrustBench()
        let anchored = try ChainVerifier(anchors: [bench.root.certificate], intermediates: [])
        let leaf = try bench.operational()
        let accepted = damage(bench.operations.certificate, rounds: 1000, seed: 3) { bytes in
            (try? anchored.verify(leaf: leaf, extraIntermediates: [bytes], at: TrustBench.now, purpose: .any).get())
                != nil
        }
        #expect(accepted == 0)
    }

    @Test func `of a CRL, an OCSP message or a bundle never pass or are harmless`() throws {
        let bench = try TrustBench()
        let now = TrustBench.now
        let crl = try CertificateRevocationList.make(
            by: bench.operations, number: 1, thisUpdate: now, nextUpdate: now.adding(days: 1),
            entries: [RevokedCertificate(serial: "4a01", at: now, reason: .superseded)])
        let issuer = bench.operations.certificate
        let crls = damage(crl, rounds: 1000, seed: 4) {
            (try? CertificateRevocationList(der: $0, issuer: issuer, at: now)) != nil
        }
        #expect(crls == 0)
        let id = try OCSP.CertificateID(of: "4a01", issuer: issuer)
        let request = OCSP.request(for: [id], nonce: TrustBench.serial(32))
        _ = damage(request, rounds: 1000, seed: 5) { (try? OCSP.parseRequest($0)) != nil }
        let response = try OCSP.response(
            [(id, .good)], by: OCSP.Responder(bench.operations), producedAt: now, thisUpdate: now,
            nextUpdate: now.adding(days: 1))
        let responses = damage(response, rounds: 1000, seed: 6) {
            (try? OCSP.verify($0, for: id, issuer: issuer, nonce: nil, at: now)) != nil
        }
        #expect(responses == 0)
        let bundle = CertificateBundle.encode([issuer])
        _ = damage(bundle, rounds: 1000, seed: 7) { (try? CertificateBundle.decode($0)) != nil }
    }
}
