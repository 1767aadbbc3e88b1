import Passport
import Rollout
import Store
import Wire

/// Who is asked before a stage of a rollout opens, and the key that proves that it is us who ask. Both are the operator's: whoever
/// plans a rollout cannot choose where the server sends something.
package struct OutsideCheck: Sendable, CustomStringConvertible {
    package let url: String
    /// Of the HMAC over each question.
    package let key: [UInt8]

    package static let leastKeyBytes = 32

    package init(url: String, key: [UInt8]) throws(Refusal) {
        guard key.count >= Self.leastKeyBytes else {
            throw Refusal(
                .malformed, "The key of the outside check has \(key.count) bytes; \(Self.leastKeyBytes) is the least.",
                hint: "Make one: head -c 32 /dev/urandom | base64 > check.key")
        }
        self.url = url
        self.key = key
    }

    /// Without the key, wherever it is printed.
    package var description: String { url }
}

/// One question to the outside check: may this stage open?
package struct OutsideQuestion: Codable, Sendable, Equatable {
    package static let type = "lifelong/rollout-check"
    package var type: String
    /// Made at random; the answer repeats it.
    package var question: String
    package var rollout: RolloutID
    package var product: ProductID
    /// The release's.
    package var sequence: Int
    package var release: Digest
    /// The stage that would open, counted from 1, and how many there are.
    package var stage: Int
    package var stages: Int
    /// As they are now; of the stage before, unless it is the first.
    package var numbers: RolloutNumbers
    package var at: Timestamp
}

/// What the outside check answers.
package struct OutsideReply: Codable, Sendable, Equatable {
    package var question: String
    package var go: Bool
    package var reason: String?

    package init(question: String, go: Bool, reason: String? = nil) {
        self.question = question
        self.go = go
        self.reason = reason
    }
}

/// Rollouts that wait for the outside check. Who asks is in Outbound; what an answer does is here.
package enum OutsideChecks {
    /// The questions whose time has come. Each is this caller's alone, until it is time to ask again.
    package static func begin(_ house: House) async throws -> [OutsideQuestion] {
        let due = try await house.read { rows in
            let now = try house.instant(in: rows)
            return try StoredRollout.active(in: rows).filter { $0.state.isAskDue(at: now) }
        }
        var questions: [OutsideQuestion] = []
        for rollout in due {
            let name = Hex.encode(house.random(16))
            let question = try await house.change(as: .system) { change -> OutsideQuestion? in
                guard var stored = try StoredRollout.find(rollout.id, in: change.rows),
                    stored.state.ask(name, at: change.now), let stage = stored.state.asked
                else { return nil }
                try stored.save(in: change.rows)
                return OutsideQuestion(
                    type: OutsideQuestion.type, question: name, rollout: stored.id, product: stored.plan.product,
                    sequence: stored.plan.sequence, release: stored.release, stage: stage + 1,
                    stages: stored.plan.stages.count, numbers: stored.state.numbers(stored.plan), at: change.now)
            }
            if let question { questions.append(question) }
        }
        return questions
    }

    /// What became of a question. Nothing happens if a person decided meanwhile, or the numbers did.
    package static func hear(
        _ answer: RolloutState.OutsideAnswer, to question: OutsideQuestion, _ house: House
    ) async throws {
        try await house.change(as: .system) { change in
            guard var stored = try StoredRollout.find(question.rollout, in: change.rows),
                stored.state.hear(answer, to: question.question, at: change.now)
            else { return }
            try stored.save(in: change.rows)
            switch answer {
            case .go: try change.record(.rolloutResumed(rollout: stored.id))
            case .no:
                try change.record(
                    .rolloutPaused(
                        rollout: stored.id, why: RolloutState.Pause.refused.rawValue,
                        numbers: stored.state.numbers(stored.plan)))
            case .silence: break
            }
        }
    }
}
