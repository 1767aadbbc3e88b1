import Store

/// A rollout is one row, whatever the fleet; a device becomes a row when its stage opens.
extension Schema {
    static let rollouts = Migration(
        "rollouts",
        [
            // `heard`: ledger entries before this one are counted. `gathered_to`: the device at which the walk over the fleet
            // stands; `gather_at`: when the next walk begins. `active`: there may be something to do.
            """
            CREATE TABLE rollout (id TEXT PRIMARY KEY, product TEXT NOT NULL, sequence BIGINT NOT NULL,
                release TEXT NOT NULL, plan TEXT NOT NULL, planned_by TEXT, planned_at BIGINT NOT NULL, approved_by TEXT,
                status TEXT NOT NULL, state TEXT NOT NULL, active INTEGER NOT NULL, version BIGINT NOT NULL,
                heard BIGINT NOT NULL, gathered_to TEXT, gather_at BIGINT NOT NULL)
            """,
            "CREATE INDEX rollout_planned ON rollout (planned_at, id)",
            "CREATE INDEX rollout_active ON rollout (product, id) WHERE active = 1",
            """
            CREATE TABLE rollout_member (rollout TEXT NOT NULL, device TEXT NOT NULL, stage INTEGER NOT NULL,
                state TEXT NOT NULL, due BIGINT, at BIGINT NOT NULL, PRIMARY KEY (rollout, device))
            """,
            "CREATE INDEX rollout_member_due ON rollout_member (rollout, state, due)",
            "CREATE INDEX rollout_member_state ON rollout_member (rollout, state, device)",
            "CREATE INDEX rollout_member_device ON rollout_member (device)",
            "CREATE TABLE update_hold (device TEXT PRIMARY KEY, highest BIGINT NOT NULL, at BIGINT NOT NULL)",
        ])
}
