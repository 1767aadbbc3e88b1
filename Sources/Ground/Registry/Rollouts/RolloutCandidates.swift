import Passport
import Rollout
import Selection
import Store
import Wire

/// Walks over the devices of a product that are in use, and finds those that a rollout is for: product and stage by an index, the
/// rest of the selector device by device, a few thousand names a page.
package struct RolloutCandidates: Sendable {
    package struct Found: Sendable {
        package var device: DeviceID
        /// From 0.
        package var stage: Int
        /// The time zone that it named.
        package var zone: String?
    }

    package struct Page: Sendable {
        package var found: [Found]
        /// The device at which the walk goes on; nil at its end.
        package var next: String?
    }

    private let plan: RolloutPlan
    private let rollout: RolloutID
    private let now: Timestamp

    /// Names that a page looks at, and devices that it finds, about, at most.
    private static let lookedAt = 5000
    package static let limit = 500

    package init(of plan: RolloutPlan, in rollout: RolloutID, at now: Timestamp) {
        self.plan = plan
        self.rollout = rollout
        self.now = now
    }

    /// - Parameters:
    ///   - stage: those of this stage and of the ones before it.
    ///   - isNew: only those that are no members yet.
    package func page(
        upTo stage: Int, after: String?, isNew: Bool, limit: Int = Self.limit, in rows: any Rows
    ) throws -> Page {
        let narrowing = plan.selector.narrowing
        guard narrowing.products?.contains(plan.product.text) ?? true, narrowing.stages?.contains(.inUse) ?? true else {
            return Page(found: [])
        }
        let names = try rows.query(
            "SELECT id FROM device WHERE product = $1 AND stage = $2 AND id > $3 ORDER BY id LIMIT $4",
            [Value(plan.product), .text(Stage.inUse.rawValue), .text(after ?? ""), Value(Self.lookedAt)]
        ).map { try $0.id("id", as: DeviceKind.self) }
        var page = Page(found: [], next: names.count == Self.lookedAt ? names.last?.text : nil)
        let share = plan.stages[stage].share
        var left = names.filter { RolloutPlace.share(of: $0, in: rollout) < share }[...]
        while !left.isEmpty {
            let asked = left.prefix(SelectedDevices.batch)
            left = left.dropFirst(SelectedDevices.batch)
            let held = try UpdateHolds.held(Array(asked), by: plan, in: rows)
            page.found += try find(asked, isNew: isNew, in: rows).filter {
                $0.stage <= stage && !held.contains($0.device)
            }
            if page.found.count >= limit, !left.isEmpty {
                page.next = asked.last?.text
                break
            }
        }
        return page
    }

    private func find(_ devices: ArraySlice<DeviceID>, isNew: Bool, in rows: any Rows) throws -> [Found] {
        let newcomers = "NOT EXISTS (SELECT 1 FROM rollout_member m WHERE m.rollout = ? AND m.device = d.id)"
        return try SelectedDevices.facts(
            of: devices, at: now, isNew ? newcomers : nil, isNew ? [Value(rollout)] : [], in: rows
        ).compactMap { facts in
            plan.stage(of: facts, in: rollout).map {
                Found(device: facts.passport.device, stage: $0, zone: facts.posture[MaintenanceWindow.postureKey])
            }
        }
    }
}
