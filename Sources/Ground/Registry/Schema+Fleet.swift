import Store

/// What a million devices need: numbers kept as rows instead of counted, and an index for every way a list is asked for.
extension Schema {
    static let fleetSized = Migration(
        "counts and lists at a million devices",
        [
            // Devices in each stage: of the fleet (owner ''), and of each owner.
            """
            CREATE TABLE stage_count (owner TEXT NOT NULL, stage TEXT NOT NULL, n BIGINT NOT NULL,
                PRIMARY KEY (owner, stage))
            """,
            """
            INSERT INTO stage_count (owner, stage, n) SELECT '', stage, COUNT(*) FROM device GROUP BY stage
            """,
            """
            INSERT INTO stage_count (owner, stage, n)
            SELECT owner, stage, COUNT(*) FROM device WHERE owner IS NOT NULL GROUP BY owner, stage
            """,
            "CREATE INDEX stage_count_large ON stage_count (owner) WHERE n >= 5000",
            // Everything else that is counted; names in `Tally`.
            "CREATE TABLE tally (name TEXT PRIMARY KEY, n BIGINT NOT NULL, at BIGINT NOT NULL)",
            """
            INSERT INTO tally (name, n, at) SELECT 'revoked ' || authority, COUNT(*), 0 FROM certificate
            WHERE state IN ('revoked', 'abandoned') AND COALESCE(reason, '') <> 'superseded' GROUP BY authority
            """,
            """
            INSERT INTO tally (name, n, at) SELECT 'superseded ' || authority, COUNT(*), 0 FROM certificate
            WHERE state IN ('revoked', 'abandoned') AND reason = 'superseded' GROUP BY authority
            """,
            """
            INSERT INTO tally (name, n, at) SELECT 'tenures ended', COUNT(*), 0 FROM tenure WHERE ended IS NOT NULL
            """,
            "DROP INDEX tenure_ended",
            "ALTER TABLE crl ADD COLUMN urgent BIGINT NOT NULL DEFAULT 0",
            // Lists of devices: each filter with the stage behind it, so that a page is read and nothing is passed over.
            "DROP INDEX device_product",
            "DROP INDEX device_batch",
            "DROP INDEX device_owner",
            "CREATE INDEX device_product_stage ON device (product, stage, id)",
            "CREATE INDEX device_batch_stage ON device (batch, stage, id)",
            "CREATE INDEX device_owner_stage ON device (owner, stage, id) WHERE owner IS NOT NULL",
            // Alarms carry the device's present owner, so that an owner's list passes nobody else's.
            "ALTER TABLE alarm ADD COLUMN owner TEXT",
            "UPDATE alarm SET owner = (SELECT d.owner FROM device d WHERE d.id = alarm.device)",
            "CREATE INDEX alarm_owner ON alarm (owner, idx) WHERE owner IS NOT NULL",
            "CREATE INDEX alarm_owner_open ON alarm (owner, idx) WHERE owner IS NOT NULL AND acknowledged_at IS NULL",
            "CREATE INDEX alarm_open_device ON alarm (device, alarm) WHERE acknowledged_at IS NULL",
            "CREATE INDEX alarm_closed ON alarm (idx) WHERE acknowledged_at IS NOT NULL",
            // The house's own certificates, and what a revocation list is made of.
            "CREATE INDEX certificate_purpose ON certificate (purpose, not_after) WHERE purpose IS NOT NULL",
            "DROP INDEX certificate_state",
            """
            CREATE INDEX certificate_revoked ON certificate (authority, not_after, serial, revoked_at, reason)
            WHERE state IN ('revoked', 'abandoned')
            """,
            "CREATE INDEX batch_at ON batch (at, id)",
            "CREATE INDEX batch_product ON batch (product, at, id)",
            "CREATE INDEX batch_open ON batch (id) WHERE admitted < quantity",
            "CREATE INDEX owner_name ON owner (name, id)",
            "CREATE INDEX credential_expires ON credential (expires)",
        ])
}
