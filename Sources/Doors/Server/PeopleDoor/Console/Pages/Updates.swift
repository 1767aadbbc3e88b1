import HTTPTypes
import Hummingbird
import Passport
import Registry
import Rollout
import Selection
import Use
import Wire

/// Rollouts: which there are, and one of them with its numbers and its buttons.
extension Console {
    func updates(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        let rollouts = try await reading.rollouts(as: session.principal)
        let now = house.clock()
        return Page("Updates", in: .updates, for: session) {
            pageHead("Updates", lead: "Releases on their way into the field, the newest first.")
            tag("section", .class("card"), .label("Rollouts")) {
                if rollouts.isEmpty {
                    Pieces.empty("No rollout yet.") {
                        "Plan one: "
                        tag("code") { "lifelong rollout plan PRODUCT SEQUENCE" }
                    }
                } else {
                    rolloutTable(rollouts, now: now)
                }
            }
        }.response
    }

    func rolloutTable(_ rollouts: [RolloutView], now: Timestamp) -> HTML {
        Pieces.table(
            "Rollouts", columns: ["Release", "Status", "Stage", "Done", "Failed", "Silent", "Planned"],
            numbers: [3, 4, 5]
        ) { for view in rollouts { row(view, now: now) } }
    }

    private func row(_ view: RolloutView, now: Timestamp) -> HTML {
        let all = view.counts.reduce(RolloutCounts(), +)
        return tag("tr") {
            tag("td") {
                link(Place("/updates", view.rollout.text), "\(view.plan.product) · release \(view.plan.sequence)")
            }
            tag("td", .class("nowrap")) { Self.chip(view) }
            tag("td", .class("nowrap"), text: "\(view.stage) of \(view.counts.count)")
            tag("td", .class("number"), text: grouped(all.done))
            tag("td", .class("number"), text: grouped(all.failed))
            tag("td", .class("number"), text: grouped(all.silent))
            tag("td", .class("nowrap")) { Times.brief(view.plannedAt, now: now) }
        }
    }

    private static func chip(_ view: RolloutView) -> HTML {
        let kind = view.status == .stopped ? "chip bad" : view.status == .paused ? "chip warn" : "chip"
        return tag("span", .class(kind), text: view.status.rawValue)
    }

    func update(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        let view = try await reading.rollout(RolloutID(Self.part("rollout", context)), as: session.principal)
        let now = house.clock()
        let picture = RolloutPicture(view: view)
        return Page("Release \(view.plan.sequence) of \(view.plan.product)", in: .updates, for: session) {
            pageHead(
                "Release \(view.plan.sequence) of \(view.plan.product)", lead: Self.sentence(view),
                crumb: link(Place("/updates"), "Updates")
            ) { Self.chip(view) }
            card("Stages", id: "stages") { picture.stages }
            card("Failures", id: "failures", lead: Self.sentence(view.ofAll)) { picture.share }
            card("Plan", id: "plan") { facts(view, now: now) }
            if Access.allows(PlanRollout.permission, session.principal) { buttons(view, session) }
        }.response
    }

    private static func sentence(_ view: RolloutView) -> String {
        switch (view.status, view.pause) {
        case (.planned, _): "It waits for a second person, who approves it."
        case (.approved, _): "A second person approved it; it can be started."
        case (.running, _): "Stage \(view.stage) of \(view.counts.count) is open."
        case (.paused, .tooFew?):
            "Too few answered to conclude anything, and some failed or most are asleep: look, then resume or stop."
        case (.paused, .planned?): "Stage \(view.stage) has passed, and the plan wants a person to look."
        case (.paused, .check?):
            "The outside check is asked before stage \(view.asked ?? view.stage) opens."
                + (view.trouble.map { " In vain so far: \($0)" } ?? "")
        case (.paused, .refused?):
            (view.trouble ?? "The outside check said no.") + " Look, then resume without it, or stop."
        case (.paused, _): "Nothing more is offered until somebody resumes it."
        case (.stopped, _): "It stopped for ever; what was not installed is taken back."
        case (.complete, _): "Every stage has passed; who joins later gets the release at once."
        case (.closed, _): "The next rollout of the product took over."
        }
    }

    private static func sentence(_ share: RolloutView.Share) -> String {
        share.isTooFew
            ? "\(share.failures) of \(share.answers) answers: too few to conclude anything."
            : "\(share.failures) of \(share.answers) answers. With 95 % confidence the share is at least "
                + "\(Sentences.percent(share.lower)), and at most \(Sentences.percent(share.upper))."
    }

    private func facts(_ view: RolloutView, now: Timestamp) -> HTML {
        let plan = view.plan
        var rows: [(name: String, value: HTML)] = [
            ("Devices", tag("code", text: plan.selector.description)),
            ("Goes", .text(plan.returnsFrom.map { "back, from release \($0)" } ?? "forward")),
            ("Soak time", .text(Times.span(Int64(plan.soakSeconds)))),
            ("Silent after", .text(Times.span(Int64(plan.deadlineSeconds)))),
            ("Planned", Times.element(view.plannedAt, now: now)),
        ]
        if let window = plan.window {
            func time(_ minutes: Int) -> String {
                "\(minutes / 60 < 10 ? "0" : "")\(minutes / 60):\(minutes % 60 < 10 ? "0" : "")\(minutes % 60)"
            }
            rows.append(("Window", .text("\(time(window.from)) to \(time(window.to)), each device's own time")))
        }
        if plan.check == true { rows.append(("Outside check", .text("before each stage opens"))) }
        if let opened = view.stageOpened { rows.append(("Stage open since", Times.element(opened, now: now))) }
        if view.approvedBy != nil { rows.append(("Approved", .text("by a second person"))) }
        return Pieces.facts(rows)
    }

    /// The buttons that do something now; what a stop will do stands beside it.
    private func buttons(_ view: RolloutView, _ session: PeopleSession) -> HTML {
        let verbs: [(verb: String, title: String)] =
            switch view.status {
            case .planned: [("approve", "Approve")]
            case .approved: [("start", "Start")]
            case .running: [("pause", "Pause")]
            case .paused where view.pause == .check: [("pause", "Pause"), ("resume", "Resume without the check")]
            case .paused: [("resume", "Resume")]
            case .stopped, .complete, .closed: []
            }
        // The way back is a rollout of its own, which a second person approves.
        let mayReturn = view.mayReturnTo != nil && ![.planned, .approved].contains(view.status)
        let mayStop = view.status != .stopped && view.status != .closed
        guard !verbs.isEmpty || mayStop || mayReturn else { return .empty }
        return card("Actions", id: "actions") {
            for verb in verbs {
                Forms.form(to: Place("/updates", view.rollout.text, verb.verb), session: session) {
                    tag("button", .type("submit"), text: verb.title)
                }
            }
            if mayReturn { wayBack(view, session) }
            if mayStop {
                Forms.form(to: Place("/updates", view.rollout.text, "stop"), session: session) {
                    tag("p", .class("notice bad")) {
                        "A stop is for ever: nothing more is offered, and what was offered and not installed is taken back. "
                        "Devices that run the release keep it."
                    }
                    Forms.field("confirm", "Type \(view.plan.product) to confirm", more: [.flag("required")])
                    tag("button", .class("final"), .type("submit")) { "Stop the rollout" }
                }
            }
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
