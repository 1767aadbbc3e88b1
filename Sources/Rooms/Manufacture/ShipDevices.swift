import Passport
import Registry
import Store
import Wire

/// Devices leave the maker: named one by one, or a whole batch.
package struct ShipDevices: Action {
    package static let name = "manufacture/ship-devices"
    package static let permission = Permission.ship
    /// At most so many in one call; a larger batch is shipped in several.
    package static let limit = 10_000

    package var devices: [String]?
    package var batch: BatchID?

    package init(devices: [String]? = nil, batch: BatchID? = nil) {
        self.devices = devices
        self.batch = batch
    }

    package struct Answer: Codable, Sendable, Equatable {
        package var shipped: Int
        /// Those that had left before.
        package var unchanged: Int
        /// A batch larger than one call takes: call again.
        package var more: Bool
    }

    package func perform(in change: Change) throws -> Answer {
        var answer = Answer(shipped: 0, unchanged: 0, more: false)
        for name in try names(change, &answer) {
            let device = try change.device(name)
            if device.passport.stage == .made {
                try change.record(.shipped, on: device.id)
                answer.shipped += 1
            } else if device.passport.stage == .shipped {
                answer.unchanged += 1
            } else {
                _ = try Passport.advance(device.passport, device: device.id, by: .shipped, at: change.now)
            }
        }
        return answer
    }

    private func names(_ change: Change, _ answer: inout Answer) throws -> [String] {
        switch (devices, batch) {
        case (let devices?, nil):
            guard (1...Self.limit).contains(devices.count) else {
                throw Refusal(.tooLarge, "1 to \(Self.limit) devices go into one call.", hint: "Send them in parts.")
            }
            return devices
        case (nil, let batch?):
            let rows = try change.rows.query(
                "SELECT id FROM device WHERE batch = $1 AND stage = 'made' ORDER BY id LIMIT $2",
                [Value(batch), Value(Self.limit + 1)])
            answer.more = rows.count > Self.limit
            if rows.isEmpty, try change.rows.first("SELECT id FROM batch WHERE id = $1", [Value(batch)]) == nil {
                throw Refusal(.notFound, "There is no batch \"\(batch)\".", hint: "List the batches.")
            }
            return try rows.prefix(Self.limit).map { try $0.text("id") }
        default:
            throw Refusal(.malformed, "Name either devices or a batch.", hint: "Send one of the two.")
        }
    }
}
