import Foundation
import Testing
import Wire

@testable import Trust

@Suite struct `A seal` {
    let type = Seal.PayloadType.receipt
    let payload = Array(#"{"did":"update"}"#.utf8)

    @Test(arguments: KeyAlgorithm.allCases) func `opens under the key that made it and no other`(
        _ algorithm: KeyAlgorithm
    ) throws {
        let key = EphemeralKey(algorithm)
        let seal = try Seal.sign(type: type, payload: payload, with: key)
        #expect(seal.signatures[0].keyid == key.keyDigest.description)
        #expect(try seal.verified(type: type, by: [EphemeralKey().publicKeyDER, key.publicKeyDER]) == payload)
        #expect { try seal.verified(type: type, by: [EphemeralKey(algorithm).publicKeyDER]) } throws: {
            ($0 as? Refusal)?.code == .unauthenticated
        }
        #expect(throws: Refusal.self) { try seal.verified(type: type, by: []) }
    }

    @Test func `is refused when its type, payload or signatures were changed`() throws {
        let key = EphemeralKey()
        let seal = try Seal.sign(type: type, payload: payload, with: key)
        #expect(throws: Refusal.self) { try seal.verified(type: Seal.PayloadType.permit, by: [key.publicKeyDER]) }
        var other = seal
        other.payloadType = Seal.PayloadType.permit
        #expect(throws: Refusal.self) { try other.verified(type: Seal.PayloadType.permit, by: [key.publicKeyDER]) }
        other = seal
        other.payload = Base64.encode(payload + [0x20])
        #expect(throws: Refusal.self) { try other.verified(type: type, by: [key.publicKeyDER]) }
        other = seal
        other.signatures = []
        #expect(throws: Refusal.self) { try other.verified(type: type, by: [key.publicKeyDER]) }
        other.signatures = [.init(keyid: key.keyDigest.description, sig: "not base64!")]
        #expect(throws: Refusal.self) { try other.verified(type: type, by: [key.publicKeyDER]) }
        // A wrong hint does no harm, and a stranger's signature beside the right one neither.
        let stranger = try Seal.sign(type: type, payload: payload, with: EphemeralKey()).signatures[0]
        other.signatures = [stranger, .init(keyid: "00", sig: seal.signatures[0].sig)]
        #expect(try other.verified(type: type, by: [key.publicKeyDER]) == payload)
    }

    @Test func `is bounded`() throws {
        let key = EphemeralKey()
        let seal = try Seal.sign(type: type, payload: [UInt8](repeating: 1, count: 101), with: key)
        #expect(try seal.verified(type: type, by: [key.publicKeyDER], limit: 101).count == 101)
        #expect { try seal.verified(type: type, by: [key.publicKeyDER], limit: 100) } throws: {
            ($0 as? Refusal)?.code == .tooLarge
        }
        var many = seal
        many.signatures = [Seal.Signature](repeating: seal.signatures[0], count: 17)
        #expect(throws: Refusal.self) { try many.verified(type: type, by: [key.publicKeyDER]) }
    }
}

@Suite struct `A bundle of certificates` {
    @Test func `comes back in its order, and is refused when it is anything else`() throws {
        let bench = try TrustBench()
        let certificates = [bench.operations.certificate, bench.root.certificate]
        let der = CertificateBundle.encode(certificates)
        #expect(try CertificateBundle.decode(der) == certificates)
        #expect(try CertificateBundle.decode(CertificateBundle.encode([])) == [])
        for wrong in [der + [0], Array(der.dropLast()), [], bench.root.certificate] {
            #expect(throws: Refusal.self) { try CertificateBundle.decode(wrong) }
        }
        #expect { try CertificateBundle.decode(der, limit: 100) } throws: { ($0 as? Refusal)?.code == .tooLarge }
    }

    @Test(.enabled(if: Outside.hasOpenSSL)) func `is read by openssl, and openssl's is read`() throws {
        let bench = try TrustBench()
        let der = CertificateBundle.encode([bench.operations.certificate, bench.root.certificate])
        let files = ["b.der": der, "root.pem": Outside.pem(bench.root.certificate)]
        try Outside.inFolder(files) { path in
            let printed = try Outside.run(
                "openssl", ["pkcs7", "-inform", "DER", "-in", "\(path)/b.der", "-print_certs"])
            #expect(printed.status == 0 && printed.text.contains("Lab Operations") && printed.text.contains("Lab Root"))
            let made = try Outside.run(
                "openssl",
                ["crl2pkcs7", "-nocrl", "-certfile", "\(path)/root.pem", "-outform", "DER", "-out", "\(path)/o.der"])
            #expect(made.status == 0, "\(made.text)")
            let theirs = try Array(Data(contentsOf: URL(filePath: "\(path)/o.der")))
            #expect(try CertificateBundle.decode(theirs) == [bench.root.certificate])
        }
    }

    @Test func `is asked for with attributes that are RFC 7030's`() throws {
        var list = try DERNode.parse(RequestAttributes.encode(key: .p256)[...], as: "csrattrs").children()
        var key = try list.take().children()
        #expect(try key.take().objectIdentifier() == .ecPublicKey)
        var values = try key.take().children(of: .set)
        #expect(try values.take().objectIdentifier() == .secp256r1)
        #expect(try list.take().objectIdentifier() == .ecdsaSHA256)
        #expect(list.isAtEnd)
    }
}

@Suite struct `Object identifiers and serials` {
    @Test(arguments: [
        "1.3.6.1.4.1.59999.1.2", "2.5.4.3", "0.9.2342.19200300.100.1.25", "2.999.1", "1.2.840.113549.1.9.14",
    ])
    func `come back as they were written`(_ text: String) throws {
        #expect(try #require(OID(text)).description == text)
    }

    @Test(arguments: ["", "1", "3.1", "1.40", "1..2", "1.2.x", "1.2.-3", "1.2.99999999999999999999999", "1.2."])
    func `are refused when they are none`(_ text: String) { #expect(OID(text) == nil) }

    @Test func `of certificates are minimal hexadecimal`() {
        #expect(SerialText.text([0, 0x80]) == "80" && SerialText.text([5]) == "05" && SerialText.text([0]) == "00")
    }
}
