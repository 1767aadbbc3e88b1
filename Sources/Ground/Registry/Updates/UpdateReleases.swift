import Store
import TUF
import Wire

/// The sequences that a layer ever published, also of releases that were taken off since: none comes again, and none changes.
package enum UpdateReleases {
    /// 0 if there is none.
    package static func newest(of role: String, in rows: any Rows) throws -> Int {
        let row = try rows.first("SELECT MAX(sequence) AS n FROM tuf_release WHERE role = $1", [.text(role)])
        return Int(row?.optionalInt("n") ?? 0)
    }

    /// What is listed stays as it was published, or goes; what comes is above everything that ever was.
    static func demand(_ draft: MetadataDraft, after present: TargetsRole?, in rows: any Rows) throws {
        let targets = try MetadataRefusal.explained { () throws(MetadataRefusal) in try draft.targets() }.targets
        let newest = try Self.newest(of: draft.role, in: rows)
        for (path, target) in targets.sorted(by: { $0.key < $1.key }) where present?.targets[path] != target {
            let sequence = try Self.sequence(target, draft.role)
            guard present?.targets[path] == nil, sequence > newest else {
                throw Refusal(
                    .conflict, "Release \(sequence) of \(draft.role) is not above \(newest), the newest one.",
                    hint: "Propose it with a higher sequence.", rule: "release: sequence grows")
            }
        }
    }

    /// In the transaction that publishes.
    static func note(_ draft: MetadataDraft, in rows: any Rows) throws {
        guard ReleaseLayout.place(of: draft.role)?.layer != nil else { return }
        let targets = try MetadataRefusal.explained { () throws(MetadataRefusal) in try draft.targets() }.targets
        for target in targets.values {
            try rows.execute(
                """
                INSERT INTO tuf_release (role, sequence, version) VALUES ($1, $2, $3)
                ON CONFLICT (role, sequence) DO NOTHING
                """, [.text(draft.role), Value(try sequence(target, draft.role)), Value(draft.version)])
        }
    }

    private static func sequence(_ target: TargetFile, _ role: String) throws(Refusal) -> Int {
        try MetadataRefusal.explained { () throws(MetadataRefusal) in
            try ReleaseTerms(target, of: role).sequence
        }
    }
}
