import Passport
import Registry
import Rollout
import Selection
import Store
import Trust
import Wire

/// How a release is to go into the field is written down. Nothing happens before a second person has approved it.
package struct PlanRollout: Action {
    package static let name = "use/plan-rollout"
    package static let permission = Permission.publish

    package var plan: RolloutPlan
    package init(plan: RolloutPlan) { self.plan = plan }

    package struct Answer: Codable, Sendable, Equatable {
        package var rollout: RolloutID
    }

    package func perform(in change: Change) throws -> Answer {
        let release = try plan.demandRelease(in: change.rows)
        let rollout = StoredRollout(
            change.newID(), plan: plan, release: release, by: change.principal.person, at: change.now)
        try rollout.insert(in: change.rows)
        try change.record(
            .rolloutPlanned(
                rollout: rollout.id, product: plan.product, sequence: plan.sequence,
                plan: LeafCertificate.sha256(try CanonicalJSON.encode(plan))))
        return Answer(rollout: rollout.id)
    }
}

/// What a plan would do: how many devices each stage has now. Nothing is changed, and nobody waits behind it; a fleet is
/// counted page by page.
package struct TryRollout: Ceremony {
    package static let name = "use/try-rollout"
    package static let permission = Permission.publish

    package var plan: RolloutPlan
    /// One that is planned already: then each device is counted in the stage in which it will be. Without it places are as in
    /// some other rollout, and numbers about the same.
    package var rollout: RolloutID?
    /// `next` of the call before.
    package var after: String?

    package init(plan: RolloutPlan, rollout: RolloutID? = nil, after: String? = nil) {
        self.plan = plan
        self.rollout = rollout
        self.after = after
    }

    package struct Answer: Codable, Sendable, Equatable {
        /// Devices of each stage, in this page.
        package var stages: [Int]
        /// Given back as `after` to go on; missing at the end.
        package var next: String?

        package init(stages: [Int], next: String? = nil) {
            self.stages = stages
            self.next = next
        }
    }

    package func perform(in house: House, as principal: Principal) async throws -> Answer {
        guard after.map({ Identifier<Void>.isValid($0) }) ?? true else {
            throw Refusal(.malformed, "\"after\" is no name.", hint: "Give `next` of the call before.")
        }
        let now = try house.time()
        return try await house.read { rows in
            _ = try plan.demandRelease(in: rows)
            let page = try RolloutCandidates(of: plan, in: rollout ?? RolloutID("dry-run"), at: now).page(
                upTo: plan.stages.count - 1, after: after, isNew: false, limit: .max, in: rows)
            var stages = [Int](repeating: 0, count: plan.stages.count)
            for found in page.found { stages[found.stage] += 1 }
            return Answer(stages: stages, next: page.next)
        }
    }
}

extension RolloutPlan {
    /// The release that it is about, if the plan can be carried out at all.
    func demandRelease(in rows: any Rows) throws -> Digest {
        try demandBounds()
        let row = try rows.first(
            "SELECT digest FROM release WHERE product = $1 AND sequence = $2", [Value(product), Value(sequence)])
        guard let release = try row.flatMap({ Digest(hex: try $0.text("digest")) }) else {
            throw Refusal(.notFound, "There is no release \(sequence) of \"\(product)\".", hint: "Publish it first.")
        }
        let narrowing = selector.narrowing
        guard narrowing.products?.contains(product.text) ?? true, narrowing.stages?.contains(.inUse) ?? true else {
            throw Refusal(
                .conflict, "The selector names no device of \"\(product)\" that is in use.",
                hint: "A rollout reaches devices in use; use `release offer --remedy` for those that are cut off.",
                rule: "rollout: in use")
        }
        return release
    }
}
