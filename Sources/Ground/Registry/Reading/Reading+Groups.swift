import Passport
import Store
import Wire

/// A name for a selector.
package struct GroupView: Codable, Sendable, Equatable {
    package var group: String
    package var selector: String
    /// When it was defined last.
    package var at: Timestamp
}

extension Reading {
    /// By name.
    package func groups(as principal: Principal) async throws -> [GroupView] {
        try Self.demand(.readFleet, of: principal)
        return try await house.read { rows in
            try rows.query("SELECT name, selector, at FROM device_group ORDER BY name LIMIT \(DeviceGroups.most)").map {
                GroupView(group: try $0.text("name"), selector: try $0.text("selector"), at: try $0.time("at"))
            }
        }
    }
}
