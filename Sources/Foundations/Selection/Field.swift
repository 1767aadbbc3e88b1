import Passport
import Wire

extension Selector {
    /// What can be asked of a device.
    package enum Field: Sendable, Hashable {
        case product, stage, grade, hardware, batch, device, serial, owner, version
        /// Sequence of the release that it runs, and of the one that is offered to it; 0 for none.
        case release, offered
        /// How long ago: the last contact, the birth, the beginning of its tenure.
        case seen, born, owned
        /// What the device said of itself at its last check-in, by the name that it gave.
        case posture(String)
        /// What people wrote on it.
        case label(String)
        /// One of the groups that people defined. Judged only after it was replaced by what it means (`resolved`).
        case group

        enum Kind: Equatable {
            case word
            case choice([String])
            /// Words in an order.
            case ladder([String])
            case number
            case duration
        }

        private static let named: [String: Field] = [
            "product": .product, "stage": .stage, "grade": .grade, "hardware": .hardware, "batch": .batch,
            "device": .device, "serial": .serial, "owner": .owner, "version": .version, "release": .release,
            "offered": .offered, "seen": .seen, "born": .born, "owned": .owned, "group": .group,
        ]
        private static let posturePrefix = "posture."
        private static let labelPrefix = "label."
        package static let names = named.keys.sorted() + [labelPrefix + "NAME", posturePrefix + "NAME"]

        init?(name: String) {
            if let field = Self.named[name] {
                self = field
            } else if name.hasPrefix(Self.posturePrefix), name.count > Self.posturePrefix.count {
                self = .posture(String(name.dropFirst(Self.posturePrefix.count)))
            } else if name.hasPrefix(Self.labelPrefix), name.count > Self.labelPrefix.count {
                self = .label(String(name.dropFirst(Self.labelPrefix.count)))
            } else {
                return nil
            }
        }

        package var name: String {
            switch self {
            case .posture(let key): Self.posturePrefix + key
            case .label(let key): Self.labelPrefix + key
            default: Self.named.first { $0.value == self }?.key ?? ""
            }
        }

        /// Labels and groups: what the maker's people call devices.
        package var isOfMaker: Bool {
            switch self {
            case .label, .group: true
            default: false
            }
        }

        var kind: Kind {
            switch self {
            case .product, .hardware, .batch, .device, .serial, .version, .posture, .label, .group: .word
            case .stage: .choice(Stage.allCases.map(\.rawValue))
            case .owner: .choice(["person", "organisation", "none"])
            case .grade: .ladder(Grade.allCases.map(\.rawValue))
            case .release, .offered: .number
            case .seen, .born, .owned: .duration
            }
        }
    }
}

/// What is known of one device at one moment.
package struct DeviceFacts: Sendable {
    package var passport: Passport
    package var serial: String
    package var hardware: String
    /// "person" or "organisation"; nil without an owner.
    package var ownerKind: String?
    /// The last contact, with the version and posture that it told of; nil before the first.
    package var seen: Timestamp?
    package var version: String?
    package var posture: [String: String]
    package var labels: [String: String]
    package var now: Timestamp

    package init(
        passport: Passport, serial: String, hardware: String, ownerKind: String? = nil, seen: Timestamp? = nil,
        version: String? = nil, posture: [String: String] = [:], labels: [String: String] = [:], now: Timestamp
    ) {
        self.passport = passport
        self.serial = serial
        self.hardware = hardware
        self.ownerKind = ownerKind
        self.seen = seen
        self.version = version
        self.posture = posture
        self.labels = labels
        self.now = now
    }

    func word(_ field: Selector.Field) -> String? {
        switch field {
        case .product: passport.product.text
        case .stage: passport.stage.rawValue
        case .grade: passport.tenure?.grade.rawValue
        case .hardware: hardware
        case .batch: passport.batch.text
        case .device: passport.device.text
        case .serial: serial
        case .owner: ownerKind ?? "none"
        case .version: version
        case .posture(let key): posture[key]
        case .label(let key): labels[key]
        case .group: nil
        case .release, .offered: number(field).map { String($0) }
        case .seen, .born, .owned: nil
        }
    }

    func number(_ field: Selector.Field) -> Int64? {
        switch field {
        case .release: Int64(passport.installed?.sequence ?? 0)
        case .offered: Int64(passport.offeredUpdate?.sequence ?? 0)
        case .grade: passport.tenure.map { Int64($0.grade.strength) }
        case .seen: seen.map { now.seconds(since: $0) }
        case .born: now.seconds(since: passport.bornAt)
        case .owned: passport.tenure.map { now.seconds(since: $0.since) }
        default: nil
        }
    }
}
