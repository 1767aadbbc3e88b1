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
        let plan = try self.plan.resolved(in: change.rows)
        let release = try plan.demandRelease(in: change.rows)
        guard plan.check != true || change.house.settings.outsideCheck != nil else {
            throw Refusal(
                .conflict, "The plan wants an outside check, and none is configured.",
                hint: "Set outsideCheck in lifelong.yaml and start again, or plan without it.",
                rule: "rollout: outside check")
        }
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
            let plan = try self.plan.resolved(in: rows)
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
    /// With each group replaced by what it means now: what is approved is what happens.
    func resolved(in rows: any Rows) throws -> RolloutPlan {
        var plan = self
        plan.selector = try DeviceGroups.resolve(selector, in: rows)
        for number in plan.stages.indices {
            plan.stages[number].selector = try stages[number].selector.map { try DeviceGroups.resolve($0, in: rows) }
        }
        return plan
    }

    /// The release that it is about, if the plan can be carried out at all.
    func demandRelease(in rows: any Rows) throws -> Digest {
        try demandBounds()
        let stored = try StoredRelease.require(sequence, of: product, in: rows)
        let release = stored.digest
        if let returnsFrom { try demandReturn(to: stored, from: returnsFrom, in: rows) }
        let narrowing = selector.narrowing
        guard narrowing.products?.contains(product.text) ?? true, narrowing.stages?.contains(.inUse) ?? true else {
            throw Refusal(
                .conflict, "The selector names no device of \"\(product)\" that is in use.",
                hint: "A rollout reaches devices in use; use `release offer --remedy` for those that are cut off.",
                rule: "rollout: in use")
        }
        return release
    }

    /// Whether the release that is to be left lets devices go back to that one, in its own signed words: the device asks the same.
    private func demandReturn(to release: StoredRelease, from sequence: Int, in rows: any Rows) throws {
        guard let left = try StoredRelease.find(sequence, of: product, in: rows)?.manifest else {
            throw Refusal(
                .notFound, "There is no release \(sequence) of \"\(product)\".", hint: "Look at: lifelong release list")
        }
        guard left.mayReturnTo == release.digest else {
            throw Refusal(
                .forbidden, "Release \(sequence) was published without a way back to release \(self.sequence).",
                hint: "Publish the old software again under a higher number.", rule: "rollout: return")
        }
        guard try release.manifest.metadata != nil || UpdateDocuments.anchor(for: product, in: rows) == nil else {
            throw Refusal(
                .conflict,
                "Release \(self.sequence) is from before the update metadata of \"\(product)\", which its devices demand by now.",
                hint: "Propose the old software again under a higher number: lifelong tuf propose",
                rule: "rollout: return")
        }
    }
}
