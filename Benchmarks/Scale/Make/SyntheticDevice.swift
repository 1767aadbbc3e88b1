import Crypto
import Foundation
import Passport
import Trust
import Wire

/// How a device of the generated fleet ends up.
enum Fate: CaseIterable {
    case made, shipped, quarantined, inTransfer, claimable, retired, inUse

    /// Out of a thousand: 1 % of the certificates end revoked, as the CRL's figure wants it.
    init(_ number: UInt64) {
        switch number % 1000 {
        case 0..<30: self = .made
        case 30..<80: self = .shipped
        case 80..<85: self = .quarantined
        case 85..<88: self = .inTransfer
        case 88..<90: self = .claimable
        case 90..<98: self = .retired
        default: self = .inUse
        }
    }
}

/// One step of a life; each is one entry of the ledger.
enum Step {
    case born, shipped, paired, enrolled, configured, configurationApplied, updateOffered, updated
    case logTaken(Int)
    case alarm, quarantined, offered, accepted, revoked, tenureEnded, wiped, retired
}

/// What is the same for the whole fleet.
struct FleetPlan: Sendable, Codable {
    var devices: Int
    /// Mean number of entries of a device.
    var eventsPerDevice: Int
    var start: Timestamp
    var end: Timestamp
    var owners: Int
    /// Devices of one batch.
    var batchSize: Int { min(50_000, max(1000, devices / 20)) }
    var seed: UInt64 = 20_261_121

    private enum CodingKeys: String, CodingKey { case devices, eventsPerDevice, start, end, owners }

    static let products = ["thermostat-2", "meter-1", "gateway-3", "lock-2"]
    static func hardware(of product: String) -> String { "\(product)-board-c" }
    /// Entries of the one device whose life is long.
    static let longLife = 10_000

    func product(ofBatch batch: Int) -> String {
        Self.products[[0, 0, 1, 0, 2, 0, 1, 0, 3, 1][batch % 10]]
    }

    /// Bytes that are always the same for the same device and purpose.
    func bytes(_ device: Int, _ purpose: UInt8) -> [UInt8] {
        var hash = SHA256()
        withUnsafeBytes(of: (seed, UInt64(device), purpose)) { hash.update(bufferPointer: $0) }
        return Array(hash.finalize())
    }

    func number(_ device: Int, _ purpose: UInt8) -> UInt64 {
        bytes(device, purpose).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// When the step number `step` of a device happens: all first steps, then all second ones, as in a fleet that grows up
    /// together, so that no device's entries lie side by side.
    func instant(_ device: Int, step: Int) -> Timestamp {
        let rounds = Int64(eventsPerDevice + 4)
        let span = (end.milliseconds - start.milliseconds) / rounds
        let round = min(Int64(step), rounds - 1)
        let within = span * Int64(device) / Int64(devices)
        let tail = step >= Int(rounds) ? Int64(step) - rounds : 0
        return Timestamp(
            milliseconds: start.milliseconds + round * span + within + min(tail, span / Int64(devices + 1)))
    }
}

/// Everything of one device that can be computed from its number.
struct SyntheticDevice: Sendable {
    let number: Int
    let plan: FleetPlan
    let fate: Fate
    let id: DeviceID
    let serial: String
    let tenure: TenureID
    let steps: [Step]

    init(_ number: Int, _ plan: FleetPlan) {
        self.number = number
        self.plan = plan
        fate = number == 1 ? .inUse : Fate(plan.number(number, 0))
        id = .timeOrdered(at: plan.instant(number, step: 0), random: plan.bytes(number, 1))
        tenure = .timeOrdered(at: plan.instant(number, step: 2), random: plan.bytes(number, 2))
        let batch = number / plan.batchSize
        let digits = String(number)
        serial =
            plan.product(ofBatch: batch).uppercased() + "-" + String(repeating: "0", count: 8 - digits.count) + digits
        steps = Self.steps(fate, plan, isLong: number == 1, alarm: plan.number(number, 3) % 500 == 0)
    }

    private static func steps(_ fate: Fate, _ plan: FleetPlan, isLong: Bool, alarm: Bool) -> [Step] {
        var steps: [Step] = [.born]
        if fate == .made { return steps }
        steps.append(.shipped)
        if fate == .shipped { return steps }
        steps += [.paired, .enrolled, .configured, .configurationApplied, .updateOffered, .updated]
        let filled = isLong ? FleetPlan.longLife : max(0, plan.eventsPerDevice + 1 - steps.count)
        steps += (0..<filled).map { .logTaken($0) }
        if alarm { steps.append(.alarm) }
        switch fate {
        case .quarantined: steps.append(.quarantined)
        case .inTransfer: steps.append(.offered)
        case .claimable: steps += [.offered, .accepted, .revoked, .tenureEnded, .wiped]
        case .retired: steps += [.revoked, .tenureEnded, .retired]
        default: break
        }
        return steps
    }

    var batch: Int { number / plan.batchSize }
    var hasTenure: Bool { steps.count > 2 }
    var isOwned: Bool { [.inUse, .quarantined, .inTransfer].contains(fate) }
    /// The tenth of the fleet that is one organisation's, and everybody else's.
    var owner: Int { plan.number(number, 4) % 10 == 0 ? 0 : Int(plan.number(number, 5) % UInt64(plan.owners)) }

    /// 16 bytes, the first bits set as `Profile` sets them.
    func certificateSerial(birth: Bool) -> [UInt8] {
        var serial = Array(plan.bytes(number, birth ? 6 : 7).prefix(16))
        serial[0] = serial[0] & 0x7f | 0x40
        return serial
    }

    func key(birth: Bool) throws -> SeedKey { try SeedKey(plan.bytes(number, birth ? 8 : 9)) }
    var dataKey: [UInt8] { plan.bytes(number, 10) }
    var labelCode: Wire.Digest { Wire.Digest(plan.bytes(number, 11)) }
    func logHead(_ page: Int) -> Wire.Digest { Wire.Digest(plan.bytes(number &* 16_384 &+ page, 12)) }
    var document: Wire.Digest { Wire.Digest(plan.bytes(number, 13)) }
    func instant(_ step: Int) -> Timestamp { plan.instant(number, step: step) }
}

/// A P-256 key from 32 bytes: whoever knows the plan can act as the device.
struct SeedKey: SigningKey {
    private let key: P256.Signing.PrivateKey
    let publicKeyDER: [UInt8]
    var algorithm: KeyAlgorithm { .p256 }

    /// SubjectPublicKeyInfo up to the point (RFC 5480 §2).
    static let prefix: [UInt8] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
        0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ]

    init(_ seed: [UInt8]) throws {
        key = try P256.Signing.PrivateKey(rawRepresentation: seed)
        publicKeyDER = Self.prefix + Array(key.publicKey.x963Representation)
    }

    /// PKCS#8.
    var privateKeyDER: [UInt8] { Array(key.derRepresentation) }

    func signature(over message: [UInt8]) throws -> [UInt8] {
        Array(try key.signature(for: message).derRepresentation)
    }
}
