import Crypto
import Keys
import Trust
import Wire

/// A P-256 key in memory that can be written down, unlike `EphemeralKey`: a simulated fleet outlives its process.
struct SimulatedKey: OpeningKey {
    let algorithm = KeyAlgorithm.p256
    let publicKeyDER: [UInt8]
    private let key: P256.Signing.PrivateKey

    init() { self.init(P256.Signing.PrivateKey()) }

    /// - Parameter raw: the 32 bytes of the private scalar.
    init(raw: [UInt8]) throws { self.init(try P256.Signing.PrivateKey(rawRepresentation: raw)) }

    private init(_ key: P256.Signing.PrivateKey) {
        self.key = key
        publicKeyDER = Array(key.publicKey.derRepresentation)
    }

    var raw: [UInt8] { Array(key.rawRepresentation) }

    func signature(over message: [UInt8]) throws -> [UInt8] { Array(try key.signature(for: message).derRepresentation) }

    func open(_ envelope: KeyEnvelope, context: [UInt8]) throws -> [UInt8] {
        try envelope.open(with: key, context: context)
    }
}

/// The key store of one simulated device.
final class SimulatedKeys: KeyStore {
    let kind = "memory (simulated)"
    private let held: Locked<[KeyLabel: SimulatedKey]>

    /// - Parameter raw: private keys by label, base64.
    init(_ raw: [String: String] = [:]) throws {
        var keys: [KeyLabel: SimulatedKey] = [:]
        for (label, text) in raw { keys[try KeyLabel(label)] = try SimulatedKey(raw: Base64.decode(text) ?? []) }
        held = Locked(keys)
    }

    var raw: [String: String] {
        held.withLock { held in
            Dictionary(uniqueKeysWithValues: held.map { ($0.key.text, Base64.encode($0.value.raw)) })
        }
    }

    func make(_ label: KeyLabel, algorithm: KeyAlgorithm) throws -> any SigningKey {
        guard algorithm == .p256 else {
            throw Refusal(.unsupported, "A simulated device makes P-256 keys only.", hint: "Ask for P-256.")
        }
        return try held.withLock { held in
            guard held[label] == nil else {
                throw Refusal(.conflict, "The key \"\(label)\" exists.", hint: "Choose another label.")
            }
            let key = SimulatedKey()
            held[label] = key
            return key
        }
    }

    func find(_ label: KeyLabel) throws -> (any SigningKey)? { held.withLock { $0[label] } }
    func holdsWrapping(_ label: KeyLabel) throws -> Bool { false }
    func makeWrapping(_ label: KeyLabel) throws { throw Self.unused }
    func labels() throws -> [KeyLabel] { held.withLock { $0.keys.sorted() } }
    func destroy(_ label: KeyLabel) throws { held.withLock { $0[label] = nil } }
    func wrap(_ secret: [UInt8], under label: KeyLabel, context: [UInt8]) throws -> [UInt8] { throw Self.unused }
    func unwrap(_ wrapped: [UInt8], under label: KeyLabel, context: [UInt8]) throws -> [UInt8] { throw Self.unused }

    private static var unused: Refusal {
        Refusal(.unsupported, "A simulated device wraps nothing.", hint: "Use a key store of the server for that.")
    }
}
