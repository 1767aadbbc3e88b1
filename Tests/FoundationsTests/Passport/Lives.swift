import Passport
import Wire

/// A device brought to a point of its life by events alone, for the tests of the stage machine.
struct Life {
    var passport: Passport?
    private(set) var events: [Event] = []
    private var made = 0
    let device = DeviceID(trusted: "device-1")

    static let start = Timestamp(year: 2026, month: 1, day: 1)
    var now: Timestamp { Self.start.adding(seconds: Int64(events.count)) }

    mutating func live(_ event: Event) throws {
        passport = try Passport.advance(passport, device: device, by: event, at: now)
        events.append(event)
    }

    /// What a certificate of this serial would be called.
    static func certificate(_ serial: Int) -> CertificateName {
        let bytes = (0..<32).map { UInt8(truncatingIfNeeded: serial >> (($0 % 4) * 8)) }
        return CertificateName(
            serial: "c\(serial)", sha256: Digest(bytes), key: Digest(bytes.reversed() + [1]),
            notAfter: start.adding(days: 90))
    }

    static let digest = Digest([UInt8](repeating: 7, count: 32))
    static let release = Digest([UInt8](repeating: 9, count: 32))
    static let birth = Event.born(
        product: ProductID(trusted: "thermostat-2"), batch: BatchID(trusted: "batch-1"),
        birthCertificate: certificate(0))
    static func tenure(_ number: Int) -> TenureID { TenureID(trusted: "tenure-\(number)") }

    init() {}
    init(_ events: [Event]) throws { for event in events { try live(event) } }
}

/// Where a device can stand, finer than the stage where an event makes a difference of it.
enum Situation: String, CaseIterable, Sendable {
    case unborn, made, shipped, paired, enrolled, quarantined, offered, accepted, claimable, retiredOwingWipe, retired

    /// The shortest life that leads there and leaves as much behind as it can: a configuration, an update on offer.
    var life: [Event] {
        let first = Life.tenure(1)
        switch self {
        case .unborn: return []
        case .made: return [Life.birth]
        case .shipped: return Self.made.life + [.shipped]
        case .paired: return Self.shipped.life + [.paired(tenure: first, grade: .secret, owner: Life.digest)]
        case .enrolled:
            return Self.paired.life + [
                .enrolled(tenure: first, certificate: Life.certificate(1)),
                .configured(version: 1, document: Life.digest), .updateOffered(release: Life.release, sequence: 5),
            ]
        case .quarantined: return Self.enrolled.life + [.quarantined(reason: "tamper")]
        case .offered: return Self.enrolled.life + [.offered]
        case .accepted:
            return Self.offered.life + [
                .accepted, .certificateRevoked(serial: "c1", reason: .affiliationChanged), .tenureEnded(tenure: first),
            ]
        case .claimable: return Self.accepted.life + [.wiped(receipt: Life.digest)]
        case .retiredOwingWipe:
            return Self.enrolled.life + [
                .certificateRevoked(serial: "c1", reason: .cessationOfOperation), .tenureEnded(tenure: first),
                .retired(how: .recycled),
            ]
        case .retired: return Self.retiredOwingWipe.life + [.wiped(receipt: Life.digest)]
        }
    }

    var stage: Stage? {
        switch self {
        case .unborn: nil
        case .made: .made
        case .shipped: .shipped
        case .paired, .enrolled: .inUse
        case .quarantined: .quarantined
        case .offered, .accepted: .inTransfer
        case .claimable: .claimable
        case .retiredOwingWipe, .retired: .retired
        }
    }
}
