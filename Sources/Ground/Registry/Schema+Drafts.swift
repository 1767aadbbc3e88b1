import Store

/// Releases that are put together step by step, as interfaces do it that name the software first and bring its bytes later.
extension Schema {
    static let drafts = Migration(
        "drafts of releases",
        [
            """
            CREATE TABLE release_draft (id BIGINT PRIMARY KEY, product TEXT NOT NULL, version TEXT NOT NULL,
                kind TEXT NOT NULL, sha256 TEXT, size BIGINT, file TEXT, at BIGINT NOT NULL)
            """,
            "CREATE INDEX release_draft_product ON release_draft (product, version, id)",
            // An owner's devices by their serials, a page of them.
            "CREATE INDEX device_owner_serial ON device (owner, serial)",
            // A release has a number: its place in the ledger.
            "CREATE INDEX ledger_release ON ledger (at, idx) WHERE kind = 'releasePublished'",
        ])
}
