import Store
import Wire

/// Takes away checkpoints that nobody can need any more: a busy ledger makes some hundred thousand a day, each can be computed
/// anew from the tiles but for its signature, and only the newest is ever handed out.
///
/// Kept: those of the last day, the newest, and from the newest on that enough witnesses cosigned, however old.
package enum OldCheckpoints {
    package static let keptSeconds: Int64 = 86_400
    /// Looked at in one round; more come in the next, a minute later.
    private static let roundLimit = 5000

    /// - Returns: how many went.
    @discardableResult
    package static func prune(_ house: House) async throws -> Int {
        let limit = try house.time().adding(seconds: -keptSeconds)
        let quorum = house.settings.neededCosignatures
        let floor = try await house.read { rows -> Int64? in
            let oldest = try rows.query("SELECT size, at FROM checkpoint ORDER BY size LIMIT $1", [Value(roundLimit)])
            guard let last = try oldest.last(where: { try $0.time("at") < limit }) else { return nil }
            // The one that everything older gives way to stays.
            let old = Int64(try last.int("size"))
            guard quorum > 0 else { return old }
            let witnesses = house.settings.witnesses
            return min(old, try LedgerReader.witnessed(quorum: quorum, by: witnesses, in: rows)?.size ?? old)
        }
        guard let floor else { return 0 }
        return try await house.database.write { rows in
            try rows.execute("DELETE FROM cosignature WHERE size < $1", [.int(floor)])
            return try rows.execute("DELETE FROM checkpoint WHERE size < $1", [.int(floor)])
        }
    }
}
