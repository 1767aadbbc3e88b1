import Store

/// Update metadata (docs/updates.md). Documents and signatures are only ever added.
extension Schema {
    static let updateMetadata = Migration(
        "update metadata",
        [
            """
            CREATE TABLE tuf_document (role TEXT NOT NULL, version BIGINT NOT NULL, document BYTES NOT NULL,
                content TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (role, version))
            """,
            // By the SHA-256 of what is signed; the document is without signatures.
            """
            CREATE TABLE tuf_draft (content TEXT PRIMARY KEY, role TEXT NOT NULL, version BIGINT NOT NULL,
                document BYTES NOT NULL, proposer TEXT, at BIGINT NOT NULL, expires BIGINT NOT NULL)
            """,
            "CREATE INDEX tuf_draft_expires ON tuf_draft (expires)",
            """
            CREATE TABLE tuf_signature (content TEXT NOT NULL, keyid TEXT NOT NULL, key_form BYTES NOT NULL,
                signature BYTES NOT NULL, person TEXT, at BIGINT NOT NULL, PRIMARY KEY (content, keyid))
            """,
            """
            CREATE TABLE tuf_signer (role TEXT NOT NULL, keyid TEXT NOT NULL, spki BYTES NOT NULL, person TEXT NOT NULL,
                in_token INTEGER NOT NULL, at BIGINT NOT NULL, removed_at BIGINT, PRIMARY KEY (role, keyid))
            """,
            "CREATE INDEX tuf_signer_key ON tuf_signer (keyid)",
            // Sequences that were ever published, with the version of the document that was the first to list them.
            """
            CREATE TABLE tuf_release (role TEXT NOT NULL, sequence BIGINT NOT NULL, version BIGINT NOT NULL,
                PRIMARY KEY (role, sequence))
            """,
        ])
}
