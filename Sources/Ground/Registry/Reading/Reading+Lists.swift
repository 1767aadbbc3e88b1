import Passport
import Store
import Wire

extension Reading {
    package func whoAmI(as principal: Principal) async throws -> WhoAmI {
        let name = try await principal.person.asyncFlatMap { person in
            try await house.read { rows in
                try rows.first("SELECT name FROM person WHERE id = $1", [Value(person)])?.optionalText("name")
            }
        }
        return WhoAmI(
            person: principal.person, name: name, role: principal.role, owner: principal.owner,
            permissions: Permission.allCases.filter { Access.allows($0, principal) })
    }

    /// Product names are no secret: whoever is signed in reads them.
    package func products(as principal: Principal) async throws -> [ProductView] {
        try Self.demand(.readFleet, .manufacture, .readOwnDevices, of: principal)
        return try await house.read { rows in
            try rows.query(
                "SELECT id, name, hardware, minimum_grade, alarm_before_pairing, at FROM product ORDER BY id LIMIT $1",
                [Value(Self.listLimit)]
            ).map { row in
                ProductView(
                    product: try row.id("id"), title: try row.text("name"), hardware: try row.text("hardware"),
                    minimumGrade: Grade(rawValue: try row.text("minimum_grade")) ?? .declared,
                    alarmBeforePairing: try row.int("alarm_before_pairing") != 0, publishedAt: try row.time("at"))
            }
        }
    }

    /// Newest first.
    package func batches(product: ProductID? = nil, as principal: Principal) async throws -> [BatchView] {
        try Self.demand(.readFleet, .manufacture, of: principal)
        return try await house.read { try Self.batches(product: product, limit: Self.listLimit, in: $0) }
    }

    static func batches(product: ProductID?, limit: Int, in rows: any Rows) throws -> [BatchView] {
        var conditions = Conditions()
        if let product { conditions.add("product = ?", Value(product)) }
        let limit = conditions.argument(Value(limit))
        return try rows.query(
            """
            SELECT id, product, quantity, admitted, station, authority, at FROM batch \(conditions.sql)
            ORDER BY at DESC, id DESC LIMIT \(limit)
            """, conditions.arguments
        ).map { row in
            BatchView(
                batch: try row.id("id"), product: try row.id("product"), quantity: try row.int("quantity"),
                admitted: try row.int("admitted"), station: try row.text("station"),
                authority: try row.text("authority"),
                openedAt: try row.time("at"))
        }
    }
}

extension Optional {
    fileprivate func asyncFlatMap<T>(_ transform: (Wrapped) async throws -> T?) async rethrows -> T? {
        guard let self else { return nil }
        return try await transform(self)
    }
}
