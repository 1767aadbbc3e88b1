import Logging
import Trust
import Wire

/// The keys that the device believes are succeeded, by a statement under one that it believes already.
extension Agent {
    /// Follows the statements one after another; each is on the disk before the next. One that is refused changes nothing, and
    /// ends the row: what comes after it cannot be right.
    func follow(_ statements: [Seal]?) throws {
        for statement in (statements ?? []).prefix(KeySuccession.maximumAtOnce) {
            var believed = BelievedKeys(
                .release, keys: service.releaseKeys.compactMap { Base64.decode($0) }, number: service.succession ?? 0)
            if believed.knows(statement) { continue }
            do {
                try believed.follow(statement)
            } catch {
                guard refusedSuccession != statement else { return }
                refusedSuccession = statement
                return try note("refused", "A succession of release keys was refused: \(error.detail)")
            }
            var next = service
            next.releaseKeys = believed.keys.map { Base64.encode($0) }
            next.succession = believed.number
            try disk.write(next, as: home.service)
            service = next
            try note("keys", "Releases are signed by \(believed.keys.count) keys since succession \(believed.number).")
        }
    }
}
