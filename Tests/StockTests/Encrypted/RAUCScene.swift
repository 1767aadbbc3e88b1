import Crypto
import Foundation
import Pairing
import Passport
import Registry
import Release
import Trust
import Use
import Wire
import Workbench

/// Two devices with Debian's RAUC, whose keys and certificates are files, and a maker that builds bundles of the format `crypt`.
struct RAUCScene: Sendable {
    static let packages = "rauc squashfs-tools openssl curl"
    static var isInstalled: Bool {
        ["rauc", "mksquashfs", "openssl", "curl"].allSatisfy { OutsideProgram.findOrSay($0, package: packages) }
    }

    struct Unit: Sendable {
        /// Of its files: NAME.pem, NAME.key, NAME.conf.
        let name: String
        let unit: BenchUnit
    }

    let est: ESTScene
    let one: Unit
    let two: Unit
    var folder: String { est.folder }
    var house: House { est.bench.house }
    /// Fixed, and not to be compressed.
    static let image: [UInt8] = {
        var state: UInt64 = 1
        return (0..<200_000).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }()

    /// - Parameter rsa: the devices' keys are RSA keys.
    init(rsa: Bool = false) async throws {
        est = try await ESTScene()
        let other = try await est.bench.makeUnits(1, station: "line-2")[0]
        try await est.bench.pair(other, with: est.ada)
        one = Unit(name: "one", unit: est.unit)
        two = Unit(name: "two", unit: other)
        try await est.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-keyout",
                "images.key", "-out", "images.pem", "-subj", "/CN=images", "-addext", "keyUsage=digitalSignature",
                "-addext", "extendedKeyUsage=emailProtection",
            ])
        for unit in [one, two] { try await enrol(unit, rsa: rsa) }
    }

    /// With a key that openssl made; RAUC is told of both in its settings.
    private func enrol(_ unit: Unit, rsa: Bool) async throws {
        if rsa {
            try await est.run(
                "openssl",
                [
                    "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "\(unit.name).key", "-outform", "DER",
                    "-out",
                    "\(unit.name).csr", "-subj", "/CN=\(unit.unit.device)",
                ])
        } else {
            try await est.request(unit.name, subject: "/CN=\(unit.unit.device)")
        }
        let shown = try house.authorities.verifier(for: .birth).verify(
            leaf: unit.unit.certificate, at: est.bench.clock.now, purpose: .birth
        ).get()
        let csr = Array(try Data(contentsOf: URL(filePath: "\(folder)/\(unit.name).csr")))
        let der = try await EnrolDevice(
            device: unit.unit.device, request: VerifiedRequest(der: csr), proof: .birth(shown)
        ).perform(in: house)
        try est.write(PEM.encode(der, label: "CERTIFICATE"), "\(unit.name).pem")
        try est.write(
            """
            [system]
            compatible=board-c
            bootloader=noop
            statusfile=\(folder)/\(unit.name).status
            [keyring]
            path=\(folder)/images.pem
            [encryption]
            key=\(folder)/\(unit.name).key
            cert=\(folder)/\(unit.name).pem
            """, "\(unit.name).conf")
    }

    /// Builds a bundle with RAUC itself. Returns the message with its key, which is what has to be hidden.
    func publish(_ sequence: Int) async throws -> (payload: String, message: [UInt8]) {
        let content = "\(folder)/content-\(sequence)"
        try FileManager.default.createDirectory(atPath: content, withIntermediateDirectories: true)
        try Data(Self.image).write(to: URL(filePath: "\(content)/rootfs.img"))
        try """
        [update]
        compatible=board-c
        version=1.\(sequence)
        [bundle]
        format=crypt
        [image.rootfs]
        filename=rootfs.img
        """.write(toFile: "\(content)/manifest.raucm", atomically: true, encoding: .utf8)
        try await est.run(
            "rauc", ["bundle", "--cert", "images.pem", "--key", "images.key", content, "\(sequence).raucb"])
        let bundle = Array(try Data(contentsOf: URL(filePath: "\(folder)/\(sequence).raucb")))
        guard let range = RAUCBundle.message(in: bundle.count, trailer: bundle.suffix(8)) else {
            throw Refusal(.malformed, "rauc made no bundle.", hint: "Look at it.")
        }
        let payload = Array(bundle[..<range.lowerBound])
        let sha256 = Wire.Digest(SHA256.hash(data: payload))
        let path = house.settings.artifactFolder + "/\(sha256)"
        try Data(payload).write(to: URL(filePath: path))
        let message = Array(bundle[range])
        _ = try await house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: sequence, version: "1.\(sequence)",
                hardware: [HouseBench.hardware], sha256: sha256, size: payload.count,
                encryption: PayloadSecret(
                    kind: .rauc, secret: message, sha256: Wire.Digest(SHA256.hash(data: bundle)), size: bundle.count)),
            as: .system)
        _ = try await house.perform(OfferUpdate(product: HouseBench.product, sequence: sequence), as: .system)
        return (path, message)
    }

    // MARK: - A device

    struct Artifact: Decodable {
        struct Link: Decodable { var href: String }
        var filename: String
        var hashes: [String: String]
        var size: Int
        var _links: [String: Link]
    }

    private struct Answer: Decodable {
        struct Deployment: Decodable { var chunks: [Chunk] }
        struct Chunk: Decodable { var artifacts: [Artifact] }
        var deployment: Deployment
    }

    private struct Poll: Decodable { var _links: [String: Artifact.Link] }

    /// What curl gets with the device's certificate: status and body.
    func curl(_ unit: Unit, _ url: String, _ more: [String] = []) async throws -> (status: Int, body: [UInt8]) {
        let out = "\(folder)/\(UUID().uuidString)"
        let said = try await est.run(
            "curl",
            [
                "--silent", "--show-error", "--cacert", "root.pem", "--cert", "\(unit.name).pem", "--key",
                "\(unit.name).key", "-o", out, "-w", "%{http_code}", url,
            ] + more)
        return (Int(said.text) ?? 0, Array(FileManager.default.contents(atPath: out) ?? Data()))
    }

    private func base(_ unit: Unit, _ door: DeviceBench) -> String {
        "\(door.device)/DEFAULT/controller/v1/\(unit.unit.serial)"
    }

    /// The deployment that the device's poll links to: address, status and answer.
    func deployment(_ unit: Unit, _ door: DeviceBench) async throws -> (status: Int, body: [UInt8]) {
        let poll = try JSONDecoder().decode(Poll.self, from: Data(try await curl(unit, base(unit, door)).body))
        guard let link = poll._links["deploymentBase"] else { return (404, []) }
        return try await curl(unit, link.href)
    }

    func artifact(_ unit: Unit, _ door: DeviceBench) async throws -> Artifact {
        let answer = try await deployment(unit, door)
        guard answer.status == 200,
            let found = try JSONDecoder().decode(Answer.self, from: Data(answer.body)).deployment.chunks.first?
                .artifacts
                .first
        else {
            throw Refusal(.conflict, String(decoding: answer.body, as: UTF8.self), hint: "Read it.")
        }
        return found
    }

    /// What `openssl cms -decrypt` makes of the bundle's end with the device's key; nil if nothing.
    func decrypt(_ bundle: [UInt8], as unit: Unit) async throws -> [UInt8]? {
        guard let range = RAUCBundle.message(in: bundle.count, trailer: Array(bundle.suffix(8))) else { return nil }
        let name = UUID().uuidString
        try Data(bundle[range]).write(to: URL(filePath: "\(folder)/\(name).cms"))
        let outcome = try await OutsideProgram.run(
            "openssl",
            [
                "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "\(name).cms", "-recip", "\(unit.name).pem",
                "-inkey", "\(unit.name).key", "-out", name,
            ], in: folder)
        guard outcome.status == 0 else { return nil }
        return Array(try Data(contentsOf: URL(filePath: "\(folder)/\(name)")))
    }

    /// `rauc extract` with the device's settings, keys and certificate: the image inside, or what it said.
    func extract(_ bundle: [UInt8], as unit: Unit) async throws -> (image: [UInt8]?, said: String) {
        let name = UUID().uuidString
        try Data(bundle).write(to: URL(filePath: "\(folder)/\(name).raucb"))
        let outcome = try await OutsideProgram.run(
            "rauc", ["-c", "\(unit.name).conf", "extract", "\(name).raucb", "\(folder)/\(name)"], in: folder)
        guard outcome.status == 0 else { return (nil, outcome.text + outcome.errors) }
        return (Array(try Data(contentsOf: URL(filePath: "\(folder)/\(name)/rootfs.img"))), "")
    }
}
