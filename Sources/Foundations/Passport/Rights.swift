import Wire

/// The answer to "may it, and why": always with a reason that can be read.
package struct Verdict: Codable, Sendable, Equatable {
    package var allowed: Bool
    /// One sentence.
    package var reason: String
    /// "stage retired: backEnd".
    package var rule: String
}

/// What a request is for, where the table makes a difference of it.
package enum Purpose: String, Codable, Sendable {
    case ordinary
    /// It mends the device (an update that the response to an incident ordered).
    case remedy
    /// The wipe that ends a tenure or a life.
    case wipe
    /// It comes over a station's line.
    case station
}

extension Passport {
    /// Whether the device has the right now. Pure; the same answer for every plane.
    package func allows(_ right: Right, for purpose: Purpose = .ordinary) -> Bool {
        switch StageTable.ruling(right, in: stage) {
        case .yes, .byRole: true
        case .no, .byPolicy: false
        case .atStation: purpose == .station
        case .remedyOnly: purpose == .remedy || (purpose == .wipe && wipeOwed)
        case .wipeOnly: purpose == .wipe && wipeOwed
        case .withPairing: tenure != nil
        }
    }

    /// The same, with its reason.
    package func may(_ right: Right, for purpose: Purpose = .ordinary) -> Verdict {
        let reason =
            switch StageTable.ruling(right, in: stage) {
            case .yes: "A device in stage \(stage.rawValue) has the right \"\(right.rawValue)\"."
            case .no: "A device in stage \(stage.rawValue) has no right \"\(right.rawValue)\"."
            case .atStation: "In stage \(stage.rawValue) only a station's line gives \"\(right.rawValue)\"."
            case .remedyOnly: "A device in stage \(stage.rawValue) gets \"\(right.rawValue)\" only as a remedy."
            case .wipeOnly: "A device in stage \(stage.rawValue) may only be told to wipe itself."
            case .withPairing: "A device in stage \(stage.rawValue) gets \"\(right.rawValue)\" once it is paired."
            case .byRole: "Depends on the role of who gives it."
            case .byPolicy: "The product's policy says."
            }
        return Verdict(
            allowed: allows(right, for: purpose), reason: reason, rule: "stage \(stage.rawValue): \(right.rawValue)")
    }

    /// The same, as a refusal: what was wrong, the rule, and what to do.
    package func demand(_ right: Right, for purpose: Purpose = .ordinary) throws(Refusal) {
        guard !allows(right, for: purpose) else { return }
        let verdict = may(right, for: purpose)
        throw Refusal(.forbidden, verdict.reason, hint: whatToDo, rule: verdict.rule)
    }

    /// The next step out of the present stage, for a person or a device that was refused.
    package var whatToDo: String {
        switch stage {
        case .made: "Ship the device first."
        case .shipped, .claimable: "Pair the device with an owner first."
        case .inUse: "Enrol, then ask with the operational certificate."
        case .quarantined: "Ask the maker's support to restore the device."
        case .inTransfer:
            transfer?.acceptedAt == nil
                ? "Wait until the transfer is accepted or withdrawn." : "Wipe the device and send the receipt."
        case .retired: wipeOwed ? "Wipe the device and send the receipt." : "Switch the device off; its life is over."
        }
    }
}
