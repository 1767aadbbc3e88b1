import Keys
import Ledger
import Passport
import Store
import Wire

/// Destroys a key that was succeeded, once nothing needs it any more; refuses by name what still does.
///
/// For an authority: 1. What was begun under it is given up, and its last list is signed (`LastList`). 2. List and event are stored,
/// and the key counts as gone, in one transaction. 3. It is destroyed. For the key of a role: 1. A last statement is signed by it
/// where the field follows such (`Successions`). 2. and 3. as above. Cut off after any step, the command is given again.
package enum KeyRetirement {
    /// - Parameter informed: whether those who pinned the key by hand, stations or auditors, have its successor.
    package static func run(_ label: KeyLabel, informed: Bool, in house: House) async throws {
        if let authority = house.authorities.known(label.text) {
            try await retire(authority, in: house)
        } else {
            try await retire(role: label, informed: informed, in: house)
        }
        try await house.authorities.load(from: house)
    }

    private static func retire(_ authority: Authorities.Known, in house: House) async throws {
        let name = authority.name
        guard name != house.authorities.issuing, name != house.authorities.service else { throw isCurrent(name) }
        guard authority.kind != "birth", authority.kind != Authorities.linkKind else {
            throw Refusal(
                .notFound, "The house has no key \"\(name)\".", hint: "List them: lifelong keys list")
        }
        if authority.kind == "root" { try await RootRetirement.demand(authority, in: house) }
        let now = house.clock()
        let alive = try await house.read { rows in
            try rows.first(
                """
                SELECT COUNT(*) AS n, MAX(not_after) AS last FROM certificate
                WHERE authority = $1 AND state = 'issued' AND kind = 'operational' AND not_after > $2
                """, [.text(name), Value(now)])
        }
        let count = try alive?.int("n") ?? 0
        if count > 0, let last = alive?.optionalTime("last") {
            throw Refusal(
                .conflict, "\(count) certificates of \(name) are alive; the last ends at \(last).",
                hint: "Wait until devices have renewed theirs, or revoke them.", rule: "keys retire")
        }
        // Signed by the key itself before it goes. The authorities of the server's own certificates have no list.
        let hasList = authority.keyLabel != nil && authority.kind != Authorities.serviceKind
        let list = try await hasList ? LastList.make(of: name, in: house) : nil
        try await house.change(as: .system) { change in
            let changed = try change.rows.execute(
                "UPDATE authority SET key_label = NULL WHERE name = $1 AND key_label IS NOT NULL", [.text(name)])
            guard changed == 1 else { return }
            try list?.keep(in: change)
            try change.record(.keyRetired(role: authority.kind, label: name))
        }
        // After the commit: what was cut off here is destroyed by the next attempt.
        try house.keys.destroy(try KeyLabel(name))
        try house.keys.destroy(try KeyLabel(Authorities.Name.responder(of: name)))
    }

    private static func retire(role label: KeyLabel, informed: Bool, in house: House) async throws {
        let row = try await house.read { rows in
            try rows.first("SELECT role, retired FROM key_role WHERE label = $1", [Value(label)])
        }
        guard let row, let role = KeyRole(rawValue: try row.text("role")) else {
            throw Refusal(
                .notFound, "The house has no key \"\(label)\".", hint: "List them: lifelong keys list")
        }
        let labels = try house.authorities.labels(of: role)
        guard labels.first != label else { throw isCurrent(label.text) }
        // Signed by the key itself before it goes: whoever knows only this one follows, and drops it.
        var statement: Successions.Stored?
        if row.optionalTime("retired") == nil, Successions.roles.contains(where: { $0.role == role }) {
            let signers = try house.signingKeys(role)
            statement = try Successions.state(
                role, holding: zip(labels, signers).filter { $0.0 != label }.map(\.1), signedBy: signers, in: house)
        }
        let last = statement
        try await house.change(as: .system) { change in
            if let need = try need(for: role, label, informed: informed, in: change) {
                throw Refusal(.conflict, need.what, hint: need.hint, rule: "keys retire")
            }
            let changed = try change.rows.execute(
                "UPDATE key_role SET retired = $1 WHERE label = $2 AND retired IS NULL",
                [Value(change.now), Value(label)])
            guard changed == 1 else { return }
            try Successions.keep(last, of: role, in: change)
            try change.record(.keyRetired(role: role.rawValue, label: label.text))
        }
        try house.keys.destroy(label)
    }

    private struct Need {
        var what: String
        var hint: String
    }

    /// What still needs the key, or nil.
    private static func need(
        for role: KeyRole, _ label: KeyLabel, informed: Bool, in change: Change
    ) throws -> Need? {
        let rows = change.rows
        let succeeded =
            try rows.first(
                """
                SELECT MIN(since) AS since FROM key_role
                WHERE role = $1 AND since > (SELECT since FROM key_role WHERE role = $2 AND label = $3)
                """, [.text(role.rawValue), .text(role.rawValue), Value(label)])?.optionalTime("since")
            ?? Timestamp(seconds: 0)
        switch role {
        case .serviceTLS: return nil
        case .wrapping:
            for place in WrappedKeys.places {
                let count = try WrappedKeys.count(label, at: place, in: rows)
                guard count == 0 else {
                    return Need(
                        what: "\(count) \(place.title) are wrapped under \(label).",
                        hint: "Finish the move: lifelong keys move")
                }
            }
            return nil
        case .release: return try needOfRelease(label, succeeded, informed: informed, in: change)
        case .snapshot, .timestamp:
            guard try UpdateKeys.isNamed(label, in: change) else { return nil }
            return Need(
                what: "The root of update metadata names \(label).",
                hint: "Publish a root that names its successor: lifelong tuf root draft")
        case .permit:
            let names = try rows.query(
                "SELECT DISTINCT station FROM batch WHERE at <= $1 ORDER BY station LIMIT 20", [Value(succeeded)]
            ).map { try $0.text("station") }
            if informed || names.isEmpty { return nil }
            return Need(
                what: "These stations may have pinned \(label): \(names.joined(separator: ", ")).",
                hint: "Each learns its successor with its next permit; finish open batches, then say --informed.")
        case .ledger:
            let house = change.house
            let current = try NoteSigner(
                name: house.settings.ledgerOrigin, key: house.keys.require(house.authorities.label(of: .ledger)))
            let note = Array(try LedgerReader.checkpoint(in: rows).note.utf8)
            guard (try? Checkpoint(note: note, key: current.verifierKey)) != nil else {
                return Need(
                    what: "The newest checkpoint bears the signature of \(label) alone.",
                    hint: "Finish the move: lifelong keys move")
            }
            if informed { return nil }
            return Need(
                what: "Auditors and witnesses may have pinned \(label).",
                hint: "Give them the new verifier key (/ledger/vkey of the public plane), then say --informed.")
        }
    }

    /// A device learns the release keys from its batch's permit, and their successors when it checks in.
    private static func needOfRelease(
        _ label: KeyLabel, _ succeeded: Timestamp, informed: Bool, in change: Change
    ) throws -> Need? {
        let (rows, house) = (change.rows, change.house)
        guard let number = house.authorities.succession(of: .release)?.number,
            try !Resealing.isDue(for: house.keys.require(house.authorities.label(of: .release)), in: rows)
        else {
            return Need(
                what: "Not all that was signed by \(label) is signed by its successor.",
                hint: "Finish the move: lifelong keys move")
        }
        if informed { return nil }
        let count = try rows.count(
            """
            SELECT COUNT(*) AS n FROM device JOIN batch ON batch.id = device.batch
            LEFT JOIN contact ON contact.device = device.id
            WHERE device.stage <> 'retired' AND batch.at <= $1 AND COALESCE(contact.succession, 0) < $2
            """, [Value(succeeded), Value(number)])
        if count > 0 {
            return Need(
                what: "\(count) devices have not said yet that they know the successor of \(label).",
                hint: """
                    Each learns it at its next check-in, if its agent follows successions, also after the key is gone: then \
                    say --informed.
                    """)
        }
        let open = try rows.query(
            "SELECT id FROM batch WHERE at <= $1 AND admitted < quantity ORDER BY id LIMIT 20", [Value(succeeded)]
        ).map { try $0.text("id") }
        if open.isEmpty { return nil }
        return Need(
            what: "Devices may yet be born that know only \(label), in these batches: \(open.joined(separator: ", ")).",
            hint: "Each learns its successor at its first check-in; wait until they are complete, or say --informed.")
    }

    private static func isCurrent(_ label: String) -> Refusal {
        Refusal(
            .conflict, "The key \"\(label)\" is in use.", hint: "Only a key that another one succeeded can be retired.",
            rule: "keys retire")
    }
}
