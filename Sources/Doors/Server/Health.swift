import Logging
import Registry
import Store
import Wire

/// Whether the server should be trusted with more: asked by load balancers and monitors at `/healthz`, of the people
/// plane at `/readyz`.
///
/// The database's files are looked through once after each start, beside the work; what is found there stays until a person
/// has dealt with it and started the server again.
package final class Health: Sendable {
    private let damage: Locked<[String]>

    /// - Parameter known: damage that was found already.
    package init(known: [String] = []) { damage = Locked(known) }

    /// A sentence for everything that is damaged; empty is good.
    package var findings: [String] { damage.withLock { $0 } }

    /// Runs until its task is cancelled, because the server ends with the first of its services that does.
    func watch(_ house: House) async {
        await check(house)
        while (try? await Task.sleep(for: .seconds(3600))) != nil {}
    }

    private func check(_ house: House) async {
        do {
            let found = try await house.database.damage(quick: true)
            guard !found.isEmpty else { return }
            damage.withLock { $0 = found }
            house.log.critical(
                "the database is damaged; stop, look with `lifelong audit`, and restore from a backup",
                metadata: ["found": "\(found.prefix(5).joined(separator: "; "))"])
        } catch {
            house.log.error("the database could not be checked", metadata: ["error": "\(error)"])
        }
    }
}
