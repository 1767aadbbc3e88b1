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
        let before = Self.query("before", request)
        let page = try await reading.rollouts(before: before, limit: Reading.pageLimit, as: session.principal)
        let rollouts = page.rollouts
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
                    if before != nil || page.next != nil {
                        tag("nav", .class("pager"), .label("Pages")) {
                            if before != nil { link(Place("/updates"), .class("button")) { "Newest" } }
                            if let next = page.next {
                                link(Place("/updates").with("before", next), .class("button")) { "Older" }
                            }
                        }
                    }
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
            card("Stages", id: "stages") {
                picture.stages
                for sentence in Sentences.forecast(view) { tag("p", .class("soft"), text: sentence) }
            }
            card(
                "Failures", id: "failures",
                lead:
                    "It stops by itself when either share is surely at least \(Sentences.percent(view.plan.failureLine))."
            ) {
                picture.shares
                tag("p", .class("soft"), text: "Stage \(view.stage): " + Self.sentence(view.ofStage))
                tag("p", .class("soft"), text: "All stages: " + Self.sentence(view.ofAll))
            }
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
            ("Release", link(Place("/releases", view.release.description), "\(plan.product) · \(plan.sequence)")),
            (
                "Planned",
                HTML.text(view.planner.map { "by \($0), " } ?? "") + Times.element(view.plannedAt, now: now)
            ),
        ]
        if let window = plan.window {
            func time(_ minutes: Int) -> String {
                "\(minutes / 60 < 10 ? "0" : "")\(minutes / 60):\(minutes % 60 < 10 ? "0" : "")\(minutes % 60)"
            }
            rows.append(("Window", .text("\(time(window.from)) to \(time(window.to)), each device's own time")))
        }
        if plan.check == true { rows.append(("Outside check", .text("before each stage opens"))) }
        if let opened = view.stageOpened { rows.append(("Stage open since", Times.element(opened, now: now))) }
        if view.approvedBy != nil {
            rows.append(("Approved", .text("by " + (view.approver ?? "somebody who is no more here"))))
        }
        return Pieces.facts(rows)
    }
}
