import Foundation
import Passport
import Registry
import Rollout
import Selection
import Store
import Testing
import Use
import Wire
import Workbench

extension DurableStep {
    /// Rollouts: what people decide of them, and what the house does by itself.
    static var rollouts: [DurableStep] {
        [
            DurableStep(PlanRollout.name) { scene in
                let sequence = try await scene.release()
                return Attempt {
                    _ = try await scene.house.perform(
                        PlanRollout(plan: RolloutPlan(product: HouseBench.product, sequence: sequence)), as: .system)
                } check: { extra in
                    // A plan whose answer was lost is approved by nobody; asking again makes another.
                    let plans = try await scene.count(
                        "SELECT COUNT(*) AS n FROM rollout WHERE sequence = $1", [Value(sequence)])
                    demand(plans == (extra ? 2 : 1))
                }
            },
            decision(ApproveRollout.name, from: 0) {
                ApproveRollout(rollout: $0)
            } check: {
                $0 == .approved
            },
            decision(StartRollout.name, from: 1) {
                StartRollout(rollout: $0)
            } check: {
                $0 == .running
            },
            decision(PauseRollout.name, from: 2) {
                PauseRollout(rollout: $0)
            } check: {
                $0 == .paused
            },
            decision(ResumeRollout.name, from: 3) {
                ResumeRollout(rollout: $0)
            } check: {
                $0 == .running
            },
            decision(StopRollout.name, from: 2) {
                StopRollout(rollout: $0, confirm: HouseBench.product.text)
            } check: {
                $0 == .stopped
            },
            DurableStep(HoldUpdates.name) { scene in
                let unit = try await scene.enrolled().unit
                return Attempt {
                    _ = try await scene.house.perform(HoldUpdates(device: unit.serial, highest: 3), as: .system)
                } check: { _ in
                    let highest = try await scene.house.read { try UpdateHolds.highest(for: unit.device, in: $0) }
                    demand(highest == 3)
                }
            },
            DurableStep(ReleaseUpdates.name) { scene in
                let unit = try await scene.enrolled().unit
                _ = try await scene.house.perform(HoldUpdates(device: unit.serial), as: .system)
                return Attempt {
                    _ = try await scene.house.perform(ReleaseUpdates(device: unit.serial), as: .system)
                } saysDone: {
                    [.conflict]
                } check: { _ in
                    let highest = try await scene.house.read { try UpdateHolds.highest(for: unit.device, in: $0) }
                    demand(highest == nil)
                }
            },
            DurableStep("the advance of a rollout") { scene in
                let unit = try await scene.enrolled().unit
                let (rollout, _) = try await scene.rollout(2, only: unit)
                let keeper = RolloutKeeper(scene.house)
                // A node that dies in the middle, and the next one that goes on.
                let act: @Sendable () async throws -> Void = {
                    for _ in 0..<6 { _ = try await keeper.round() }
                }
                return Attempt(act: act) { _ in
                    try await demand(scene.entries("updateOffered", of: unit) == 1)
                    let stored = try await scene.house.read { try StoredRollout.require(rollout, in: $0) }
                    demand(stored.state.all.offered == 1 && stored.state.all.all == 1)
                    let members = try await scene.count(
                        "SELECT COUNT(*) AS n FROM rollout_member WHERE rollout = $1 AND state = 'offered'",
                        [Value(rollout)])
                    demand(members == 1)
                    _ = try await scene.house.perform(
                        StopRollout(rollout: rollout, confirm: HouseBench.product.text), as: .system)
                }
            },
        ]
    }

    /// - Parameter from: how many of approve, start and pause were done before.
    private static func decision<A: Action>(
        _ name: String, from steps: Int, _ action: @escaping @Sendable (RolloutID) -> A,
        check holds: @escaping @Sendable (RolloutState.Status) -> Bool
    ) -> DurableStep {
        DurableStep(name) { scene in
            let (rollout, second) = try await scene.rollout(steps, only: nil)
            return Attempt {
                _ = try await scene.house.perform(action(rollout), as: second)
            } saysDone: {
                [.conflict]
            } check: { _ in
                let stored = try await scene.house.read { try StoredRollout.require(rollout, in: $0) }
                demand(holds(stored.state.status))
                if stored.state.status != .stopped {
                    _ = try await scene.house.perform(
                        StopRollout(rollout: rollout, confirm: HouseBench.product.text), as: .system)
                }
            }
        }
    }
}

extension FaultScene {
    /// A rollout of a new release, and the person who did not plan it.
    /// - Parameters:
    ///   - steps: how many of approve, start and pause are done.
    ///   - only: the one device that it is for; nobody if there is none.
    func rollout(_ steps: Int, only unit: BenchUnit?) async throws -> (rollout: RolloutID, second: Principal) {
        let sequence = try await release()
        var plan = RolloutPlan(product: HouseBench.product, sequence: sequence, stages: [.init(share: 10_000)])
        plan.selector = try .init("device = \(unit?.device.text ?? "nobody")")
        let planner = try await bench.person("planner-\(sequence)", .makerAdmin)
        let second = try await bench.person("second-\(sequence)", .makerAdmin)
        let rollout = try await house.perform(PlanRollout(plan: plan), as: planner).rollout
        if let unit {
            house.contacts.note(
                .init(
                    device: unit.device, tenure: try await bench.tenure(of: unit.device), at: bench.clock.now,
                    report: CheckInReport(agent: "bench/1", sequence: 0, version: "0")))
            await house.contacts.flush()
        }
        if steps > 0 { _ = try await house.perform(ApproveRollout(rollout: rollout), as: second) }
        if steps > 1 { _ = try await house.perform(StartRollout(rollout: rollout), as: second) }
        if steps > 2 { _ = try await house.perform(PauseRollout(rollout: rollout), as: second) }
        return (rollout, second)
    }
}
