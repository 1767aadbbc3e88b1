import Passport
import Registry
import Store
import Wire

/// Tokens and keys that devices in the field have already, from the server before: they go on with them. What fits is taken over,
/// the rest is refused by name; a dry run says the same and changes nothing.
package struct AdoptDeviceTokens: Action {
    package static let name = "use/adopt-device-tokens"
    package static let permission = Permission.own
    /// In one call, because nobody else writes meanwhile.
    package static let limit = 1000

    package struct Held: Codable, Sendable {
        package var device: String
        /// A hawkBit client's; or …
        package var token: String?
        /// … a Mender client's: Base64 of its SubjectPublicKeyInfo (DER), a dot, and Base64 of its signature over
        /// "lifelong mender key v1", a line end and the device's serial.
        package var key: String?
        package init(device: String, token: String? = nil, key: String? = nil) {
            self.device = device
            self.token = token
            self.key = key
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

            package init(device: String, reason: String) {
                self.device = device
                self.reason = reason
            }
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
        var secrets: Set<String> = []
        for held in tokens {
            do {
                try take(held, &seen, &secrets, in: change)
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

    private func take(
        _ held: Held, _ seen: inout Set<DeviceID>, _ secrets: inout Set<String>, in change: Change
    ) throws {
        let device = try change.device(held.device)
        try Access.demandOwner(of: device, change.principal)
        try device.passport.demand(.backEnd)
        let key = try held.key.map { text throws(Refusal) in try MenderKey.proven(text, for: device) }
        if let token = held.token { try DeviceToken.check(token) }
        guard (key == nil) != (held.token == nil) else {
            throw Refusal(.malformed, "There must be a token or a key.", hint: "Name one of them for each device.")
        }
        guard seen.insert(device.id).inserted else {
            throw Refusal(.conflict, "The device stands in the list twice.", hint: "Name it once.")
        }
        // Whoever has one device must not have another's.
        guard secrets.insert(key?.description ?? held.token ?? "").inserted else {
            throw Refusal(
                .conflict, "The token or key stands in the list twice.", hint: "Let each device have its own.")
        }
        if let token = held.token, dryRun != true { try DeviceToken.give(token, to: device, in: change) }
        guard let key else { return }
        try MenderKey.demandFree(key, for: device, in: change.rows)
        if dryRun != true { try MenderKey.accept(key, of: device, in: change) }
    }
}
