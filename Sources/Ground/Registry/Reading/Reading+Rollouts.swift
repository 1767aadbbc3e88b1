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

    /// A page of them.
    /// - Parameter before: `next` of the page before.
    package func rollouts(
        before: String?, limit: Int, as principal: Principal
    ) async throws -> (rollouts: [RolloutView], next: String?) {
        try Self.demand(.readFleet, of: principal)
        return try await house.read { rows in
            // Named by the last rollout of the page before.
            let place = try before.map { name in
                let last = try StoredRollout.require(RolloutID(name), in: rows)
                return (at: last.plannedAt, id: last.id)
            }
            let found = try StoredRollout.newest(limit + 1, before: place, in: rows)
            let page = found.prefix(limit).map { RolloutView($0) }
            return (page, found.count > limit ? page.last?.rollout.text : nil)
        }
    }

    package func rollout(_ id: RolloutID, as principal: Principal) async throws -> RolloutView {
        try Self.demand(.readFleet, of: principal)
        return try await house.read { rows in
            let stored = try StoredRollout.require(id, in: rows)
            var view = RolloutView(stored)
            view.mayReturnTo = try stored.returns(in: rows)
            view.forecast = try Self.forecast(stored, at: house.instant(in: rows), in: rows)
            (view.planner, view.approver) = (
                try Self.name(of: stored.plannedBy, in: rows), try Self.name(of: stored.approvedBy, in: rows)
            )
            return view
        }
    }

    private static func forecast(
        _ stored: StoredRollout, at now: Timestamp, in rows: any Rows
    ) throws -> RolloutForecast? {
        func last(_ state: RolloutMember.State) throws -> Timestamp? {
            try rows.first(
                """
                SELECT due FROM rollout_member WHERE rollout = $1 AND state = $2 AND due IS NOT NULL
                ORDER BY due DESC LIMIT 1
                """, [Value(stored.id), .text(state.rawValue)])?.optionalTime("due")
        }
        let release = try StoredRelease.find(stored.plan.sequence, of: stored.plan.product, in: rows)
        return RolloutForecast(
            stored.plan, stored.state,
            .init(waiting: try last(.waiting), offered: try last(.offered), soaking: try last(.soaking)),
            isOffered: try release?.isOffered(in: rows) ?? false, at: now)
    }

    /// What became of releases on a device, by its name or serial.
    package func updates(of name: String, as principal: Principal) async throws -> UpdateHistory {
        try await house.read { rows in
            let device = try Self.visible(name, to: principal, in: rows)
            let published = try Self.publishedSize(rows)
            let entries = try Self.updates(of: device.id, in: rows).map { row in
                var entry = try Self.entry(row, published: published)
                entry.serial = device.serial
                return entry
            }
            return UpdateHistory(
                device: device.id, serial: device.serial, entries: entries,
                rollouts: Access.allows(.readFleet, principal) ? try Self.parts(of: device.id, in: rows) : [])
        }
    }

    /// Entries of the device that are looked through, and told, at most.
    private static let updatesWithin = 5000
    private static let updatesLimit = 50

    private static func updates(of device: DeviceID, in rows: any Rows) throws -> [Row] {
        try rows.query(
            """
            SELECT idx, entry FROM (
                SELECT idx, entry, kind FROM ledger WHERE device = $1 ORDER BY idx DESC LIMIT \(updatesWithin)) AS lately
            WHERE kind IN ('updateOffered', 'returnOffered', 'updated', 'updateFailed', 'updateWithdrawn', 'updateObserved')
            ORDER BY idx DESC LIMIT \(updatesLimit)
            """, [Value(device)])
    }

    private static func parts(of device: DeviceID, in rows: any Rows) throws -> [UpdateHistory.Part] {
        try rows.query(
            """
            SELECT m.rollout, m.stage, m.state, m.at, r.sequence FROM rollout_member m JOIN rollout r ON r.id = m.rollout
            WHERE m.device = $1 LIMIT \(updatesLimit)
            """, [Value(device)]
        ).map { row in
            guard let state = RolloutMember.State(rawValue: try row.text("state")) else { throw Row.damaged("state") }
            return UpdateHistory.Part(
                rollout: try row.id("rollout"), sequence: try row.int("sequence"), stage: try row.int("stage") + 1,
                state: state, at: try row.time("at"))
        }.sorted { ($0.at, $0.rollout) > ($1.at, $1.rollout) }
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
