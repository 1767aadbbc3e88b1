import Keys
import Passport
import Store
import TUF
import Trust
import Wire

/// The house's own keys of update metadata, for snapshot and timestamp: made before the first root is drafted, because the root names
/// them. A house that publishes no update metadata has none.
package enum UpdateKeys {
    private static let roles = [KeyRole.snapshot, .timestamp]

    /// The public keys that have the roles now. 1. The keys are made, or found. 2. Their roles are stored, with an event each.
    package static func complete(_ house: House) async throws -> (snapshot: MetadataKey, timestamp: MetadataKey) {
        var found: [MetadataKey] = []
        for role in roles {
            let known = try await house.read { try KeyRole.labels(in: $0)[role]?.first }
            let label = try known ?? role.label(after: 0)
            let key = try await house.keys.apart {
                try known == nil ? make(label, in: house.keys) : house.keys.require(label)
            }
            if known == nil { try await take(role, label, key, in: house) }
            found.append(try MetadataKey(spki: key.publicKeyDER))
        }
        return (found[0], found[1])
    }

    /// Of two nodes that do it at once, one makes the key and the other finds it.
    private static func make(_ label: KeyLabel, in keys: any KeyStore) throws -> any SigningKey {
        do {
            return try keys.findOrMake(label, algorithm: .p256)
        } catch let refusal as Refusal where refusal.code == .conflict {
            return try keys.require(label)
        }
    }

    private static func take(
        _ role: KeyRole, _ label: KeyLabel, _ key: any SigningKey, in house: House
    ) async throws {
        try await house.change(as: .system) { change in
            let isNew = try change.rows.execute(
                """
                INSERT INTO key_role (role, label, since) VALUES ($1, $2, $3) ON CONFLICT (role, label) DO NOTHING
                """, [.text(role.rawValue), Value(label), Value(change.now)])
            guard isNew == 1 else { return }
            try change.record(.keySucceeded(role: role.rawValue, label: label.text, key: key.keyDigest))
        }
        await house.authorities.reload(from: house)
    }

    /// Whether the present root names that key: then clients believe nothing that is not signed by it.
    static func isNamed(_ label: KeyLabel, in change: Change) throws -> Bool {
        guard let root = try PublishedUpdates.root(in: change.rows) else { return false }
        let keyid = try MetadataKey(spki: change.house.keys.require(label).publicKeyDER).keyid
        return root.snapshot.keyids.contains(keyid) || root.timestamp.keyids.contains(keyid)
    }
}
