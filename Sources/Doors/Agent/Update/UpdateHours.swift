import Rollout
import Wire

/// The hours in which a release may be installed and the device started anew: all windows have to be open.
package struct UpdateHours: Sendable {
    let windows: [MaintenanceWindow]
    let zone: String?

    /// - Parameter zone: where the device is; without it each window's own zone counts.
    package init(windows: [MaintenanceWindow], zone: String?) {
        self.windows = windows
        self.zone = zone
    }

    /// Nil if all are open; otherwise when the last of them opens, at which moment this is asked again.
    package func opening(at now: Timestamp) -> Timestamp? {
        let shut = windows.filter { !$0.isOpen(at: now, in: $0.zone(of: zone)) }
        return shut.map { $0.opening(from: now, in: $0.zone(of: zone)) }.max()
    }

    /// The window in a configuration's document, under "maintenanceWindow"; nil if there is none, or none that means anything.
    package static func policy(in document: [UInt8]?) -> MaintenanceWindow? {
        struct Policy: Decodable {
            var maintenanceWindow: MaintenanceWindow?
        }
        guard let document,
            let window = try? CanonicalJSON.decode(Policy.self, from: document, limit: document.count)
                .maintenanceWindow,
            (try? window.demandBounds()) != nil
        else { return nil }
        return window
    }
}
