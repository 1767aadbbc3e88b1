import Passport
import Wire

/// Every passport that can be reached, breadth first, and in each of them every event, right and purpose.
///
/// Names are fresh by the passport's version, so that only what makes a difference is counted as a state; numbers that could
/// grow for ever (releases, configurations, ended tenures, live certificates, the log) are bounded at two or three.
package enum Exhaustion {
    package struct Move: Hashable, Sendable {
        package var from: Stage?
        package var event: String
        package var to: Stage
    }

    package struct Report: Sendable {
        package var states = 0
        /// Pairs of a state and an event that were tried.
        package var tried = 0
        package var accepted = 0
        /// Pairs of a state, a right and a purpose that were asked.
        package var verdicts = 0
        package var stages: Set<Stage> = []
        package var kinds: Set<String> = []
        /// Changes of stage that happened, and by which event.
        package var moves: Set<Move> = []
    }

    private static let start = Timestamp(year: 2026, month: 1, day: 1)
    private static let device = DeviceID(trusted: "device-1")

    package static func explore() throws(Violation) -> Report {
        var report = Report()
        var known: Set<State> = []
        var open: [(passport: Passport?, bystander: Bystander)] = [(nil, Bystander())]
        while report.states < open.count {
            let (passport, bystander) = open[report.states]
            report.states += 1
            if let passport { try judgeRights(passport, bystander, &report) }
            for event in Alphabet.events(after: passport) {
                report.tried += 1
                guard let next = try advance(passport, event) else { continue }
                report.accepted += 1
                report.kinds.insert(event.kind)
                report.stages.insert(next.stage)
                if passport?.stage != next.stage {
                    report.moves.insert(Move(from: passport?.stage, event: event.kind, to: next.stage))
                }
                var witness = bystander
                do throws(Bystander.Complaint) { try witness.see(event, at: start) } catch {
                    throw violation(error.invariant, "\(error.detail), after \(event) of \(next)")
                }
                if let difference = witness.difference(from: next) { throw violation(.replay, difference) }
                if let state = State(next), known.insert(state).inserted { open.append((next, witness)) }
            }
        }
        return report
    }

    /// Nil where the machine refuses. It must refuse exactly what the second statement refuses.
    private static func advance(_ passport: Passport?, _ event: Event) throws(Violation) -> Passport? {
        let expected = EventStatement.allows(event, after: passport)
        let next = try? Passport.advance(passport, device: device, by: event, at: start)
        guard (next != nil) == expected else {
            let said = expected ? "refused" : "accepted"
            throw violation(.stagesInOrder, "\(event) is \(said) after \(String(describing: passport))")
        }
        guard let next else { return nil }
        guard next.version == (passport?.version ?? 0) + 1 else { throw violation(.replay, "no version for \(event)") }
        return next
    }

    private static func judgeRights(
        _ passport: Passport, _ bystander: Bystander, _ report: inout Report
    ) throws(Violation) {
        let facts = RightsStatement.Facts(wipeOwed: bystander.wipeOwed)
        for right in Right.allCases {
            for purpose in RightsStatement.purposes {
                report.verdicts += 1
                let expected = RightsStatement.allows(right, in: passport.stage, for: purpose, facts)
                guard passport.may(right, for: purpose).allowed == expected else {
                    throw violation(.rightFromStage, "\(right) for \(purpose) in \(passport)")
                }
            }
        }
    }

    private static func violation(_ invariant: Invariant, _ detail: String) -> Violation {
        Violation(invariant: invariant, detail: detail, seed: 0, step: 0, recent: [])
    }

    /// What of a passport makes a difference to what comes; nil where a number has grown out of its bound.
    private struct State: Hashable {
        var stage: Stage
        var owned: Bool
        var ended: Int
        var certificates: Int
        var offered, accepted, wipeOwed: Bool
        var configuration, applied: Int
        var update: [Int]
        var log: Int

        init?(_ passport: Passport) {
            stage = passport.stage
            owned = passport.tenure != nil
            ended = passport.endedTenures.count
            certificates = passport.certificates.count
            offered = passport.transfer != nil
            accepted = passport.transfer?.acceptedAt != nil
            wipeOwed = passport.wipeOwed
            configuration = passport.configurationVersion
            applied = passport.configurationApplied
            update = [
                passport.offeredUpdate?.sequence ?? 0, passport.offeredUpdate?.remedy == true ? 1 : 0,
                passport.installed?.sequence ?? 0, passport.earlierOffer?.sequence ?? 0,
            ]
            log = passport.log?.count ?? 0
            guard ended <= 2, certificates <= 2, configuration <= 1, update.allSatisfy({ $0 <= 2 }), log <= 1 else {
                return nil
            }
        }
    }
}
