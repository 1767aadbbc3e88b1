import Trust
import Wire

extension FuzzTarget {
    static let trust = [
        FuzzTarget("request", share: 30) { seeds in
            [seeds.csr, seeds.authorityRequest]
        } run: { bytes in
            guard let request = try? VerifiedRequest(der: bytes) else { return }
            promise((try? KeyQuality.demand(request.spki)) != nil, "request: a key that is not good enough")
        },
        FuzzTarget("request-body", share: 30) { seeds in
            [Array(Base64.encodeLines(seeds.csr).utf8), Array(Base64.encode(seeds.csr).utf8)]
        } run: { bytes in
            guard let request = try? VerifiedRequest(base64Body: bytes) else { return }
            promise(!request.spki.isEmpty, "request-body: no key")
        },
        FuzzTarget("base64-body") { seeds in
            Base64Body.Layout.allCases.map { Base64Body.encode(seeds.csr, $0) }
        } run: { bytes in
            guard let der = try? Base64Body.decode(bytes, as: "request") else { return }
            for layout in Base64Body.Layout.allCases {
                promise((try? Base64Body.decode(Base64Body.encode(der, layout), as: "request")) == der, "base64-body")
            }
        },
        FuzzTarget("certificate", share: 20) { seeds in
            [seeds.leaf, seeds.serverLeaf, seeds.authority.certificate]
        } run: {
            bytes in
            let fixed = FuzzSeeds.fixed
            for purpose in [ChainVerifier.Purpose.birth, .operational, .server("device.example"), .any] {
                guard case .success = fixed.verifier.verify(leaf: bytes, at: FuzzSeeds.now, purpose: purpose) else {
                    continue
                }
                // Only what was signed is believed: a change of one bit is a change of the certificate.
                promise(fixed.made(bytes), "certificate: believed although nobody signed it")
            }
        },
        FuzzTarget("chain", share: 20) { seeds in
            [[UInt8(seeds.leaf.count / 8)] + seeds.leaf + seeds.authority.certificate]
        } run: { bytes in
            // The first byte says where the leaf ends; what is behind it came along as an intermediate.
            guard let cut = bytes.first.map({ Int($0) * 8 }), cut < bytes.count else { return }
            _ = FuzzSeeds.fixed.verifier.verify(
                leaf: Array(bytes[1..<max(1, cut)]), extraIntermediates: [Array(bytes[max(1, cut)...])],
                at: FuzzSeeds.now, purpose: .any)
        },
        FuzzTarget("certificate-reference") { seeds in
            [seeds.leaf]
        } run: { bytes in
            guard let reference = try? CertificateReference(of: bytes) else { return }
            promise(!reference.serial.isEmpty && reference.serial.utf8.count <= 64, "reference: no usable serial")
            promise(
                Timestamp(reference.notAfter.description) == reference.notAfter,
                "reference: a time that cannot be written")
        },
        FuzzTarget("public-key") { seeds in
            [seeds.signer.publicKeyDER, seeds.otherKeys[0].publicKeyDER, seeds.otherKeys[1].publicKeyDER]
        } run: { bytes in
            _ = try? PublicKeys.algorithm(bytes)
            _ = try? PublicKeys.keyIdentifier(bytes)
            _ = try? KeyQuality.demand(bytes)
            promise(!PublicKeys.verify(signature: bytes, over: [], spki: bytes), "public-key: it signed itself")
        },
        FuzzTarget("signature", share: 30) { seeds in
            [seeds.signature]
        } run: { bytes in
            let fixed = FuzzSeeds.fixed
            let holds = PublicKeys.verify(
                signature: bytes, over: Array("message".utf8), spki: fixed.signer.publicKeyDER)
            promise(!holds || bytes == fixed.signature, "signature: another spelling of a signature")
        },
        FuzzTarget("crl", share: 30) { seeds in
            [try seeds.revocationList()]
        } run: { bytes in
            let fixed = FuzzSeeds.fixed
            _ = try? CertificateRevocationList(der: bytes, issuer: bytes, at: FuzzSeeds.now)
            guard
                let list = try? CertificateRevocationList(
                    der: bytes, issuer: fixed.authority.certificate, at: FuzzSeeds.now)
            else { return }
            for entry in list.entries { promise(list.entry(for: entry.serial) != nil, "crl: an entry is not found") }
        },
        FuzzTarget("ocsp-request") { seeds in
            [OCSP.request(for: [try seeds.statusID()], nonce: [1, 2, 3, 4])]
        } run: {
            bytes in
            guard let request = try? OCSP.parseRequest(bytes) else { return }
            promise(!request.certificates.isEmpty, "ocsp-request: it asks for nothing")
        },
        FuzzTarget("ocsp-response", share: 30) { seeds in
            [try seeds.statusResponse(), OCSP.failure(.tryLater)]
        } run: { bytes in
            let fixed = FuzzSeeds.fixed
            guard let id = try? fixed.statusID() else { return }
            _ = try? OCSP.verify(bytes, for: id, issuer: fixed.authority.certificate, nonce: nil, at: FuzzSeeds.now)
        },
        FuzzTarget("bundle") { seeds in
            [CertificateBundle.encode([seeds.leaf, seeds.authority.certificate]), CertificateBundle.encode([])]
        } run: { bytes in
            guard let certificates = try? CertificateBundle.decode(bytes) else { return }
            let again = try? CertificateBundle.decode(CertificateBundle.encode(certificates))
            promise(again == certificates, "bundle: not stable")
        },
        FuzzTarget("oid") { _ in
            ["1.3.6.1.4.1.59999.1", "2.999.18446744073709551535"].map { Array($0.utf8) }
        } run: {
            bytes in
            guard let oid = OID(text(bytes)) else { return }
            guard let again = OID(oid.description) else {
                return promise(oid.description.hasPrefix("OID "), "oid: it cannot be read back")
            }
            promise(again == oid, "oid: not stable")
        },
    ]
}
