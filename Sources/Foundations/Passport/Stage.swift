/// Where a device is in its life. Computed from the events of its passport, never set.
package enum Stage: String, Codable, Sendable, CaseIterable {
    /// It has a birth certificate and stands in stock.
    case made
    /// It left the maker; nobody owns it yet.
    case shipped
    /// Somebody owns and uses it.
    case inUse
    /// Owned, but cut off until a person restores it.
    case quarantined
    /// Its owner gives it away; nothing but the hand-over is possible.
    case inTransfer
    /// Wiped and free to be paired again.
    case claimable
    /// Its life is over.
    case retired
}

/// How strongly a pairing was proven (DESIGN.md, "grade"; assurance levels in docs/stages.md).
package enum Grade: String, Codable, Sendable, CaseIterable, Comparable {
    /// A signed-in user typed the serial.
    case declared
    /// … and the code printed on the device's label.
    case label
    /// … and the one-time secret that came with the device.
    case secret
    /// The device signed a fresh nonce with its birth key.
    case proven
    /// A chain of hand-overs was verified.
    case voucher

    package var strength: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    package static func < (a: Grade, b: Grade) -> Bool { a.strength < b.strength }
}

/// How a device ended.
package enum RetirementKind: String, Codable, Sendable, CaseIterable {
    case recycled, replaced, destroyed
}

/// Why a certificate was revoked: the RFC 5280 §5.3.1 reasons that this project uses.
package enum RevocationCause: String, Codable, Sendable, CaseIterable {
    case keyCompromise, affiliationChanged, superseded, cessationOfOperation

    /// CRLReason's value in a CRL entry.
    package var code: Int {
        switch self {
        case .keyCompromise: 1
        case .affiliationChanged: 3
        case .superseded: 4
        case .cessationOfOperation: 5
        }
    }
}
