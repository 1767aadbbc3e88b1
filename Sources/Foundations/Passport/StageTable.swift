/// What a device may fetch, connect to or be told: the columns of the rights table.
package enum Right: String, Codable, Sendable, CaseIterable {
    /// Firmware N to N+1 and pre-customisation.
    case firmware
    /// Getting an owner.
    case pair
    /// An operational certificate, and its renewal.
    case certificate
    /// The back end: check-in, the owner's data and configuration.
    case backEnd
    /// Being told to do something.
    case command
    /// Contact raises an alarm. The one right that a device would rather not have.
    case contactAlarm
}

/// What the table says of one right in one stage.
package enum Ruling: String, Codable, Sendable {
    case no, yes
    /// Only over a station's line in the factory.
    case atStation
    /// Only what mends the device.
    case remedyOnly
    /// Only together with a pairing.
    case withPairing
    /// Depends on the role of who asks.
    case byRole
    /// Only the order to wipe, until its receipt is in.
    case wipeOnly
    /// The product's policy says.
    case byPolicy
}

/// The rights table of DESIGN.md, as data. Every plane asks it; nothing else grants a right.
///
/// One cell differs from the design's first draft: `retired`/`command` is `wipeOnly`, because a device that nobody may
/// talk to can never learn that it has to wipe itself (docs/decisions/0003).
package enum StageTable {
    package static let order: [Stage] = [.made, .shipped, .claimable, .inUse, .quarantined, .inTransfer, .retired]

    private static let rows: [Right: [Ruling]] = [
        //              made       shipped       claimable     inUse   quarantined  inTransfer   retired
        .firmware: [.atStation, .yes, .yes, .yes, .remedyOnly, .remedyOnly, .no],
        .pair: [.no, .yes, .yes, .no, .no, .no, .no],
        .certificate: [.no, .withPairing, .withPairing, .yes, .no, .no, .no],
        .backEnd: [.no, .no, .no, .yes, .no, .no, .no],
        .command: [.no, .no, .no, .byRole, .remedyOnly, .wipeOnly, .wipeOnly],
        .contactAlarm: [.yes, .byPolicy, .no, .no, .no, .no, .yes],
    ]

    package static func ruling(_ right: Right, in stage: Stage) -> Ruling {
        guard let row = rows[right], let column = order.firstIndex(of: stage), column < row.count else { return .no }
        return row[column]
    }
}
