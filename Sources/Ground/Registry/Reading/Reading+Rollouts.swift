import Passport
import Rollout
import Store
import Wire

extension Reading {
    /// Newest first.
    package func rollouts(as principal: Principal) async throws -> [RolloutView] {
        try Self.demand(.readFleet, of: principal)
        return try await house.read { rows in
            try StoredRollout.newest(Self.listLimit, in: rows).map { RolloutView($0) }
        }
    }

    package func rollout(_ id: RolloutID, as principal: Principal) async throws -> RolloutView {
        try Self.demand(.readFleet, of: principal)
        return try await house.read { RolloutView(try StoredRollout.require(id, in: $0)) }
    }

    package func devices(
        of rollout: RolloutID, state: RolloutMember.State, after: String?, limit: Int?, as principal: Principal
    ) async throws -> RolloutDevicePage {
        try Self.demand(.readFleet, of: principal)
        let size = try Self.pageSize(limit)
        return try await house.read { rows in
            _ = try StoredRollout.require(rollout, in: rows)
            let found = try rows.query(
                """
                SELECT m.device, m.stage, m.at, d.serial FROM rollout_member m JOIN device d ON d.id = m.device
                WHERE m.rollout = $1 AND m.state = $2 AND m.device > $3 ORDER BY m.device LIMIT $4
                """, [Value(rollout), .text(state.rawValue), .text(after ?? ""), Value(size + 1)])
            let items = try found.prefix(size).map { row in
                RolloutDevicePage.Item(
                    device: try row.id("device"), serial: try row.text("serial"), stage: try row.int("stage") + 1,
                    state: state, at: try row.time("at"))
            }
            return RolloutDevicePage(devices: items, next: found.count > size ? items.last?.device : nil)
        }
    }
}
