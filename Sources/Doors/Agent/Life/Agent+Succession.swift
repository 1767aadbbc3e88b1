import Logging
import Trust
import Wire

/// The keys that the device believes are succeeded, by a statement under one that it believes already.
extension Agent {
    /// Follows the statements one after another; each is on the disk before the next. One that is refused changes nothing, and
    /// ends the row: what comes after it cannot be right.
    /// - Returns: whether there may be more, as many came as come at once and something was new: ask again.
    func follow(_ statements: [Seal]?) throws -> Bool {
        let before = service.succession
        for statement in (statements ?? []).prefix(KeySuccession.maximumAtOnce) {
            var believed = BelievedKeys(
                .release, keys: service.releaseKeys.compactMap { Base64.decode($0) }, number: service.succession ?? 0)
            if believed.knows(statement) { continue }
            do {
                try believed.follow(statement)
            } catch {
                guard refusedSuccession != statement else { return false }
                refusedSuccession = statement
                try note("refused", "A succession of release keys was refused: \(error.detail)")
                return false
            }
            var next = service
            next.releaseKeys = believed.keys.map { Base64.encode($0) }
            next.succession = believed.number
            try disk.write(next, as: home.service)
            service = next
            try note("keys", "Releases are signed by \(believed.keys.count) keys since succession \(believed.number).")
        }
        return (statements?.count ?? 0) >= KeySuccession.maximumAtOnce && service.succession != before
    }
}
