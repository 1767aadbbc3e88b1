import Passport
import Registry
import Store
import Wire

/// Words are written on devices, or taken off, for selectors to ask for.
package struct LabelDevices: Action {
    package static let name = "use/label-devices"
    package static let permission = Permission.publish
    /// Devices in one call at most.
    package static let limit = 1000

    package var devices: [String]
    package var labels: [String: String]?
    package var without: [String]?

    package init(devices: [String], labels: [String: String]? = nil, without: [String]? = nil) {
        self.devices = devices
        self.labels = labels
        self.without = without
    }

    package struct Answer: Codable, Sendable, Equatable {
        /// Devices whose labels are others now.
        package var changed: Int
    }

    package func perform(in change: Change) throws -> Answer {
        guard devices.count <= Self.limit else {
            throw Refusal(.tooLarge, "At most \(Self.limit) devices go into one call.", hint: "Send them in parts.")
        }
        let (set, remove) = (labels ?? [:], without ?? [])
        guard set.count <= DeviceLabels.most, remove.count <= DeviceLabels.most, !(set.isEmpty && remove.isEmpty) else {
            throw Refusal(
                .malformed, "The call sets and removes no label, or too many.",
                hint: "Give 1 to \(DeviceLabels.most) in labels or without.")
        }
        var seen: Set<DeviceID> = []
        var answer = Answer(changed: 0)
        for name in devices {
            let device = try change.device(name).id
            guard seen.insert(device).inserted else { continue }
            if try DeviceLabels.change(device, set: set, remove: remove, in: change) { answer.changed += 1 }
        }
        return answer
    }
}
