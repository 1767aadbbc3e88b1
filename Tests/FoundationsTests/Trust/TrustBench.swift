import Foundation
import Testing
import Wire

@testable import Trust

/// A small PKI for the tests: a root, an authority for births and one for operations.
struct TrustBench {
    static let now = Timestamp(year: 2026, month: 11, day: 21, hour: 6)
    static let urls = AuthorityURLs(
        crl: "http://pki.example/ca.crl", ocsp: "http://pki.example/ocsp", issuer: "http://pki.example/ca.cer")
    static let hardwareType: OID = [1, 3, 6, 1, 4, 1, 59999, 1, 2]

    let root: Authority
    let births: Authority
    let operations: Authority

    init(_ algorithm: KeyAlgorithm = .p256) throws {
        root = try Self.root(name: "Lab Root", algorithm)
        births = try Self.authority(under: root, name: "Lab Births", algorithm, until: .noExpiry)
        operations = try Self.authority(under: root, name: "Lab Operations", algorithm)
    }

    static func serial(_ count: Int = 16) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255) } }

    static func root(name: String, _ algorithm: KeyAlgorithm = .p256) throws -> Authority {
        let key = EphemeralKey(algorithm)
        let intent = try Profile.root(
            name: name, organisation: "Lab", key: key, serial: serial(), notBefore: now.adding(days: -30),
            notAfter: .noExpiry)
        return try Authority(root: IssuanceToken(stored: intent), key: key)
    }

    static func authority(
        under issuer: Authority, name: String, _ algorithm: KeyAlgorithm = .p256, pathLength: Int = 0,
        until: Timestamp = now.adding(days: 3650)
    ) throws -> Authority {
        let key = EphemeralKey(algorithm)
        let intent = try Profile.authority(
            under: issuer, name: name, organisation: "Lab", spki: key.publicKeyDER, pathLength: pathLength,
            serial: serial(20), notBefore: now.adding(days: -20), notAfter: until, urls: urls)
        return try Authority(
            certificate: try issuer.sign(IssuanceToken(stored: intent)), chain: [issuer.certificate] + issuer.chain,
            key: key)
    }

    func birth(
        _ key: any SigningKey = EphemeralKey(), serial: String = "TH-0001", urls: AuthorityURLs = .init()
    ) throws -> [UInt8] {
        let intent = try Profile.birth(
            under: births, spki: key.publicKeyDER, deviceSerial: serial, product: "thermostat-2", organisation: "Lab",
            hardwareType: Self.hardwareType, serial: Self.serial(), notBefore: Self.now.adding(days: -1), urls: urls)
        return try births.sign(IssuanceToken(stored: intent))
    }

    func operational(
        _ key: any SigningKey = EphemeralKey(), days: Int64 = 90, urls: AuthorityURLs = TrustBench.urls
    ) throws -> [UInt8] {
        let intent = try Profile.operational(
            under: operations, spki: key.publicKeyDER, device: "dev-1", organisation: "Lab", unit: "tenure-1",
            serial: Self.serial(), notBefore: Self.now.adding(days: -1), notAfter: Self.now.adding(days: days - 1),
            urls: urls)
        return try operations.sign(IssuanceToken(stored: intent))
    }

    func server(
        dns: [String] = ["lifelong.example"], ip: [String] = ["127.0.0.1", "::1"], organisation: String = "Lab"
    )
        throws -> [UInt8]
    {
        let intent = try Profile.server(
            under: operations, spki: EphemeralKey().publicKeyDER, dnsNames: dns, ipAddresses: ip,
            organisation: organisation, serial: Self.serial(), notBefore: Self.now.adding(days: -1),
            notAfter: Self.now.adding(days: 90), urls: Self.urls)
        return try operations.sign(IssuanceToken(stored: intent))
    }

    func responder(_ key: any SigningKey) throws -> [UInt8] {
        let intent = try Profile.ocspResponder(
            under: operations, spki: key.publicKeyDER, name: "Lab OCSP", organisation: "Lab", serial: Self.serial(),
            notBefore: Self.now.adding(days: -1), notAfter: Self.now.adding(days: 30))
        return try operations.sign(IssuanceToken(stored: intent))
    }

    func verifier() throws -> ChainVerifier {
        try ChainVerifier(anchors: [root.certificate], intermediates: [births.certificate, operations.certificate])
    }
}

/// A certificate put together field by field, so that each can be wrong.
struct Forgery {
    var version: [UInt8] = DERWriter.context(0, DERWriter.integer(2))
    var serial: [UInt8] = DERWriter.integer([0x55] + TrustBench.serial())
    var innerAlgorithm: [UInt8] = SignatureAlgorithm.ecdsaSHA256.der
    var outerAlgorithm: [UInt8] = SignatureAlgorithm.ecdsaSHA256.der
    var issuer: [UInt8]
    var notBefore: [UInt8] = DERTime.write(TrustBench.now.adding(days: -1))
    var notAfter: [UInt8] = DERTime.write(TrustBench.now.adding(days: 30))
    var subject: [UInt8]
    var spki: [UInt8]
    /// DER of each.
    var extensions: [[UInt8]]
    var suffix: [UInt8] = []

    /// Starts as a good operational certificate.
    init(under authority: Authority, key: any SigningKey = EphemeralKey()) throws {
        issuer = authority.parsed.tbs.subject.der
        subject = try DistinguishedNames.encode([(.commonName, "dev-1")])
        spki = key.publicKeyDER
        extensions = [
            Extensions.digitalSignature.der, Extensions.extendedKeyUsage([.clientAuthentication]).der,
            Extensions.authorityKey(authority.keyIdentifier).der,
        ]
    }

    /// Starts as a good authority's certificate.
    init(authorityUnder authority: Authority, key: any SigningKey, pathLength: Int? = nil) throws {
        try self.init(under: authority, key: key)
        subject = try DistinguishedNames.encode([(.commonName, "Forged Authority")])
        extensions = Extensions.authority(pathLength: pathLength).map(\.der)
        extensions += [
            Extensions.authorityKey(authority.keyIdentifier).der,
            Extensions.subjectKey(try PublicKeys.keyIdentifier(key.publicKeyDER)).der,
        ]
    }

    var tbs: [UInt8] {
        DERWriter.sequence(
            of: [version, serial, innerAlgorithm, issuer, DERWriter.sequence(notBefore, notAfter), subject, spki]
                + (extensions.isEmpty ? [] : [DERWriter.context(3, DERWriter.sequence(of: extensions))]))
    }

    func signed(by key: any SigningKey) throws -> [UInt8] {
        let tbs = self.tbs
        return DERWriter.sequence(tbs, outerAlgorithm, DERWriter.bits(try key.signature(over: tbs))) + suffix
    }
}

/// The programs that check our bytes from outside.
enum Outside {
    struct Answer { let status: Int32, text: String }

    static func run(_ program: String, _ arguments: [String], input: [UInt8]? = nil) throws -> Answer {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        let inputPipe = Pipe()
        process.standardInput = inputPipe
        try process.run()
        if let input { inputPipe.fileHandleForWriting.write(Data(input)) }
        try inputPipe.fileHandleForWriting.close()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return Answer(status: process.terminationStatus, text: text)
    }

    /// Writes the files into a folder that is removed afterwards.
    static func inFolder<T>(_ files: [String: [UInt8]], _ body: (String) throws -> T) throws -> T {
        let folder = FileManager.default.temporaryDirectory.appending(path: "trust-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, bytes) in files { try Data(bytes).write(to: folder.appending(path: name)) }
        return try body(folder.path)
    }

    static func pem(_ der: [UInt8], _ label: String = "CERTIFICATE") -> [UInt8] {
        Array(PEM.encode(der, label: label).utf8)
    }

    static let hasOpenSSL: Bool = {
        let found = (try? run("openssl", ["version"]).status) == 0
        if !found { print("openssl is not installed: its checks are not run") }
        return found
    }()

    /// The folder of pkilint's programs: .venv/bin beside Package.swift.
    static let pkilint: String? = {
        var folder = URL(filePath: #filePath).deletingLastPathComponent()
        while folder.path != "/" {
            let path = folder.appending(path: ".venv/bin/lint_pkix_cert").path
            if FileManager.default.isExecutableFile(atPath: path) { return folder.appending(path: ".venv/bin").path }
            folder.deleteLastPathComponent()
        }
        print("pkilint is not installed (make a .venv with pkilint==0.13.3): its checks are not run")
        return nil
    }()
}
