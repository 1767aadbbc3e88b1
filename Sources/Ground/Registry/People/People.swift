import Crypto
import Passport
import Store
import Wire

/// Those who sign in, and what proves them: one-time links, sessions, API tokens. Only hashes are kept.
package enum People {
    package enum CredentialKind: String, Sendable {
        /// One use, minutes.
        case link
        /// A browser, hours.
        case session
        /// A program, until revoked.
        case token
    }

    package struct Person: Codable, Sendable, Equatable {
        package var id: PersonID
        package var name: String
        package var role: Role
        package var owner: OwnerID?
    }

    /// A signed-in person: who, and the key that forms of this session carry.
    package struct Session: Sendable {
        package let person: Person
        package let formKey: String?
        package var principal: Principal { Principal(role: person.role, person: person.id, owner: person.owner) }
    }

    package static let linkSeconds: Int64 = 15 * 60
    package static let sessionSeconds: Int64 = 12 * 3600
    package static let tokenDays: Int64 = 365

    /// 256 random bits, base64url; a prefix tells people and secret scanners what it is.
    package static func newSecret(_ kind: CredentialKind, _ house: House) -> String {
        let text = Base64.encode(house.random(32)).filter { $0 != "=" }
        let url = text.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }
        return "ll_\(kind.rawValue)_" + String(url)
    }

    static func hash(_ secret: String) -> String {
        Wire.Digest(SHA256.hash(data: Array(secret.utf8))).description
    }

    static func add(
        _ secret: String, kind: CredentialKind, for person: PersonID, label: String, seconds: Int64, formKey: String?,
        in change: Change
    ) throws {
        try change.rows.execute(
            """
            INSERT INTO credential (hash, person, kind, label, form_key, expires, at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            """,
            [
                .text(hash(secret)), Value(person), .text(kind.rawValue), .text(label), Value(formKey),
                Value(change.now.adding(seconds: seconds)), Value(change.now),
            ])
    }

    /// Whose secret it is, if it is alive. The same answer for unknown, expired and revoked.
    package static func find(_ secret: String, kind: CredentialKind, now: Timestamp, in rows: any Rows) throws
        -> Session?
    {
        guard secret.utf8.count <= 128 else { return nil }
        let row = try rows.first(
            """
            SELECT p.id, p.name, p.role, p.owner, c.form_key FROM credential c JOIN person p ON p.id = c.person
            WHERE c.hash = $1 AND c.kind = $2 AND c.expires > $3 AND p.left_at IS NULL
            """, [.text(hash(secret)), .text(kind.rawValue), Value(now)])
        guard let row, let role = Role(rawValue: try row.text("role")) else { return nil }
        let person = Person(
            id: try row.id("id"), name: try row.text("name"), role: role,
            owner: try row.optionalID("owner"))
        return Session(person: person, formKey: row.optionalText("form_key"))
    }

    /// Who is called so and has not left; a name is given once and for ever.
    static func require(_ name: String, in rows: any Rows) throws -> PersonID {
        guard let row = try rows.first("SELECT id FROM person WHERE name = $1 AND left_at IS NULL", [.text(name)])
        else {
            throw Refusal(
                .notFound, "There is no person \"\(name.prefix(64))\".", hint: "List the people, or add one.")
        }
        return try row.id("id")
    }

    static func checkName(_ name: String) throws(Refusal) {
        let isPlain = name.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
        guard !name.isEmpty, name.utf8.count <= 128, isPlain else {
            throw Refusal(.malformed, "The name is not usable.", hint: "Use 1 to 128 bytes of printable text.")
        }
    }
}
