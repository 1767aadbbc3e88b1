import Fleet
import Foundation
import Passport
import Registry
import Rollout
import Use
import Wire

/// A release that breaks devices, and how few of them.
extension Story {
    func stopBadRelease() async throws {
        narrator.chapter("A bad release")
        try await publish(Self.fleetProduct, Self.fleetHardware, sequence: 2, version: "2.2.0", bytes: 16 << 10)
        // Of a small fleet more, so that something can be concluded.
        let isSmall = settings.fleet < 200
        let canary = isSmall ? 5000 : 500
        let plan = RolloutPlan(
            product: Self.fleetProduct, sequence: 2,
            stages: [.init(share: canary), .init(share: 5000 + canary / 2), .init(share: RolloutPlan.whole)],
            soakSeconds: 60, deadlineSeconds: 600, failureLine: 200, minimumSample: isSmall ? 3 : 20)
        let bea = try await client(for: "Bea", role: .makerAdmin)
        let rollout = try await admin.act(PlanRollout(plan: plan)).rollout
        let alone = try await refusal { _ = try await self.admin.act(ApproveRollout(rollout: rollout)) }
        narrator.check("Who planned its rollout cannot approve it: \(alone.detail)")
        _ = try await bea.act(ApproveRollout(rollout: rollout))
        _ = try await admin.act(StartRollout(rollout: rollout))
        try await eventually("the canary is offered the release") {
            let view: RolloutView = try await self.admin.read("rollouts/\(rollout)")
            return view.isGathered && view.counts[0].waiting == 0 && view.counts[0].offered > 0
        }
        let view: RolloutView = try await admin.read("rollouts/\(rollout)")
        let offered = view.counts[0].offered
        narrator.tell(
            "Bea approves it. \(offered) of \(settings.fleet) sensors are the canary, \(canary / 100) % of the fleet.")
        // What is on trial is judged at the next start.
        try await fleet("fleet-bad-release", checkIns: 2, ["--health-command", "false"])
        try await eventually("the rollout stops") {
            let view: RolloutView = try await self.admin.read("rollouts/\(rollout)")
            return view.status == .stopped
        }
        let end: RolloutView = try await admin.read("rollouts/\(rollout)")
        let share = end.ofStage
        try expect(
            share.failures > 0 && share.lower >= share.line && end.stage == 1,
            "it stopped in stage \(end.stage) with \(share.failures) of \(share.answers) failed.")
        let ran = try await fleet("fleet-after-stop", checkIns: 1)
        try expect(ran.releases["2"] == nil, "\(ran.releases["2"] ?? 0) sensors run the bad release.")
        narrator.check(
            "\(share.failures) of \(share.answers) that tried it went back by themselves: surely more than \(share.lower / 100) %, and the line is \(share.line / 100) %. The rollout stopped itself; nobody else was offered it."
        )
    }
}
