import HTTPTypes
import Hummingbird
import Passport
import Registry
import Rollout
import Use
import Wire

/// What a person may do about a rollout now: each button with what it will do.
extension Console {
    func buttons(_ view: RolloutView, _ session: PeopleSession) -> HTML {
        // The way back is a rollout of its own, which a second person approves.
        let mayReturn = view.mayReturnTo != nil && ![.planned, .approved].contains(view.status)
        let mayStop = view.status != .stopped && view.status != .closed
        let verbs = Self.verbs(view)
        guard !verbs.isEmpty || mayStop || mayReturn else { return .empty }
        return card("Actions", id: "actions") {
            for verb in verbs {
                Forms.form(to: Place("/updates", view.rollout.text, verb.verb), session: session) {
                    tag("p", .class("soft"), text: verb.consequence)
                    tag("button", .type("submit"), text: verb.title)
                }
            }
            if mayReturn { wayBack(view, session) }
            if mayStop { stop(view, session) }
        }
    }

    private static func verbs(_ view: RolloutView) -> [(verb: String, title: String, consequence: String)] {
        let pause = (
            "pause", "Pause",
            "Nothing more is offered until somebody resumes it; what was offered goes on, and is judged all the same."
        )
        switch view.status {
        case .planned:
            return [
                (
                    "approve", "Approve",
                    "You say, as a second person, that it may start. Nothing is offered by that yet."
                )
            ]
        case .approved:
            return [
                (
                    "start", "Start",
                    "The first stage opens: up to \(Sentences.percent(view.plan.stages.first?.share ?? 0)) of the fleet is "
                        + "offered release \(view.plan.sequence)."
                )
            ]
        case .running: return [pause]
        case .paused where view.pause == .check:
            return [
                pause,
                (
                    "resume", "Resume without the check",
                    "Stage \(view.asked ?? view.stage) opens without its yes; the ledger says so."
                ),
            ]
        case .paused: return [("resume", "Resume", resumption(view))]
        case .stopped, .complete, .closed: return []
        }
    }

    private static func resumption(_ view: RolloutView) -> String {
        switch view.pause {
        case .planned, .tooFew:
            let next = view.stage + 1
            guard next <= view.counts.count else { return "You have looked: every stage has passed then." }
            return
                "You have looked: stage \(next) opens, up to \(Sentences.percent(view.plan.stages[next - 1].share)) of the fleet."
        case .refused:
            return "Stage \(view.asked ?? view.stage) opens although the outside check said no; the ledger says so."
        default: return "Its open stage goes on where it was."
        }
    }

    private func stop(_ view: RolloutView, _ session: PeopleSession) -> HTML {
        let all = view.counts.reduce(RolloutCounts(), +)
        return Forms.form(to: Place("/updates", view.rollout.text, "stop"), session: session) {
            tag("p", .class("notice bad")) {
                "A stop is for ever: nothing more is offered, and what was offered and not installed is taken back, from "
                counted(all.offered, "device", "devices")
                " now. Those that run the release keep it: "
                counted(all.soaking + all.done, "device", "devices")
                "."
            }
            Forms.field("confirm", "Type \(view.plan.product) to confirm", more: [.flag("required")])
            tag("button", .class("final"), .type("submit")) { "Stop the rollout" }
        }
    }

    private func wayBack(_ view: RolloutView, _ session: PeopleSession) -> HTML {
        Forms.form(to: Place("/updates", view.rollout.text, "return"), session: session) {
            tag("p", .class("soft")) {
                "Release \(view.plan.sequence) was signed with a way back. A return is planned like a rollout: a second person "
                "approves it, and it goes by the same stages. Devices that run release \(view.plan.sequence) are offered release "
                "\(view.mayReturnTo ?? 0) again; nobody else is."
            }
            tag("button", .type("submit")) { "Plan the return to release \(view.mayReturnTo ?? 0)" }
        }
    }

    func changeUpdate(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        let rollout = try RolloutID(Self.part("rollout", context))
        let who = session.principal
        switch try Self.part("verb", context) {
        case "return":
            let planned = try await house.perform(ReturnRollout(rollout: rollout), as: who).rollout
            return Self.back(to: Place("/updates", planned.text))
        case "approve": _ = try await house.perform(ApproveRollout(rollout: rollout), as: who)
        case "start": _ = try await house.perform(StartRollout(rollout: rollout), as: who)
        case "pause": _ = try await house.perform(PauseRollout(rollout: rollout), as: who)
        case "resume": _ = try await house.perform(ResumeRollout(rollout: rollout), as: who)
        case "stop":
            _ = try await house.perform(
                StopRollout(rollout: rollout, confirm: context.form?["confirm"] ?? ""), as: who)
        default: throw Self.noPage()
        }
        return Self.back(to: Place("/updates", rollout.text))
    }
}
