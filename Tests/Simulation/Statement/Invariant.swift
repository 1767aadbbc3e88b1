/// What must hold whatever happens. The names are those of docs/simulation.md, where each has its sentence; a test holds the
/// two lists against each other.
package enum Invariant: String, CaseIterable, Sendable {
    case rightFromStage = "right-from-stage"
    case stagesInOrder = "stages-in-order"
    case oneTenure = "one-tenure"
    case certificateNeedsTenure = "certificate-needs-tenure"
    case retiredIsFinal = "retired-is-final"
    case answeredOnce = "answered-once"
    case refusedLeavesNothing = "refused-leaves-nothing"
    case oneOrder = "one-order"
    case timeForward = "time-forward"
    case receiptOnce = "receipt-once"
    case abandonedStaysDead = "abandoned-stays-dead"
    case releaseForward = "release-forward"
    case replay = "replay"
}

/// A rule that is broken on purpose, to show that the invariant that it belongs to can fail.
package enum BrokenRule: String, CaseIterable, Sendable {
    case staleRights, wrongStage, secondTenure, certificateOutlives, resurrection, answersEarly, answersTwice
    case refusalStays, forgetsSize, clockGoesBack, ignoresNonce, keepsAbandoned, rollsBack, forgetsVersion

    package var breaks: Invariant {
        switch self {
        case .staleRights: .rightFromStage
        case .wrongStage: .stagesInOrder
        case .secondTenure: .oneTenure
        case .certificateOutlives: .certificateNeedsTenure
        case .resurrection: .retiredIsFinal
        case .answersEarly: .answeredOnce
        case .answersTwice, .refusalStays: .refusedLeavesNothing
        case .forgetsSize: .oneOrder
        case .clockGoesBack: .timeForward
        case .ignoresNonce: .receiptOnce
        case .keepsAbandoned: .abandonedStaysDead
        case .rollsBack: .releaseForward
        case .forgetsVersion: .replay
        }
    }
}

/// An invariant that did not hold, and what led there.
package struct Violation: Error, Sendable, CustomStringConvertible {
    package var invariant: Invariant
    package var detail: String
    package var seed: UInt64
    package var step: Int
    /// The last things that happened, oldest first.
    package var recent: [String]

    package var description: String {
        """
        invariant \(invariant.rawValue) does not hold at step \(step) of seed \(seed): \(detail)
        \(recent.map { "  \($0)" }.joined(separator: "\n"))
        """
    }
}

/// How a run went.
package struct RunReport: Sendable, Equatable {
    package var steps = 0
    /// Leaves that the ledger has.
    package var entries = 0
    package var answered = 0
    package var refused = 0
    /// Attempts whose outcome nobody was told: node gone, commit failed, answer lost.
    package var unknown = 0
    package var crashes = 0
    package var devices = 0
    /// A number over everything that happened, in order: two runs with one seed have the same.
    package var trace: UInt64 = 0xcbf2_9ce4_8422_2325

    package init() {}

    /// FNV-1a, so that the trace depends on nothing but what is handed in.
    package mutating func note(_ text: String) {
        for byte in text.utf8 { trace = (trace ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    }
    package mutating func note(_ number: Int) {
        trace = (trace ^ UInt64(bitPattern: Int64(number))) &* 0x0000_0100_0000_01b3
    }
}
