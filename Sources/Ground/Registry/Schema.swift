import Store

/// The tables that the registry owns. Migrations only add; a released step is never changed.
package enum Schema {
    package static let migrations: [Migration] = [
        Migration(
            "1 the ledger",
            [
                """
                CREATE TABLE ledger (idx BIGINT PRIMARY KEY, entry BYTES NOT NULL, hash BYTES NOT NULL, device TEXT,
                    kind TEXT NOT NULL, at BIGINT NOT NULL)
                """,
                "CREATE INDEX ledger_device ON ledger (device, idx)",
                "CREATE TABLE ledger_size (one INTEGER PRIMARY KEY, size BIGINT NOT NULL, last_at BIGINT NOT NULL)",
                "INSERT INTO ledger_size (one, size, last_at) VALUES (1, 0, 0)",
                """
                CREATE TABLE tile (level INTEGER NOT NULL, idx BIGINT NOT NULL, hashes BYTES NOT NULL,
                    PRIMARY KEY (level, idx))
                """,
                "CREATE TABLE checkpoint (size BIGINT PRIMARY KEY, note TEXT NOT NULL, root TEXT NOT NULL, at BIGINT NOT NULL)",
            ]),
        Migration(
            "2 devices",
            [
                """
                CREATE TABLE product (id TEXT PRIMARY KEY, name TEXT NOT NULL, hardware TEXT NOT NULL,
                    minimum_grade TEXT NOT NULL, alarm_before_pairing INTEGER NOT NULL, at BIGINT NOT NULL)
                """,
                """
                CREATE TABLE batch (id TEXT PRIMARY KEY, product TEXT NOT NULL REFERENCES product (id),
                    quantity INTEGER NOT NULL, admitted INTEGER NOT NULL, station TEXT NOT NULL, station_key TEXT NOT NULL,
                    authority TEXT NOT NULL, permit TEXT NOT NULL, at BIGINT NOT NULL)
                """,
                """
                CREATE TABLE device (id TEXT PRIMARY KEY, serial TEXT NOT NULL UNIQUE, product TEXT NOT NULL,
                    batch TEXT NOT NULL, hardware TEXT NOT NULL, stage TEXT NOT NULL, version INTEGER NOT NULL,
                    passport TEXT NOT NULL, birth_certificate BYTES NOT NULL, owner TEXT, label_code TEXT, secret_hash TEXT,
                    pairing_failures INTEGER NOT NULL, born_at BIGINT NOT NULL, changed_at BIGINT NOT NULL)
                """,
                "CREATE INDEX device_stage ON device (stage, id)",
                "CREATE INDEX device_product ON device (product, id)",
                "CREATE INDEX device_batch ON device (batch, id)",
                "CREATE INDEX device_owner ON device (owner, id)",
                """
                CREATE TABLE key_use (key TEXT PRIMARY KEY, device TEXT NOT NULL, tenure TEXT)
                """,
                """
                CREATE TABLE contact (device TEXT PRIMARY KEY, at BIGINT NOT NULL, agent TEXT NOT NULL,
                    version TEXT NOT NULL, sequence BIGINT NOT NULL, slot TEXT, configuration BIGINT NOT NULL,
                    posture TEXT NOT NULL)
                """,
                "CREATE INDEX contact_at ON contact (at)",
                """
                CREATE TABLE device_log (device TEXT NOT NULL, idx BIGINT NOT NULL, entry BYTES NOT NULL,
                    PRIMARY KEY (device, idx))
                """,
                """
                CREATE TABLE nonce (nonce TEXT PRIMARY KEY, device TEXT NOT NULL, purpose TEXT NOT NULL,
                    expires BIGINT, used INTEGER NOT NULL)
                """,
                "CREATE INDEX nonce_device ON nonce (device, purpose)",
                """
                CREATE TABLE receipt (sha256 TEXT PRIMARY KEY, device TEXT NOT NULL, kind TEXT NOT NULL, seal TEXT NOT NULL,
                    at BIGINT NOT NULL)
                """,
                """
                CREATE TABLE alarm (idx BIGINT PRIMARY KEY, device TEXT, alarm TEXT NOT NULL, detail TEXT NOT NULL,
                    at BIGINT NOT NULL, acknowledged_at BIGINT)
                """,
                "CREATE INDEX alarm_device ON alarm (device, alarm)",
                "CREATE INDEX alarm_open ON alarm (idx) WHERE acknowledged_at IS NULL",
            ]),
        Migration(
            "3 tenures and certificates",
            [
                "CREATE TABLE owner (id TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, at BIGINT NOT NULL)",
                """
                CREATE TABLE tenure (id TEXT PRIMARY KEY, device TEXT NOT NULL, owner TEXT, grade TEXT NOT NULL,
                    since BIGINT NOT NULL, ended BIGINT, data_key BYTES, commitment TEXT NOT NULL)
                """,
                "CREATE INDEX tenure_device ON tenure (device, since)",
                "CREATE INDEX tenure_ended ON tenure (ended) WHERE ended IS NOT NULL",
                """
                CREATE TABLE pairing (device TEXT PRIMARY KEY, owner TEXT NOT NULL, nonce TEXT NOT NULL,
                    expires BIGINT NOT NULL)
                """,
                """
                CREATE TABLE transfer (device TEXT PRIMARY KEY, code_hash TEXT NOT NULL, failures INTEGER NOT NULL,
                    to_owner TEXT, expires BIGINT NOT NULL)
                """,
                """
                CREATE TABLE certificate (serial TEXT PRIMARY KEY, authority TEXT NOT NULL, kind TEXT NOT NULL,
                    device TEXT, tenure TEXT, purpose TEXT, key TEXT NOT NULL, state TEXT NOT NULL, intent BYTES NOT NULL, der BYTES,
                    not_before BIGINT NOT NULL, not_after BIGINT NOT NULL, at BIGINT NOT NULL, revoked_at BIGINT,
                    reason TEXT)
                """,
                "CREATE INDEX certificate_device ON certificate (device, state)",
                "CREATE INDEX certificate_state ON certificate (authority, state)",
                "CREATE INDEX certificate_intended ON certificate (at) WHERE state = 'intended'",
                """
                CREATE TABLE authority (name TEXT PRIMARY KEY, kind TEXT NOT NULL, certificate BYTES NOT NULL,
                    chain TEXT NOT NULL, key_label TEXT, at BIGINT NOT NULL)
                """,
                """
                CREATE TABLE crl (authority TEXT PRIMARY KEY, number BIGINT NOT NULL, der BYTES NOT NULL,
                    this_update BIGINT NOT NULL, next_update BIGINT NOT NULL, covered BIGINT NOT NULL)
                """,
            ]),
        Migration(
            "4 configuration and releases",
            [
                """
                CREATE TABLE configuration (device TEXT NOT NULL, tenure TEXT NOT NULL, version INTEGER NOT NULL,
                    document BYTES NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (tenure, version))
                """,
                """
                CREATE TABLE release (digest TEXT PRIMARY KEY, product TEXT NOT NULL, sequence BIGINT NOT NULL,
                    version TEXT NOT NULL, manifest TEXT NOT NULL, sha256 TEXT NOT NULL, size BIGINT NOT NULL,
                    at BIGINT NOT NULL, UNIQUE (product, sequence))
                """,
            ]),
        Migration(
            "5 people",
            [
                """
                CREATE TABLE person (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, role TEXT NOT NULL, owner TEXT,
                    at BIGINT NOT NULL)
                """,
                """
                CREATE TABLE credential (hash TEXT PRIMARY KEY, person TEXT NOT NULL, kind TEXT NOT NULL,
                    label TEXT NOT NULL, form_key TEXT, expires BIGINT NOT NULL, at BIGINT NOT NULL)
                """,
                "CREATE INDEX credential_person ON credential (person, kind)",
            ]),
        Migration(
            "6 witnesses",
            [
                """
                CREATE TABLE witness (vkey TEXT PRIMARY KEY, name TEXT NOT NULL, url TEXT NOT NULL, size BIGINT NOT NULL,
                    cosigned_at BIGINT, failures INTEGER NOT NULL, due BIGINT NOT NULL, standing TEXT NOT NULL,
                    trouble TEXT)
                """,
                """
                CREATE TABLE cosignature (size BIGINT NOT NULL, witness TEXT NOT NULL, line TEXT NOT NULL,
                    at BIGINT NOT NULL, PRIMARY KEY (size, witness))
                """,
                "CREATE TABLE witness_round (one INTEGER PRIMARY KEY, holder TEXT NOT NULL, expires BIGINT NOT NULL)",
                "INSERT INTO witness_round (one, holder, expires) VALUES (1, '', 0)",
            ]),
        Migration(
            "7 succession of keys",
            [
                """
                CREATE TABLE key_role (role TEXT NOT NULL, label TEXT NOT NULL, since BIGINT NOT NULL, retired BIGINT,
                    PRIMARY KEY (role, label))
                """,
                """
                INSERT INTO key_role (role, label, since) VALUES ('release', 'release-1', 0), ('permit', 'permit-1', 0),
                    ('ledger', 'ledger-1', 0), ('serviceTLS', 'service-tls', 0), ('wrapping', 'tenure-wrapping', 0)
                """,
                "ALTER TABLE tenure ADD COLUMN wrapped_under TEXT",
            ]),
        fleetSized,
        Migration("people leave", ["ALTER TABLE person ADD COLUMN left_at BIGINT"]),
        Migration(
            "successions that the field follows",
            [
                """
                CREATE TABLE succession (role TEXT NOT NULL, number INTEGER NOT NULL, seal TEXT NOT NULL,
                    at BIGINT NOT NULL, PRIMARY KEY (role, number))
                """,
                "ALTER TABLE contact ADD COLUMN succession INTEGER",
            ]),
        Migration(
            "alarms from before a tenure are not its owner's",
            [
                """
                UPDATE alarm SET owner = NULL WHERE owner IS NOT NULL
                AND at < (SELECT MAX(t.since) FROM tenure t WHERE t.device = alarm.device)
                """
            ]),
        updateMetadata,
        Migration(
            "stock clients",
            [
                """
                CREATE TABLE stock_client (device TEXT PRIMARY KEY, tenure TEXT, token TEXT, attributes TEXT,
                    auto_confirm TEXT, action BIGINT, state TEXT, messages TEXT NOT NULL, at BIGINT NOT NULL)
                """,
                """
                CREATE TABLE artifact_form (sha256 TEXT PRIMARY KEY, sha1 TEXT NOT NULL, md5 TEXT NOT NULL,
                    suffix TEXT NOT NULL)
                """,
                "ALTER TABLE product ADD COLUMN gateway_token TEXT",
            ]),
        Migration(
            "offers of a device",
            ["CREATE INDEX ledger_offer ON ledger (device, idx) WHERE kind = 'updateOffered'"]),
        Migration(
            "encrypted releases",
            [
                """
                CREATE TABLE payload_key (release TEXT PRIMARY KEY, data_key BYTES, wrapped_under TEXT NOT NULL,
                    secret BYTES NOT NULL, at BIGINT NOT NULL)
                """,
                "ALTER TABLE release ADD COLUMN encryption TEXT",
            ]),
        Migration("admission of releases", ["ALTER TABLE product ADD COLUMN admission TEXT"]),
        rollouts,
        Migration(
            "returns of a device",
            ["CREATE INDEX ledger_return ON ledger (device, idx) WHERE kind = 'returnOffered'"]),
        labels,
        Migration(
            "Mender's clients and artifacts",
            [
                "ALTER TABLE stock_client ADD COLUMN mender_key TEXT",
                "ALTER TABLE stock_client ADD COLUMN mender TEXT",
                "CREATE UNIQUE INDEX stock_client_mender_key ON stock_client (mender_key)",
                "ALTER TABLE artifact_form ADD COLUMN mender TEXT",
            ]),
        Migration(
            "uploads and removals of artifacts",
            [
                """
                CREATE TABLE artifact (sha256 TEXT PRIMARY KEY, state TEXT NOT NULL, uploaded_at BIGINT NOT NULL,
                    since BIGINT NOT NULL)
                """
            ]),
    ]
}
