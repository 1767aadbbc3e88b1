import CryptoExtras
import Foundation
import Testing
import Wire

@testable import Trust

/// A certification request put together field by field.
struct ForgedRequest {
    var version = DERWriter.integer(0)
    var subject: [UInt8]
    var spki: [UInt8]
    var attributes: [[UInt8]] = []
    var algorithm = SignatureAlgorithm.ecdsaSHA256.der
    var suffix: [UInt8] = []

    init(_ key: any SigningKey) throws {
        subject = try DistinguishedNames.encode([(.commonName, "dev-1"), (.serialNumber, "TH-0001")])
        spki = key.publicKeyDER
        algorithm = key.algorithm.signatureAlgorithmDER
    }

    var info: [UInt8] {
        DERWriter.sequence(of: [version, subject, spki, DERWriter.constructed(.context(0), attributes)])
    }

    func signed(by key: any SigningKey) throws -> [UInt8] {
        DERWriter.sequence(info, algorithm, DERWriter.bits(try key.signature(over: info))) + suffix
    }

    static func asking(_ extensions: [Extension]) -> [UInt8] {
        DERWriter.sequence(
            DERWriter.oid(.extensionRequest), DERWriter.set([DERWriter.sequence(of: extensions.map(\.der))]))
    }
}

@Suite struct `A certification request` {
    let key = EphemeralKey()

    private func verdict(_ der: [UInt8]) -> Refusal? {
        do throws(Refusal) {
            _ = try VerifiedRequest(der: der)
            return nil
        } catch {
            return error
        }
    }

    private func verdict(spoil: (inout ForgedRequest) throws -> Void) throws -> Refusal {
        var request = try ForgedRequest(key)
        try spoil(&request)
        return try #require(self.verdict(try request.signed(by: key)))
    }

    @Test(arguments: KeyAlgorithm.allCases) func `is read with every kind of key`(_ algorithm: KeyAlgorithm) throws {
        let key = EphemeralKey(algorithm)
        var forged = try ForgedRequest(key)
        let names = DERWriter.sequence(DERWriter.ia5("dev-1.example", tag: .context(2)))
        forged.attributes = [
            ForgedRequest.asking([Extension(type: .subjectAlternativeName, value: names), Extensions.digitalSignature]),
            DERWriter.sequence(DERWriter.oid(.challengePassword), DERWriter.set([DERWriter.utf8("tls-unique")])),
            DERWriter.sequence(
                DERWriter.oid([1, 2, 840, 113549, 1, 9, 2]), DERWriter.set([DERWriter.utf8("ignored")])),
        ]
        let request = try VerifiedRequest(der: forged.signed(by: key))
        #expect(request.spki == key.publicKeyDER && request.key == key.keyDigest)
        #expect(request.subject.commonName == "dev-1" && request.subject.serialNumber == "TH-0001")
        #expect(request.subject.readable == "CN=dev-1, serialNumber=TH-0001" && !request.subject.isEmpty)
        #expect(request.subject.der == forged.subject && request.subjectAlternativeNames == names)
        #expect(request.challengePassword == "tls-unique")
    }

    @Test func `may have an empty subject`() throws {
        var forged = try ForgedRequest(key)
        forged.subject = DERWriter.sequence()
        #expect(try VerifiedRequest(der: forged.signed(by: key)).subject.isEmpty)
    }

    @Test func `is refused with a wrong signature`() throws {
        let refusal = try #require(verdict(try ForgedRequest(key).signed(by: EphemeralKey())))
        #expect(refusal.code == .malformed && refusal.rule == "RFC 2986 §4.2")
    }

    @Test func `is refused when it asks for an authority's powers`() throws {
        for extensions in [
            [Extension(type: .basicConstraints, critical: true, value: DERWriter.sequence(DERWriter.boolean(true)))],
            [Extension(type: .keyUsage, critical: true, value: DERWriter.namedBits([0, 5]))],
            [Extension(type: .keyUsage, value: DERWriter.namedBits([6]))],
        ] {
            let refusal = try verdict { $0.attributes = [ForgedRequest.asking(extensions)] }
            #expect(refusal.rule == "RFC 5280 §4.2.1.9" && refusal.detail.contains("which no device may"))
        }
        var harmless = try ForgedRequest(key)
        harmless.attributes = [
            ForgedRequest.asking([Extension(type: .basicConstraints, value: DERWriter.sequence())])
        ]
        #expect(self.verdict(try harmless.signed(by: key)) == nil)
    }

    @Test func `is refused with anything twice`() throws {
        let asking = ForgedRequest.asking([Extensions.digitalSignature])
        #expect(try verdict { $0.attributes = [asking, asking] }.rule == "RFC 2986 §4.1")
        let twice = ForgedRequest.asking([Extensions.digitalSignature, Extensions.digitalSignature])
        #expect(try verdict { $0.attributes = [twice] }.rule == "RFC 5280 §4.2")
    }

    @Test func `is refused when it is not DER, has a tail, or another version`() throws {
        #expect(try verdict { $0.suffix = [0] }.rule == "X.690 §10")
        #expect(try verdict { $0.version = DERWriter.integer(1) }.code == .malformed)
        #expect(try verdict { $0.subject = [0x30, 0x80, 0, 0] }.rule == "X.690 §10")
        #expect(self.verdict([])?.code == .malformed)
        let good = try ForgedRequest(key).signed(by: key)
        for length in stride(from: 1, to: good.count, by: 5) {
            #expect(self.verdict(Array(good.prefix(length)))?.code == .malformed)
        }
    }

    @Test func `is refused above 64 KiB`() throws {
        let password = DERWriter.sequence(
            DERWriter.oid([1, 2, 3, 4]), DERWriter.set([DERWriter.octets([UInt8](repeating: 0, count: 66_000))]))
        let refusal = try verdict { $0.attributes = [password] }
        #expect(refusal.code == .tooLarge)
        #expect { try VerifiedRequest(base64Body: [UInt8](repeating: 0x41, count: 200_000)) } throws: {
            ($0 as? Refusal)?.code == .tooLarge
        }
    }

    @Test func `is refused when signed with SHA-1 or MD5`() throws {
        let sha1 = DERWriter.sequence(DERWriter.oid([1, 2, 840, 10045, 4, 1]))
        #expect(try verdict { $0.algorithm = sha1 }.detail.contains("ECDSA with SHA-1"))
        let md5 = DERWriter.sequence(DERWriter.oid([1, 2, 840, 113549, 1, 1, 4]), DERWriter.null)
        #expect(try verdict { $0.algorithm = md5 }.detail.contains("RSA with MD5"))
    }

    @Test func `is refused for keys of an unknown kind, and says which`() throws {
        let x25519 = DERWriter.sequence(
            DERWriter.sequence(DERWriter.oid([1, 3, 101, 110])), DERWriter.bits([UInt8](repeating: 9, count: 32)))
        #expect(try verdict { $0.spki = x25519 }.detail.contains("1.3.101.110"))
        let k256 = DERWriter.sequence(
            DERWriter.sequence(DERWriter.oid(.ecPublicKey), DERWriter.oid([1, 3, 132, 0, 10])),
            DERWriter.bits([4] + [UInt8](repeating: 9, count: 64)))
        #expect(try verdict { $0.spki = k256 }.detail.contains("1.3.132.0.10"))
        let offCurve = DERWriter.sequence(
            DERWriter.sequence(DERWriter.oid(.ecPublicKey), DERWriter.oid(.secp256r1)),
            DERWriter.bits([4] + [UInt8](repeating: 9, count: 64)))
        #expect(try verdict { $0.spki = offCurve }.rule == "RFC 5480 §2.2")
    }

    @Test func `is refused for keys that everybody knows`() throws {
        // The example key of RFC 6979 A.2.5, made into a request by its published secret.
        let point = try #require(
            Hex.decode(
                "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
                    + "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
            ))
        let spki = DERWriter.sequence(
            DERWriter.sequence(DERWriter.oid(.ecPublicKey), DERWriter.oid(.secp256r1)), DERWriter.bits(point))
        let refusal = try verdict { $0.spki = spki }
        #expect(refusal.code == .forbidden && refusal.rule == "key blocklist")
        #expect(WeakKeys.digests.count == WeakKeys.table.count && WeakKeys.digests.count >= 50)
    }

    @Test func `tells keys of the broken chips from sound ones`() throws {
        let sound = try _RSA.Signing.PrivateKey(keySize: .bits2048).publicKey.getKeyPrimitives().modulus
        #expect(!KeyQuality.isFromBrokenChip(Array(sound)))
        // 65537^n for any n has the fingerprint by construction.
        var power: [UInt8] = [1]
        for _ in 0..<120 { power = Self.times65537(power) }
        #expect(KeyQuality.isFromBrokenChip(power))
    }

    private static func times65537(_ bytes: [UInt8]) -> [UInt8] {
        // n * 65537 = n * 2^16 + n, big-endian.
        var out = [UInt8](repeating: 0, count: bytes.count + 3)
        var carry = 0
        for i in 0..<out.count {
            let low = i < bytes.count ? Int(bytes[bytes.count - 1 - i]) : 0
            let high = i >= 2 && i - 2 < bytes.count ? Int(bytes[bytes.count - 1 - (i - 2)]) : 0
            let sum = low + high + carry
            out[out.count - 1 - i] = UInt8(sum & 255)
            carry = sum >> 8
        }
        return out
    }

    @Test func `is read from base64 in any layout, and from nothing else`() throws {
        let der = try ForgedRequest(key).signed(by: key)
        let layouts = [
            Base64.encode(der), Base64.encode(der) + "\n", Base64.encodeLines(der), Base64.encodeLines(der, width: 76),
            Base64.encodeLines(der).replacing("\n", with: "\r\n"),
        ]
        for text in layouts { #expect(try VerifiedRequest(base64Body: Array(text.utf8)).der == der) }
        for text in ["", "!!!!", PEM.encode(der, label: "CERTIFICATE REQUEST"), "AAA", "*" + Base64.encode(der)] {
            #expect(throws: Refusal.self) { try VerifiedRequest(base64Body: Array(text.utf8)) }
        }
    }

    @Test(
        .enabled(if: Outside.hasOpenSSL),
        arguments: [
            (["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], nil as String?),
            (["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha384"], nil),
            (["-newkey", "ed25519"], nil), (["-newkey", "rsa:2048"], nil), (["-newkey", "rsa:3072", "-sha512"], nil),
            (["-newkey", "rsa:2048", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"], nil),
            (["-newkey", "rsa:1024"], "2048"), (["-newkey", "rsa:2048", "-sha1"], "SHA-1"),
            (["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"], "P-521"),
            (["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"], "1.3.132.0.10"),
            (
                ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"],
                "explicit"
            ),
            (
                ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-addext", "basicConstraints=CA:TRUE"],
                "CA:TRUE"
            ),
            (
                ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-addext", "keyUsage=keyCertSign"],
                "keyCertSign"
            ),
            (
                [
                    "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-addext", "basicConstraints=CA:FALSE",
                    "-addext", "keyUsage=digitalSignature", "-addext", "subjectAltName=DNS:dev-1.example,IP:::1",
                ], nil
            ),
        ])
    func `made by openssl is read or refused as it deserves`(_ options: [String], _ refused: String?) throws {
        let answer = try Outside.inFolder([:]) { path in
            try Outside.run(
                "openssl",
                [
                    "req", "-new", "-nodes", "-subj", "/O=Lab/CN=dev-1", "-keyout", "\(path)/k.pem", "-out",
                    "\(path)/r.pem",
                ]
                    + options + ["-batch"]
            )
            .status == 0 ? String(contentsOfFile: "\(path)/r.pem", encoding: .utf8) : ""
        }
        let der = try #require(try PEM.decode(answer).first?.der)
        let refusal = verdict(der)
        if let refused {
            #expect(refusal?.detail.contains(refused) == true, "\(String(describing: refusal))")
        } else {
            #expect(refusal == nil)
        }
    }
}
