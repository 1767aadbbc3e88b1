import Passport
import Store
import Wire

extension Reading {
    /// Everybody who signs in, with the labels of their tokens. Names are personal: administrators only.
    package func people(as principal: Principal) async throws -> [PersonView] {
        try Access.demand(.administer, of: principal)
        let now = house.clock()
        return try await house.read { rows in
            try rows.query(
                "SELECT id, name, role, owner, at FROM person WHERE left_at IS NULL ORDER BY name LIMIT $1",
                [Value(Self.listLimit)]
            ).compactMap { row in
                guard let role = Role(rawValue: try row.text("role")) else { return nil }
                let person: PersonID = try row.id("id")
                return PersonView(
                    person: person, name: try row.text("name"), role: role,
                    owner: try row.optionalID("owner"), addedAt: try row.time("at"),
                    tokens: try Self.tokens(of: person, alive: now, in: rows))
            }
        }
    }

    private static func tokens(of person: PersonID, alive now: Timestamp, in rows: any Rows) throws -> [PersonView
        .Token]
    {
        try rows.query(
            """
            SELECT label, expires, at FROM credential WHERE person = $1 AND kind = 'token' AND expires > $2
            ORDER BY at LIMIT 100
            """, [Value(person), Value(now)]
        ).map { row in
            .init(label: try row.text("label"), issuedAt: try row.time("at"), expires: try row.time("expires"))
        }
    }

    /// All owners for an administrator; its own for an owner.
    package func owners(as principal: Principal) async throws -> [OwnerView] {
        var conditions = Conditions()
        if !Access.allows(.administer, principal) {
            guard let own = principal.owner else {
                try Access.demand(.administer, of: principal)
                return []
            }
            conditions.add("id = ?", Value(own))
        }
        let limit = conditions.argument(Value(Self.listLimit))
        let asked = conditions
        return try await house.read { rows in
            try rows.query(
                "SELECT id, name, kind, at FROM owner \(asked.sql) ORDER BY name, id LIMIT \(limit)", asked.arguments
            )
            .map { row in
                OwnerView(
                    owner: try row.id("id"), name: try row.text("name"), kind: try row.text("kind"),
                    addedAt: try row.time("at"))
            }
        }
    }

    /// The certificate authorities and their revocation lists.
    package func authorities(as principal: Principal) async throws -> [AuthorityView] {
        try Self.demand(.readFleet, .manufacture, of: principal)
        let known = house.authorities.all
        let now = house.clock()
        return try await house.read { rows in
            try known.compactMap { authority in
                let kind = ["root", Authorities.linkKind].contains(authority.kind) ? "root" : "authority"
                guard let certificate = Self.read(authority.certificate, kind: kind, authority: nil, at: now) else {
                    return nil
                }
                let list = try rows.first(
                    "SELECT number, this_update, next_update FROM crl WHERE authority = $1", [.text(authority.name)])
                return AuthorityView(
                    name: authority.name, kind: authority.kind, certificate: certificate,
                    hasKey: authority.keyLabel != nil,
                    revocationList: try list.map {
                        .init(
                            number: try $0.int("number"), thisUpdate: try $0.time("this_update"),
                            nextUpdate: try $0.time("next_update"))
                    })
            }
        }
    }
}
