import Store
import TUF
import Wire

/// The sequences that a layer ever published, also of releases that were taken off since: none comes again, and none changes.
package enum UpdateReleases {
    /// The newest one of the layer, or of the whole product where that is higher; 0 if there is none.
    package static func newest(of role: String, in rows: any Rows) throws -> Int {
        let row = try rows.first("SELECT MAX(sequence) AS n FROM tuf_release WHERE role = $1", [.text(role)])
        let product = try ReleaseLayout.place(of: role).map { try StoredRelease.newest(of: $0.product, in: rows) }
        return max(Int(row?.optionalInt("n") ?? 0), product ?? 0)
    }

    /// Whether a target, such as "thermostat-2/os/7", is in the present document of its layer.
    static func isListed(_ path: String, in rows: any Rows) throws -> Bool {
        guard let role = role(of: path) else { return false }
        return try PublishedUpdates.targets(role, in: rows)?.targets[path] != nil
    }

    /// Whose documents list it.
    static func role(of path: String) -> String? {
        let parts = path.split(separator: "/").map(String.init)
        guard parts.count == 3, let product = try? ProductID(parts[0]) else { return nil }
        return ReleaseLayout.role(of: product, layer: parts[1])
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

    /// The sequences that one version of a layer's document lists; none where it cannot be read.
    static func listed(in role: String, version: Int, _ rows: any Rows) throws -> [Int] {
        guard let document = try UpdateDocuments.document(role, version, in: rows),
            let targets = try? MetadataDraft(document: document, as: role).targets().targets
        else { return [] }
        return targets.values.compactMap { try? sequence($0, role) }
    }

    private static func sequence(_ target: TargetFile, _ role: String) throws(Refusal) -> Int {
        try MetadataRefusal.explained { () throws(MetadataRefusal) in
            try ReleaseTerms(target, of: role).sequence
        }
    }
}
