import Passport
import Registry
import Store
import Wire

/// Tokens that devices in the field have already, from the server before: they go on with them. What fits is taken over, the
/// rest is refused by name; a dry run says the same and changes nothing.
package struct AdoptDeviceTokens: Action {
    package static let name = "use/adopt-device-tokens"
    package static let permission = Permission.own
    /// In one call, because nobody else writes meanwhile.
    package static let limit = 1000

    package struct Held: Codable, Sendable {
        package var device: String
        package var token: String
        package init(device: String, token: String) {
            self.device = device
            self.token = token
        }
    }

    package var tokens: [Held]
    package var dryRun: Bool?

    package init(tokens: [Held], dryRun: Bool? = nil) {
        self.tokens = tokens
        self.dryRun = dryRun
    }

    package struct Answer: Codable, Sendable, Equatable {
        package struct Refused: Codable, Sendable, Equatable {
            package var device: String
            package var reason: String
        }
        package var adopted: Int
        package var refused: [Refused]

        package init(adopted: Int, refused: [Refused]) {
            self.adopted = adopted
            self.refused = refused
        }
    }

    package func perform(in change: Change) throws -> Answer {
        guard tokens.count <= Self.limit else {
            throw Refusal(.tooLarge, "At most \(Self.limit) tokens go into one call.", hint: "Send them in parts.")
        }
        var answer = Answer(adopted: 0, refused: [])
        var seen: Set<DeviceID> = []
        for held in tokens {
            do {
                try take(held, &seen, in: change)
                answer.adopted += 1
            } catch {
                guard let refusal = error as? Refusal, refusal.code != .unavailable, refusal.code != .internal else {
                    throw error
                }
                answer.refused.append(.init(device: String(held.device.prefix(64)), reason: refusal.detail))
            }
        }
        return answer
    }

    private func take(_ held: Held, _ seen: inout Set<DeviceID>, in change: Change) throws {
        let device = try change.device(held.device)
        try Access.demandOwner(of: device, change.principal)
        try device.passport.demand(.backEnd)
        try DeviceToken.check(held.token)
        guard seen.insert(device.id).inserted else {
            throw Refusal(.conflict, "The device stands in the list twice.", hint: "Name it once.")
        }
        if dryRun != true { try DeviceToken.give(held.token, to: device, in: change) }
    }
}
