import Passport
import Wire

/// Where a rollout stands with the outside check.
package struct OutsideState: Codable, Sendable, Equatable {
    /// Stages that may open, from the first one on: it said so, or a person did without it.
    package internal(set) var opened = 0
    /// When it is asked next.
    package internal(set) var askAt: Timestamp?
    /// Names what is asked now; an answer to anything else changes nothing.
    package internal(set) var question: String?
    /// How often it was asked in vain.
    package internal(set) var attempts = 0
    /// One sentence: why it still waits.
    package internal(set) var trouble: String?

    package init() {}

    package static let troubleLimit = 200
    /// Between a question and the next one that asks the same; longer each time.
    package static let firstRetrySeconds: Int64 = 60
    package static let lastRetrySeconds: Int64 = 3600
}

extension RolloutState {
    /// The stage may open, as far as the outside check is concerned.
    package func isChecked(_ stage: Int) -> Bool { outside.map { $0.opened > stage } ?? true }

    mutating func askOutside(_ plan: RolloutPlan, at now: Timestamp) -> Decision {
        (status, pause) = (.paused, .check)
        outside?.askAt = now
        outside?.question = nil
        outside?.trouble = nil
        outside?.attempts = 0
        return .pause(.check, numbers(plan))
    }

    /// The stage that waits for the outside check, counted from 0; nil if none does.
    package var asked: Int? { pause == .check ? outside?.opened : nil }

    package func isAskDue(at now: Timestamp) -> Bool { asked != nil && outside?.askAt.map { $0 <= now } ?? false }

    /// Takes a question as asked, until it is time to ask again; false if somebody else did, or nobody waits for an answer.
    package mutating func ask(_ question: String, at now: Timestamp) -> Bool {
        guard isAskDue(at: now), let attempts = outside?.attempts else { return false }
        let pause = min(OutsideState.lastRetrySeconds, OutsideState.firstRetrySeconds << Int64(min(attempts, 10)))
        outside?.askAt = now.adding(seconds: pause)
        outside?.question = question
        outside?.attempts = attempts + 1
        return true
    }

    /// What became of a question.
    package enum OutsideAnswer: Sendable, Equatable {
        case go
        /// It said no: a person decides.
        case no(String)
        /// It said nothing, or nothing that can be understood: it is asked again.
        case silence(String)
    }

    /// False if that question is not asked any more: then nothing changes.
    package mutating func hear(_ answer: OutsideAnswer, to question: String, at now: Timestamp) -> Bool {
        guard asked != nil, outside?.question == question else { return false }
        outside?.question = nil
        switch answer {
        case .go:
            open(at: now)
            (status, pause) = (.running, nil)
        case .no(let reason):
            pause = .refused
            outside?.askAt = nil
            outside?.trouble = String(reason.prefix(OutsideState.troubleLimit))
        case .silence(let why): outside?.trouble = String(why.prefix(OutsideState.troubleLimit))
        }
        return true
    }

    /// One more stage may open. The first one opens now, whenever the rollout was started.
    mutating func open(at now: Timestamp) {
        guard let opened = outside?.opened else { return }
        outside?.opened = opened + 1
        outside?.askAt = nil
        outside?.question = nil
        outside?.trouble = nil
        if opened == 0 { stageOpened = now }
    }
}
