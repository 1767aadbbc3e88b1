import Keys
import Store
import Wire

/// The data keys that a wrapping key of the house wraps, wherever they are kept.
enum WrappedKeys {
    struct Place: Sendable {
        let table: String
        /// Column that names the row.
        let name: String
        /// What people read: "data keys of tenures".
        let title: String
        /// What is authenticated with the key of the row of that name.
        let context: @Sendable (String) -> [UInt8]
    }

    static let places = [
        Place(table: "tenure", name: "id", title: "data keys of tenures") { Array($0.utf8) },
        Place(table: "payload_key", name: "release", title: "keys of encrypted releases") {
            PayloadKeys.context(of: $0)
        },
    ]

    /// How many are wrapped under it.
    static func count(_ label: KeyLabel, at place: Place, in rows: any Rows) throws -> Int {
        try rows.count(
            """
            SELECT COUNT(*) AS n FROM \(place.table)
            WHERE data_key IS NOT NULL AND COALESCE(wrapped_under, $1) = $2
            """, [.text(Tenures.firstWrapping.text), Value(label)])
    }

    /// Whether anything is wrapped under it.
    static func need(_ label: KeyLabel, in rows: any Rows) throws -> Bool {
        try places.contains { place in
            try rows.first(
                """
                SELECT \(place.name) FROM \(place.table)
                WHERE data_key IS NOT NULL AND COALESCE(wrapped_under, $1) = $2 LIMIT 1
                """, [.text(Tenures.firstWrapping.text), Value(label)]) != nil
        }
    }

    /// One that each place keeps under it, by its row's name; to see that it is the right key.
    static func newest(_ label: KeyLabel, in rows: any Rows) throws -> [(context: [UInt8], wrapped: [UInt8])] {
        try places.compactMap { place in
            let row = try rows.first(
                """
                SELECT \(place.name) AS name, data_key FROM \(place.table)
                WHERE data_key IS NOT NULL AND COALESCE(wrapped_under, $1) = $2 ORDER BY \(place.name) DESC LIMIT 1
                """, [.text(Tenures.firstWrapping.text), Value(label)])
            return try row.map { (place.context(try $0.text("name")), try $0.bytes("data_key")) }
        }
    }

    /// Data keys that share one transaction.
    private static let pageSize = 200

    /// Wraps anew what older keys wrap, page by page. Returns how many.
    static func rewrap(_ place: Place, in house: House) async throws -> Int {
        let current = try house.authorities.label(of: .wrapping)
        var done = 0
        while true {
            let page = try await house.read { rows in
                try rows.query(
                    """
                    SELECT \(place.name) AS name, data_key, wrapped_under FROM \(place.table)
                    WHERE data_key IS NOT NULL AND COALESCE(wrapped_under, $1) <> $2 ORDER BY \(place.name) LIMIT $3
                    """, [.text(Tenures.firstWrapping.text), Value(current), Value(pageSize)])
            }
            guard !page.isEmpty else { return done }
            let wrapped = try page.map { row -> (name: String, old: [UInt8], new: [UInt8]) in
                let (name, old) = (try row.text("name"), try row.bytes("data_key"))
                let under = try row.optionalText("wrapped_under").map { try KeyLabel($0) } ?? Tenures.firstWrapping
                let plain = try house.keys.unwrap(old, under: under, context: place.context(name))
                return (name, old, try house.keys.wrap(plain, under: current, context: place.context(name)))
            }
            try await house.database.write { rows in
                for key in wrapped {
                    try rows.execute(
                        """
                        UPDATE \(place.table) SET data_key = $1, wrapped_under = $2
                        WHERE \(place.name) = $3 AND data_key = $4
                        """, [.bytes(key.new), Value(current), .text(key.name), .bytes(key.old)])
                }
            }
            done += page.count
        }
    }
}
