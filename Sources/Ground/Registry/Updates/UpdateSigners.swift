import Passport
import Store
import TUF
import Trust
import Wire

/// Who may sign for a product or one of its layers: a key, whose it is, and whether it lives in a token.
///
/// The house knows it, and the published document of the role above says it to the devices (`DelegateUpdates`); a signature counts
/// where both do. That a key is in a token is the word of whoever registered it: a public key does not show where its other half is.
package struct UpdateSigner: Sendable, Equatable {
    package let key: MetadataKey
    package let person: PersonID
    package let isInToken: Bool

    /// Smallest threshold of every role that people sign for: no one person, and no one stolen key, releases anything.
    package static let smallestThreshold = 2
    /// Signers of one role.
    package static let limit = 32

    /// Those of a role, by the names of their keys; not of people who left.
    package static func all(of role: String, in rows: any Rows) throws -> [String: UpdateSigner] {
        let found = try rows.query(
            """
            SELECT s.keyid AS keyid, s.spki AS spki, s.person AS person, s.in_token AS in_token
            FROM tuf_signer s JOIN person p ON p.id = s.person
            WHERE s.role = $1 AND s.removed_at IS NULL AND p.left_at IS NULL
            """, [.text(role)]
        ).map { row in
            let key = try MetadataKey(spki: row.bytes("spki"))
            guard key.keyid == row.optionalText("keyid") else { throw Row.damaged("keyid") }
            return (
                key.keyid, UpdateSigner(key: key, person: try row.id("person"), isInToken: try row.int("in_token") != 0)
            )
        }
        return Dictionary(uniqueKeysWithValues: found)
    }

    /// DER of every key that may sign for the product or a layer of it.
    package static func publicKeys(of product: ProductID, in rows: any Rows) throws -> [[UInt8]] {
        try rows.query(
            """
            SELECT s.role AS role, s.spki AS spki FROM tuf_signer s JOIN person p ON p.id = s.person
            WHERE s.removed_at IS NULL AND p.left_at IS NULL
            """
        ).filter { ReleaseLayout.place(of: try $0.text("role"))?.product == product }.map { try $0.bytes("spki") }
    }

    /// Whether these can approve anything together: two persons, and a key in a token.
    package static func demandEnough(_ signers: some Collection<UpdateSigner>, for role: String) throws(Refusal) {
        let persons = Set(signers.map(\.person)).count
        guard persons >= 2 else {
            throw Refusal(
                .conflict, "\(persons) persons sign for \(role), and two are needed.",
                hint: "Register keys of two persons: lifelong tuf signer add", rule: "release: two persons")
        }
        guard signers.contains(where: \.isInToken) else {
            throw Refusal(
                .conflict, "None of the keys that sign for \(role) is in a token.",
                hint: "Register a key that was made in a PKCS#11 token: lifelong tuf signer add --in-token",
                rule: "release: token")
        }
    }

    /// A key becomes a signer's. The same once more changes nothing.
    package static func add(
        _ spki: [UInt8], of name: String, for role: String, inToken: Bool, in change: Change
    ) throws -> MetadataKey {
        let (key, rows) = (try MetadataKey(spki: spki), change.rows)
        let person = try People.require(name, in: rows)
        let post = try rows.first("SELECT role FROM person WHERE id = $1", [Value(person)])?.text("role")
        guard Role(rawValue: post ?? "").flatMap({ Access.table[$0] })?.contains(.publish) == true else {
            throw Refusal(
                .conflict, "\"\(name.prefix(64))\" may not publish, so nothing that it signs would count.",
                hint: "Register somebody with the role \(Role.makerAdmin.rawValue).", rule: "signer: may publish")
        }
        // One key is one person's, in whatever roles: two who share a key are one.
        let other = try rows.first(
            "SELECT role FROM tuf_signer WHERE keyid = $1 AND person <> $2", [.text(key.keyid), Value(person)])
        guard other == nil else {
            throw Refusal(
                .conflict, "The key \(key.keyid) is registered for somebody else.",
                hint: "Have \(name.prefix(64)) make a key of its own.", rule: "signer: one person a key")
        }
        let known = try all(of: role, in: rows)
        if let same = known[key.keyid], same.isInToken == inToken { return key }
        guard known.count < limit else {
            throw Refusal(.conflict, "\(limit) keys sign for \(role) already.", hint: "Remove one first.")
        }
        try rows.execute(
            """
            INSERT INTO tuf_signer (role, keyid, spki, person, in_token, at) VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (role, keyid) DO UPDATE SET in_token = excluded.in_token, at = excluded.at, removed_at = NULL
            """,
            [
                .text(role), .text(key.keyid), .bytes(spki), Value(person), Value(inToken ? 1 : 0), Value(change.now),
            ])
        try change.record(.updateSignerAdded(role: role, key: digest(key), person: person, inToken: inToken))
        return key
    }

    /// From now on nothing counts that the key signed and that is not published.
    package static func remove(_ key: Digest, of role: String, in change: Change) throws {
        let changed = try change.rows.execute(
            "UPDATE tuf_signer SET removed_at = $1 WHERE role = $2 AND keyid = $3 AND removed_at IS NULL",
            [Value(change.now), .text(role), Value(key)])
        guard changed == 1 else {
            throw Refusal(
                .notFound, "The key \(key) does not sign for \(role).", hint: "List the signers: lifelong tuf status")
        }
        try change.record(.updateSignerRemoved(role: role, key: key))
    }

    /// The name of a key of metadata.
    package static func digest(_ key: MetadataKey) -> Digest { Digest(Hex.decode(key.keyid) ?? []) }
}
