import Agent
import Crypto
import Foundation
import NIOHTTP1
import NIOSSL
import Pairing
import Passport
import Registry
import Server
import SwiftASN1
import Testing
import Transfer
import Trust
import Wire
import Workbench
import X509

@Suite struct `Enrolment over EST` {
    private static let enrol = "/.well-known/est/simpleenroll"
    private static let reenrol = "/.well-known/est/simplereenroll"

    /// DER of a request made with somebody else's library.
    private static func request(
        _ commonName: String, _ key: Certificate.PrivateKey, asking extensions: [Certificate.Extension] = []
    ) throws -> [UInt8] {
        let attributes =
            try extensions.isEmpty
            ? [] : [.init(ExtensionRequest(extensions: .init(extensions)))] as [CertificateSigningRequest.Attribute]
        let csr = try CertificateSigningRequest(
            version: .v1, subject: try DistinguishedName { CommonName(commonName) }, privateKey: key,
            attributes: .init(attributes))
        var out = DER.Serializer()
        try out.serialize(csr)
        return out.serializedBytes
    }

    private static func certificate(_ answer: BenchClient.Answer) throws -> [UInt8] {
        let der = try #require(Base64.decode(answer.body))
        let all = try CertificateBundle.decode(der)
        #expect(all.count == 1)
        return try #require(all.first)
    }

    @Test(arguments: [TLSVersion.tlsv12, .tlsv13])
    func `gives a certificate on the birth certificate and renews it`(_ version: TLSVersion) async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let key = EphemeralKey()
            let birth = try door.client(
                ClientIdentity(chain: [scene.unit.certificate], key: scene.unit.key), tls: version)
            let first = try await birth.enrol(CertificationRequest.enrolment(device: scene.unit.device, key: key))
            #expect(first.status == 200, "\(first.text)")
            #expect(first.headers.first(name: "Content-Type") == "application/pkcs7-mime; smime-type=certs-only")
            let held = try Self.certificate(first)
            let operational = try door.client(ClientIdentity(chain: [held], key: key), tls: version)
            #expect(try await operational.status().state == .enrolled)

            let next = EphemeralKey()
            let renewal = try CertificationRequest.renewal(of: HeldCertificate(held), key: next)
            let second = try await operational.enrol(renewal, at: Self.reenrol)
            #expect(second.status == 200, "\(second.text)")
            let renewed = try door.client(
                ClientIdentity(chain: [try Self.certificate(second)], key: next), tls: version)
            #expect(try await renewed.post(DeviceAPI.checkIn, json: scene.report()).status == 200)
            #expect(try await operational.status().state == .revoked)
        }
    }

    @Test func `serves its certificates in the layout of the label`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench, settings: { $0.door.layouts["strongswan"] = .oneLine }) { door in
            let client = try door.birth(scene.unit)
            let est = "/.well-known/est"
            for (prefix, isOneLine) in [
                (est, false), (est + "/strongswan", true), (est + "/other", false), ("/strongswan" + est, true),
            ] {
                let request = try CertificationRequest.enrolment(device: scene.unit.device, key: EphemeralKey())
                let answers = [
                    try await client.get("\(prefix)/cacerts"),
                    try await client.enrol(request, at: "\(prefix)/simpleenroll"),
                ]
                for answer in answers {
                    #expect(answer.status == 200)
                    let lines = answer.text.split(separator: "\n", omittingEmptySubsequences: false)
                    #expect((lines.count == 1) == isOneLine)
                    if !isOneLine { #expect(lines.allSatisfy { $0.utf8.count <= 64 } && lines.last == "") }
                    #expect(Base64.decode(answer.body) != nil)
                }
                let anchors = try CertificateBundle.decode(#require(Base64.decode(answers[0].body)))
                #expect(anchors.count == 2 && anchors.contains(door.anchors[0]))
            }
            #expect(try await client.get("/.well-known/est/csrattrs").status == 200)
            let answer = try await client.send(.POST, "/.well-known/est/serverkeygen", [1], type: "application/pkcs10")
            expectRefusal(answer, 415, rule: "RFC 7030 §4.4")
        }
    }

    @Test func `reads base64 in any layout`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.birth(scene.unit)
            for separator in ["", "\n", "\r\n"] {
                let request = try CertificationRequest.enrolment(device: scene.unit.device, key: EphemeralKey())
                let text = Base64.encodeLines(request).replacing("\n", with: separator)
                let answer = try await client.send(.POST, Self.enrol, Array(text.utf8), type: "application/pkcs10")
                #expect(answer.status == 200, "\(answer.text)")
            }
        }
    }

    @Test func `refuses what is no request`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.birth(scene.unit)
            let good = try CertificationRequest.enrolment(device: scene.unit.device, key: EphemeralKey())
            func expect(_ status: Int, _ body: String, type: String? = "application/pkcs10", _ rule: String? = nil)
                async throws
            {
                expectRefusal(
                    try await client.send(.POST, Self.enrol, Array(body.utf8), type: type), status, rule: rule)
            }
            try await expect(400, "", "RFC 8951 §3.1")
            try await expect(400, "not base64!", "RFC 8951 §3.1")
            try await expect(400, String(Base64.encode(good).dropLast()), "RFC 8951 §3.1")
            try await expect(400, PEM.encode(good, label: "CERTIFICATE REQUEST"), "RFC 8951 §3.1")
            try await expect(400, Base64.encode([UInt8]("no DER".utf8)))
            try await expect(400, Base64.encode(good.dropLast()))
            try await expect(400, Base64.encode(good + [0]))
            try await expect(415, Base64.encode(good), type: "application/json", "RFC 7030 §4.2.1")
            try await expect(415, Base64.encode(good), type: nil, "RFC 7030 §4.2.1")
            try await expect(413, Base64.encode([UInt8](repeating: 0x30, count: 65_537)), "RFC 7030 §4.2.1")
            try await expect(413, String(repeating: "A", count: 200_000))
            #expect(try await scene.passport().certificates.count == 1)
        }
    }

    @Test func `refuses a request that asks for too much or proves too little`() async throws {
        let scene = try await DeviceScene()
        let name = scene.unit.device.text
        var broken = try CertificationRequest.enrolment(device: scene.unit.device, key: EphemeralKey())
        broken[broken.count - 1] ^= 1
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        var one = [UInt8](repeating: 0, count: 32)
        one[31] = 1
        let published = Certificate.PrivateKey(try P256.Signing.PrivateKey(rawRepresentation: one))
        let cases: [(what: String, der: [UInt8], status: Int, rule: String)] = [
            ("bad signature", broken, 400, "RFC 2986 §4.2"),
            (
                "an authority",
                try Self.request(
                    name, key,
                    asking: [.init(BasicConstraints.isCertificateAuthority(maxPathLength: 0), critical: true)]),
                400, "RFC 5280 §4.2.1.9"
            ),
            (
                "to sign", try Self.request(name, key, asking: [.init(KeyUsage(keyCertSign: true), critical: true)]),
                400, "RFC 5280 §4.2.1.9"
            ),
            ("another subject", try Self.request("somebody-else", key), 403, "STANDARDS: EST subject"),
            ("a published key", try Self.request(name, published), 403, "key blocklist"),
            (
                "an unsupported curve", try Self.request(name, Certificate.PrivateKey(P521.Signing.PrivateKey())), 400,
                "IEEE 802.1AR §9"
            ),
            (
                "the birth key", try CertificationRequest.enrolment(device: scene.unit.device, key: scene.unit.key),
                409, "one key, one tenure"
            ),
        ]
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.birth(scene.unit)
            for item in cases {
                let answer = try await client.enrol(item.der)
                #expect(
                    answer.status == item.status && answer.refusal?.rule == item.rule, "\(item.what): \(answer.text)")
            }
            #expect(try await scene.passport().certificates.count == 1)
        }
    }

    @Test func `refuses another device's key and raises an alarm`() async throws {
        let scene = try await DeviceScene()
        let other = try await scene.bench.makeUnits(1, station: "line-2")[0]
        try await scene.bench.pair(other, with: scene.ada)
        try await DeviceBench.run(scene.bench) { door in
            for stolen in [scene.operational.key, scene.unit.key] as [any SigningKey] {
                let request = try CertificationRequest.enrolment(device: other.device, key: stolen)
                expectRefusal(try await door.birth(other).enrol(request), 409, rule: "one key, one device")
            }
            #expect(try await scene.bench.alarms(.keySeenTwice, on: other) == 1)
        }
    }

    @Test func `renews for the same subject and names only`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.client(scene.operational.identity)
            let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
            // The device's name alone is not the whole subject of its certificate.
            for der in [try Self.request(scene.unit.device.text, key), try Self.request("somebody-else", key)] {
                expectRefusal(try await client.enrol(der, at: Self.reenrol), 403, rule: "RFC 7030 §4.2.2")
            }
            let held = try HeldCertificate(scene.operational.certificate)
            let same = try CertificationRequest.renewal(of: held, key: scene.operational.key)
            #expect(try await client.enrol(same, at: Self.reenrol).status == 200)
        }
    }

    @Test func `needs a tenure`() async throws {
        let bench = try await HouseBench(atRealTime: { _ in })
        let units = try await bench.makeUnits(1, shipped: false) + bench.makeUnits(1, station: "line-2")
        try await DeviceBench.run(bench) { door in
            for (unit, stage) in zip(units, ["made", "shipped"]) {
                let request = try CertificationRequest.enrolment(device: unit.device, key: EphemeralKey())
                expectRefusal(try await door.birth(unit).enrol(request), 403, rule: "stage \(stage): certificate")
            }
        }
    }

    @Test func `ends with the tenure, whichever certificate is shown`() async throws {
        let scene = try await DeviceScene()
        let code = try await scene.bench.house.perform(OfferDevice(device: scene.unit.serial), as: scene.ada).code
        let ben = try await scene.bench.ownership("Ben")
        _ = try await scene.bench.house.perform(AcceptDevice(device: scene.unit.serial, code: code), as: ben)
        try await DeviceBench.run(scene.bench) { door in
            let again = try CertificationRequest.enrolment(device: scene.unit.device, key: EphemeralKey())
            expectRefusal(try await door.birth(scene.unit).enrol(again), 403, rule: "stage inTransfer: certificate")
            let held = try HeldCertificate(scene.operational.certificate)
            let renewal = try CertificationRequest.renewal(of: held, key: EphemeralKey())
            let old = try door.client(scene.operational.identity)
            expectRefusal(try await old.enrol(renewal, at: Self.reenrol), 403, rule: "certificate: revoked")
            // With the next tenure open, a key of the last one does not come back.
            try await scene.wipe(door)
            let stale = try CertificationRequest.enrolment(device: scene.unit.device, key: scene.operational.key)
            expectRefusal(try await door.birth(scene.unit).enrol(stale), 409, rule: "one key, one tenure")
            #expect(try await door.birth(scene.unit).enrol(again).status == 200)
        }
    }
}
