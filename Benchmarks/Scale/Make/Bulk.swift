import Store

/// Many rows a statement.
enum Bulk {
    /// Rows of one statement.
    private static let step = 40

    static func insert(_ table: String, _ columns: String, _ values: [[Value]], into rows: any Rows) throws {
        var at = 0
        while at < values.count {
            // Two shapes of statement only: each is prepared once.
            let count = values.count - at >= step ? step : 1
            let width = values[at].count
            var number = 0
            let places = (0..<count).map { _ in
                "("
                    + (0..<width).map { _ in
                        number += 1
                        return "$\(number)"
                    }.joined(separator: ",") + ")"
            }
            try rows.execute(
                "INSERT INTO \(table) (\(columns)) VALUES \(places.joined(separator: ","))",
                Array(values[at..<(at + count)].joined()))
            at += count
        }
    }
}
