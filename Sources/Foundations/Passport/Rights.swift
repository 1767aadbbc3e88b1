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
    package func may(_ right: Right, for purpose: Purpose = .ordinary) -> Verdict {
        let ruling = StageTable.ruling(right, in: stage)
        let rule = "stage \(stage.rawValue): \(right.rawValue)"
        func say(_ allowed: Bool, _ reason: String) -> Verdict { Verdict(allowed: allowed, reason: reason, rule: rule) }
        switch ruling {
        case .yes: return say(true, "A device in stage \(stage.rawValue) has the right \"\(right.rawValue)\".")
        case .no: return say(false, "A device in stage \(stage.rawValue) has no right \"\(right.rawValue)\".")
        case .atStation:
            return say(
                purpose == .station, "In stage \(stage.rawValue) only a station's line gives \"\(right.rawValue)\".")
        case .remedyOnly:
            return say(
                purpose == .remedy || (purpose == .wipe && wipeOwed),
                "A device in stage \(stage.rawValue) gets \"\(right.rawValue)\" only as a remedy.")
        case .wipeOnly:
            return say(
                purpose == .wipe && wipeOwed, "A device in stage \(stage.rawValue) may only be told to wipe itself.")
        case .withPairing:
            return say(
                tenure != nil, "A device in stage \(stage.rawValue) gets \"\(right.rawValue)\" once it is paired.")
        case .byRole: return say(true, "Depends on the role of who gives it.")
        case .byPolicy: return say(false, "The product's policy says.")
        }
    }

    /// The same, as a refusal: what was wrong, the rule, and what to do.
    package func demand(_ right: Right, for purpose: Purpose = .ordinary) throws(Refusal) {
        let verdict = may(right, for: purpose)
        guard verdict.allowed else {
            throw Refusal(.forbidden, verdict.reason, hint: whatToDo, rule: verdict.rule)
        }
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
