import Passport

/// DESIGN.md's rights table written a second time, as sentences and not as a table, so that one slip cannot be in both.
package enum RightsStatement {
    /// What may make a difference beside the stage.
    package struct Facts: Sendable {
        package var wipeOwed: Bool
        package init(wipeOwed: Bool) { self.wipeOwed = wipeOwed }
    }

    package static func allows(_ right: Right, in stage: Stage, for purpose: Purpose, _ facts: Facts) -> Bool {
        let owesWipe = purpose == .wipe && facts.wipeOwed
        switch right {
        case .firmware:
            switch stage {
            case .made: return purpose == .station
            case .shipped, .claimable, .inUse: return true
            case .quarantined, .inTransfer: return purpose == .remedy || owesWipe
            case .retired: return false
            }
        case .pair: return stage == .shipped || stage == .claimable
        // "With pairing": the pairing itself leads to inUse, so that in the stage before it nobody has it.
        case .certificate, .backEnd: return stage == .inUse
        case .command:
            switch stage {
            case .made, .shipped, .claimable: return false
            case .inUse: return true
            case .quarantined: return purpose == .remedy || owesWipe
            case .inTransfer, .retired: return owesWipe
            }
        // "By policy" is asked elsewhere; the table by itself raises no alarm.
        case .contactAlarm: return stage == .made || stage == .retired
        }
    }

    package static let purposes: [Purpose] = [.ordinary, .remedy, .wipe, .station]
}
