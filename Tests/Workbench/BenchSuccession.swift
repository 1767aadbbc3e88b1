import Keys
import Passport
import Registry
import Store
import Trust
import Wire

extension HouseBench {
    /// As if a key had been succeeded so often, and each one retired: statements from the key that the house has over others and
    /// back to it. Who stops on the way believes nothing that the house signs.
    package func succeed(_ role: KeyRole, as stated: KeySuccession.Role, _ count: Int) async throws {
        let own = try house.keys.require(house.authorities.label(of: role))
        var holder: any SigningKey = own
        var seals: [String] = []
        for number in 1...count {
            let next: any SigningKey = number == count ? own : EphemeralKey()
            let statement = KeySuccession(
                role: stated, number: number, keys: [Base64.encode(next.publicKeyDER)], at: clock.now)
            let seal = try Seal.sign(
                type: Seal.PayloadType.succession, payload: CanonicalJSON.encode(statement), with: [holder, next])
            seals.append(String(decoding: try CanonicalJSON.encode(seal), as: UTF8.self))
            holder = next
        }
        let (stored, now) = (seals, clock.now)
        try await house.database.write { rows in
            for (index, seal) in stored.enumerated() {
                try rows.execute(
                    "INSERT INTO succession (role, number, seal, at) VALUES ($1, $2, $3, $4)",
                    [.text(role.rawValue), Value(index + 1), .text(seal), Value(now)])
            }
        }
        try await house.authorities.load(from: house)
    }
}
