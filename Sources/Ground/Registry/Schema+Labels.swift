import Store

/// What people write on devices, and what they call many of them.
extension Schema {
    static let labels = Migration(
        "labels and groups",
        [
            "CREATE TABLE device_label (device TEXT PRIMARY KEY, labels TEXT NOT NULL, salt BYTES NOT NULL, at BIGINT NOT NULL)",
            "CREATE TABLE device_group (name TEXT PRIMARY KEY, selector TEXT NOT NULL, at BIGINT NOT NULL)",
        ])
}
