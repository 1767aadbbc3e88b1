import Auditor
import Crypto
import Ledger
import Passport
import Station
import Trust
import Wire

/// Real, valid objects to begin with, made by the code that makes them in earnest: the seed corpus is a program, not a
/// folder of files that grow stale.
///
/// Keys are derived from fixed numbers, so that what one process made is valid in another; ECDSA signatures differ all
/// the same.
package struct FuzzSeeds: Sendable {
    package static let now = Timestamp(year: 2026, month: 11, day: 21)
    static let product = ProductID(trusted: "thermostat-2")
    static let device = DeviceID(trusted: "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d")
    /// What the targets check against.
    package static let fixed: FuzzSeeds = {
        do { return try FuzzSeeds() } catch { preconditionFailure("the seeds cannot be made: \(error)") }
    }()

    // Trust.
    let signer: any SigningKey
    let otherKeys: [any SigningKey]
    let authority: Authority
    let leaf: [UInt8]
    let serverLeaf: [UInt8]
    let csr: [UInt8]
    let authorityRequest: [UInt8]
    let signature: [UInt8]
    let verifier: ChainVerifier
    /// Whether this is one of the certificates that were made, whatever its signature's random half.
    func made(_ certificate: [UInt8]) -> Bool {
        func name(_ der: [UInt8]) -> [String]? {
            (try? CertificateReference(of: der)).map {
                [
                    $0.serial, $0.issuerKey.description, $0.key.description, $0.notBefore.description,
                    $0.notAfter.description,
                ]
            }
        }
        return [leaf, serverLeaf, authority.certificate].contains { name($0) == name(certificate) }
    }

    private static func serial(_ number: UInt8) -> [UInt8] { [UInt8](repeating: number, count: 16) }

    // Ledger and witness.
    let leaves: [[UInt8]]
    let logKey: VerifierKey
    let checkpoint: Checkpoint
    let note: [UInt8]
    let cosigner: Cosigner
    var witnessKey: WitnessKey { cosigner.key }
    let freshLog: WitnessedLog
    let knownLog: WitnessedLog
    let request: WitnessRequest
    let cosignatureLine: [UInt8]
    let cosigned: [UInt8]
    let signedHeads: [TreeHead]
    let tiles: [TileID: [UInt8]]

    // Messages.
    let receipt: Seal
    let release: Seal
    let permit: Seal
    let births: Seal
    let secretHash: String

    private init() throws {
        (signer, otherKeys) = (SeededKey(1), [SeededKey(2, .p256), EphemeralKey(.p384)])
        let p256 = SeededKey(5, .p256)
        signature = try signer.signature(over: Array("message".utf8))
        let from = Self.now.adding(days: -10)
        authority = try Authority(
            root: IssuanceToken(
                stored: Profile.root(
                    name: "Root", organisation: "Maker", key: p256, serial: Self.serial(1), notBefore: from,
                    notAfter: .noExpiry)), key: p256)
        leaf = try authority.sign(
            IssuanceToken(
                stored: Profile.birth(
                    under: authority, spki: SeededKey(11, .p256).publicKeyDER, deviceSerial: "THERMOSTAT-2-7KQ2M9XA",
                    product: Self.product.text, organisation: "Maker", hardwareType: [1, 3, 6, 1, 4, 1, 59999, 1],
                    serial: Self.serial(2), notBefore: from)))
        serverLeaf = try authority.sign(
            IssuanceToken(
                stored: Profile.server(
                    under: authority, spki: SeededKey(12, .p256).publicKeyDER, dnsNames: ["device.example"],
                    organisation: "Maker", serial: Self.serial(3), notBefore: from,
                    notAfter: Self.now.adding(days: 90))))
        csr = try CertificationRequest.enrolment(device: Self.device, key: SeededKey(13, .p256))
        authorityRequest = try CertificationRequest.authority(name: "Births of line-1", key: SeededKey(14, .p256))
        verifier = try ChainVerifier(anchors: [authority.certificate], intermediates: [])

        leaves = try Self.makeEntries().map { try CanonicalJSON.encode($0) }
        let log = try NoteSigner(name: "log.example/one", key: SeededKey(3))
        let hashes = leaves.map { MerkleTree.leafHash($0) }
        let grown = try Tiles.append(leaves: hashes, to: 0, reading: [TileID: [UInt8]]())
        tiles = grown.changed
        (logKey, note) = (log.verifierKey, try log.checkpoint(grown.head))
        checkpoint = try Checkpoint(note: note, key: logKey)
        cosigner = try Cosigner(name: "witness.example/w1", key: SeededKey(4))
        freshLog = try WitnessedLog(origin: logKey.name, keys: [logKey])
        let early = TreeHead(size: 3, root: MerkleTree.root(of: Array(hashes.prefix(3))))
        signedHeads = [early, grown.head]
        knownLog = try freshLog.cosign(
            WitnessRequest(oldSize: 0, proof: [], note: log.checkpoint(early)), by: cosigner, at: Self.now
        ).next
        request = WitnessRequest(
            oldSize: 3, proof: try Tiles.consistency(from: 3, to: grown.head.size, reading: tiles).hashes, note: note)
        cosignatureLine = try knownLog.cosign(request, by: cosigner, at: Self.now).line
        cosigned = note + cosignatureLine

        secretHash = try PairingSecret.hash(
            PairingSecret.make(random: [UInt8](repeating: 7, count: PairingSecret.randomBytes)),
            salt: [UInt8](repeating: 9, count: PairingSecret.saltBytes))
        let signer = signer
        func seal(_ type: String, _ value: some Encodable) throws -> Seal {
            try Seal.sign(type: type, payload: CanonicalJSON.encode(value), with: signer)
        }
        receipt = try seal(Seal.PayloadType.receipt, Self.plainReceipt)
        release = try seal(Seal.PayloadType.manifest, Self.manifest)
        permit = try seal(
            Seal.PayloadType.permit, Self.plainPermit(authority.certificate, leaf, signer.publicKeyDER))
        births = try seal(Seal.PayloadType.births, Self.plainBirths(leaf, secretHash))
    }
}

/// A key from a number: the same in every process, and worth nothing.
struct SeededKey: SigningKey {
    private enum Pair: Sendable {
        case ed25519(Curve25519.Signing.PrivateKey)
        case p256(P256.Signing.PrivateKey)
    }
    private let pair: Pair
    let algorithm: KeyAlgorithm

    /// Traps on a number whose hash is no key, which none of ours is.
    init(_ number: UInt8, _ algorithm: KeyAlgorithm = .ed25519) {
        self.algorithm = algorithm
        let secret = Array(SHA256.hash(data: [number]))
        let made: Pair? =
            algorithm == .p256
            ? (try? P256.Signing.PrivateKey(rawRepresentation: secret)).map { .p256($0) }
            : (try? Curve25519.Signing.PrivateKey(rawRepresentation: secret)).map { .ed25519($0) }
        guard let made else { preconditionFailure("the number \(number) makes no key") }
        pair = made
    }

    var publicKeyDER: [UInt8] {
        switch pair {
        case .p256(let key): Array(key.publicKey.derRepresentation)
        case .ed25519(let key):
            // RFC 8410 §4.
            [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00] + key.publicKey.rawRepresentation
        }
    }

    func signature(over message: [UInt8]) throws -> [UInt8] {
        switch pair {
        case .p256(let key): Array(try key.signature(for: message).derRepresentation)
        case .ed25519(let key): Array(try key.signature(for: message))
        }
    }
}
