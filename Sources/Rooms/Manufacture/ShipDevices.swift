import Passport
import Registry
import Store
import Wire

/// Devices leave the maker: named one by one, or a whole batch.
///
/// 1. Every device is looked at: one that cannot be shipped refuses all of them, before anything is changed. 2. They are shipped in
/// groups, a transaction each, because nobody else writes meanwhile. Cut off between two groups, the same call goes on where
/// it stopped: who has left already is not shipped again.
package struct ShipDevices: Ceremony {
    package static let name = "manufacture/ship-devices"
    package static let permission = Permission.ship
    /// At most so many in one call; a larger batch is shipped in several.
    package static let limit = 10_000
    /// At most so many in one transaction.
    package static let group = 500

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

    package func perform(in house: House, as principal: Principal) async throws -> Answer {
        try await perform(in: house, as: principal, inGroupsOf: Self.group)
    }

    package func perform(in house: House, as principal: Principal, inGroupsOf group: Int) async throws -> Answer {
        // 1.
        let (due, all, more) = try await house.read { rows in
            let (found, more) = try candidates(rows)
            let due = try found.filter { device in
                if device.passport.stage == .shipped { return false }
                _ = try Passport.advance(device.passport, device: device.id, by: .shipped, at: house.clock())
                return true
            }
            return (due.map(\.id), found.count, more)
        }
        // 2.
        var answer = Answer(shipped: 0, unchanged: all - due.count, more: more)
        for start in stride(from: 0, to: due.count, by: group) {
            let part = Array(due[start..<min(start + group, due.count)])
            do {
                let shipped = try await house.change(as: principal) { try ship(part, in: $0) }
                answer.shipped += shipped
                answer.unchanged += part.count - shipped
            } catch let refusal as Refusal where answer.shipped > 0 {
                throw Refusal(
                    refusal.code, "\(answer.shipped) of \(due.count) devices are shipped. Then: \(refusal.detail)",
                    hint: "Give the same command again; it goes on with the rest.", rule: refusal.rule,
                    retryAfterSeconds: refusal.retryAfterSeconds)
            }
        }
        return answer
    }

    /// - Returns: how many; somebody else may have shipped one of them, or ended its life, since it was looked at.
    private func ship(_ devices: [DeviceID], in change: Change) throws -> Int {
        var shipped = 0
        for device in devices where try change.passport(of: device).stage == .made {
            try change.record(.shipped, on: device)
            shipped += 1
        }
        return shipped
    }

    /// Those that are meant, each once, and whether there are more.
    private func candidates(_ rows: any Rows) throws -> ([Device], more: Bool) {
        switch (devices, batch) {
        case (let devices?, nil):
            guard (1...Self.limit).contains(devices.count) else {
                throw Refusal(.tooLarge, "1 to \(Self.limit) devices go into one call.", hint: "Send them in parts.")
            }
            var seen: Set<DeviceID> = []
            return (try devices.map { try Device.require($0, in: rows) }.filter { seen.insert($0.id).inserted }, false)
        case (nil, let batch?):
            let found = try rows.query(
                "SELECT \(Device.columns) FROM device WHERE batch = $1 AND stage = 'made' ORDER BY id LIMIT $2",
                [Value(batch), Value(Self.limit + 1)])
            if found.isEmpty, try rows.first("SELECT id FROM batch WHERE id = $1", [Value(batch)]) == nil {
                throw Refusal(.notFound, "There is no batch \"\(batch)\".", hint: "List the batches.")
            }
            return (try found.prefix(Self.limit).map { try Device($0) }, found.count > Self.limit)
        default:
            throw Refusal(.malformed, "Name either devices or a batch.", hint: "Send one of the two.")
        }
    }
}
