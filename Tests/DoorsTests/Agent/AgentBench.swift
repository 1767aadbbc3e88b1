import Agent
import Crypto
import Foundation
import Keys
import Logging
import NIOCore
import NIOSSL
import Trust
import Wire

/// Everything around one agent: the maker's and the service's authorities, and units born in memory.
struct AgentBench {
    static let hardware = "board-b"
    static let product = ProductID(trusted: "thermostat-2")
    static let device = DeviceID(trusted: "device-1")
    static var now: Timestamp { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }

    let maker: Authority
    let birthAuthority: Authority
    let serviceRoot: Authority
    let issuing: Authority
    let releaseKey = EphemeralKey()

    init() throws {
        maker = try Self.root("Maker Root")
        birthAuthority = try Self.authority("Birth CA", under: maker)
        serviceRoot = try Self.root("Service Root")
        issuing = try Self.authority("Issuing CA", under: serviceRoot)
    }

    static func serial() -> [UInt8] { [1] + (0..<15).map { _ in UInt8.random(in: 0...255) } }

    static func root(_ name: String) throws -> Authority {
        let key = EphemeralKey()
        let intent = try Profile.root(
            name: name, organisation: "Example", key: key, serial: serial(), notBefore: now.adding(days: -1),
            notAfter: now.adding(days: 3650))
        return try Authority(root: IssuanceToken(stored: intent), key: key)
    }

    static func authority(_ name: String, under issuer: Authority) throws -> Authority {
        let key = EphemeralKey()
        let intent = try Profile.authority(
            under: issuer, name: name, organisation: "Example", spki: key.publicKeyDER, serial: serial(),
            notBefore: now.adding(days: -1), notAfter: now.adding(days: 3000))
        return try Authority(
            certificate: try issuer.sign(IssuanceToken(stored: intent)), chain: [issuer.certificate] + issuer.chain,
            key: key)
    }

    func birthCertificate(_ spki: [UInt8], serial: String) throws -> [UInt8] {
        try birthAuthority.sign(
            IssuanceToken(
                stored: Profile.birth(
                    under: birthAuthority, spki: spki, deviceSerial: serial, product: "thermostat-2",
                    organisation: "Example", hardwareType: [1, 3, 6, 1, 4, 1, 99999, 1], serial: Self.serial(),
                    notBefore: Self.now.adding(seconds: -60))))
    }

    func operationalCertificate(
        _ spki: [UInt8], from: Timestamp = now.adding(seconds: -60), until: Timestamp = now.adding(days: 5)
    ) throws -> [UInt8] {
        try issuing.sign(
            IssuanceToken(
                stored: Profile.operational(
                    under: issuing, spki: spki, device: Self.device.text, organisation: "Example",
                    serial: Self.serial(), notBefore: from, notAfter: until)))
    }

    /// The service's TLS side; `names` are IP addresses in its certificate.
    func serverTLS(addresses: [String] = ["127.0.0.1"], under authority: Authority? = nil) throws -> TLSConfiguration {
        let issuer = try authority ?? Self.authority("Server CA", under: serviceRoot)
        let key = P256.Signing.PrivateKey()
        let certificate = try issuer.sign(
            IssuanceToken(
                stored: Profile.server(
                    under: issuer, spki: Array(key.publicKey.derRepresentation), dnsNames: [], ipAddresses: addresses,
                    organisation: "Example", serial: Self.serial(), notBefore: Self.now.adding(seconds: -60),
                    notAfter: Self.now.adding(days: 30))))
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: try [certificate, issuer.certificate].map {
                .certificate(try NIOSSLCertificate(bytes: $0, format: .der))
            },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.derRepresentation), format: .der)))
        tls.certificateVerification = .noHostnameVerification
        tls.trustRoots = .certificates(
            try [maker, serviceRoot].map { try NIOSSLCertificate(bytes: $0.certificate, format: .der) })
        return tls
    }

    func anchor(port: Int, anchors: [Authority]? = nil) -> ServiceAnchor {
        ServiceAnchor(
            url: "https://127.0.0.1:\(port)",
            anchors: (anchors ?? [serviceRoot]).map { Base64.encode($0.certificate) },
            releaseKeys: [Base64.encode(releaseKey.publicKeyDER)])
    }

    /// A client with a birth identity of its own, without any home.
    func client(port: Int, anchors: [Authority]? = nil, limits: DeviceTransport.Limits = .init()) throws -> (
        DeviceClient, DeviceTransport
    ) {
        let key = EphemeralKey()
        let transport = DeviceTransport(limits: limits)
        let identity = ClientIdentity(
            chain: [try birthCertificate(key.publicKeyDER, serial: "S-1"), birthAuthority.certificate], key: key)
        return (
            try DeviceClient(service: anchor(port: port, anchors: anchors), identity: identity, transport: transport),
            transport
        )
    }

    /// Lets a unit be born on `disk`, by a conversation in memory, and opens its agent.
    func agent(
        on disk: any Disk, keys: any KeyStore, port: Int, transport: DeviceTransport, settings: AgentSettings = .init()
    ) throws -> Agent {
        let home = AgentHome("/home")
        if try disk.size(of: home.unit) == nil { try bear(home, on: disk, keys: keys, port: port) }
        return try Agent(
            home: home,
            around: Surroundings(
                disk: disk, keys: keys, transport: transport, now: { Self.now },
                random: { count in (0..<count).map { _ in UInt8.random(in: 0...255) } },
                logger: Logger(label: "agent") { _ in SwiftLogNoOpLogHandler() }),
            settings: settings)
    }

    private func bear(_ home: AgentHome, on disk: any Disk, keys: any KeyStore, port: Int) throws {
        try home.makeFolders(on: disk)
        let key = try keys.make(DeviceKeys.birth, algorithm: .p256)
        let certificate = try birthCertificate(key.publicKeyDER, serial: "S-1")
        let chain = [certificate, birthAuthority.certificate, maker.certificate]
        try disk.write(
            Array(chain.map { PEM.encode($0, label: "CERTIFICATE") }.joined().utf8), to: home.birthCertificate)
        try disk.write(anchor(port: port), as: home.service)
        try Slots(on: disk, folder: home.slots).furnish(
            Array("factory".utf8), product: Self.product, hardware: Self.hardware, at: Self.now)
        try disk.write(
            UnitRecord(hardware: Self.hardware, serial: "S-1", product: Self.product, born: Self.now), as: home.unit)
    }
}

/// Keys in memory, for as long as the test lasts.
final class MemoryKeys: KeyStore {
    let kind = "memory (tests)"
    private let held = Locked<[KeyLabel: EphemeralKey]>([:])

    func make(_ label: KeyLabel, algorithm: KeyAlgorithm) throws -> any SigningKey {
        try held.withLock { held in
            guard held[label] == nil else { throw Refusal(.conflict, "Taken.", hint: "Choose another label.") }
            let key = EphemeralKey(algorithm)
            held[label] = key
            return key
        }
    }
    func find(_ label: KeyLabel) throws -> (any SigningKey)? { held.withLock { $0[label] } }
    func holdsWrapping(_ label: KeyLabel) throws -> Bool { false }
    func makeWrapping(_ label: KeyLabel) throws { throw unused }
    func labels() throws -> [KeyLabel] { held.withLock { $0.keys.sorted() } }
    func destroy(_ label: KeyLabel) throws { held.withLock { $0[label] = nil } }
    func wrap(_ secret: [UInt8], under label: KeyLabel, context: [UInt8]) throws -> [UInt8] { throw unused }
    func unwrap(_ wrapped: [UInt8], under label: KeyLabel, context: [UInt8]) throws -> [UInt8] { throw unused }
    private var unused: Refusal { Refusal(.unsupported, "Devices wrap nothing.", hint: "Look at the test.") }
}
