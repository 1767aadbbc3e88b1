import Keys
import Ledger
import Passport
import Store
import Trust
import Wire

/// Moves a house to the store where new keys are made, by succession: no private key is ever read out.
///
/// 1. A successor of the ledger's key, named by an event in a checkpoint of the old one alone.
/// 2. Successors of the roots, each linked with the one before it (`RootSuccession`), and of the issuing CAs, under the new
///    root; what was issued before stays valid, and its CAs stay to revoke.
/// 3. A successor for each other role. Releases, permits and checkpoints bear the signatures of both from then on, so that
///    devices, stations and auditors who know the old key go on. A statement under the old key of releases and of permits
///    tells devices and stations of the new one (`Successions`), and releases from before are signed by it, too.
///    Snapshot and timestamp of update metadata are signed by the successor once a root names it, and by the old key until then.
/// 4. Data keys (`WrappedKeys`) are wrapped anew, page by page.
/// Each step is durable before the next, and done only where it is not done yet: a move that was cut off is finished by the
/// next. It runs while no server does.
package enum KeyMove {
    /// - Parameter tell: called with a sentence after each step.
    /// - Returns: what stays where it was, a sentence each.
    package static func run(_ house: House, tell: (String) throws -> Void) async throws -> [String] {
        guard let joined = house.keys as? JoinedKeyStore else { return [] }
        let target = joined.first
        // The ledger's own first: the old key, alone, signs a checkpoint of the event that names the new one. All that
        // follows is published by both, so that the new one has signed before the old one can be retired.
        let publisher = try Publisher(house)
        try await succeed(.ledger, in: house, target, tell)
        try await publisher.publish()
        var stays: [String] = []
        for first in [Authorities.Name.makerRoot, Authorities.Name.operationalRoot] {
            if let reason = try await RootSuccession.run(first, in: house, target, tell) { stays.append(reason) }
        }
        let root = try house.authorities.root(Authorities.Name.operationalRoot)
        for (kind, current) in [
            (Authorities.issuingKind, house.authorities.issuing), (Authorities.serviceKind, house.authorities.service),
        ] {
            let isBelow = house.authorities.known(current)?.chain.last == root.certificate
            guard try !isBelow || target.find(try KeyLabel(current)) == nil else { continue }
            let successor = try Self.successor(of: current)
            let title = (kind == Authorities.issuingKind ? "Operational" : "Service") + " Issuing \(successor.number)"
            try await Founding.authority(successor.name, kind, title, house)
            try tell("\(successor.name) succeeds \(current).")
        }
        for role in KeyRole.allCases where role != .ledger && house.authorities.hasKey(of: role) {
            try await succeed(role, in: house, target, tell)
        }
        for role in try await Successions.complete(house) {
            try tell("A statement under the old \(role.rawValue) key tells the field of the new one.")
        }
        let resealed = try await Resealing.run(house)
        if resealed > 0 { try tell("\(resealed) releases bear the new key's signature, too.") }
        for place in WrappedKeys.places {
            let rewrapped = try await WrappedKeys.rewrap(place, in: house)
            if rewrapped > 0 { try tell("\(rewrapped) \(place.title) are wrapped anew.") }
        }
        try await Publisher(house).publish()
        try tell("The ledger says so, under the key that auditors know.")
        return stays
    }

    /// "operational-issuing-1" → "operational-issuing-2".
    private static func successor(of name: String) throws -> (name: String, number: Int) {
        guard let dash = name.lastIndex(of: "-"), let number = Int(name[name.index(after: dash)...]) else {
            throw Refusal(.internal, "\"\(name)\" has no number.", hint: "Report this with the server's log.")
        }
        return ("\(name[...dash])\(number + 1)", number + 1)
    }

    private static func succeed(
        _ role: KeyRole, in house: House, _ target: any KeyStore, _ tell: (String) throws -> Void
    ) async throws {
        let current = try house.authorities.label(of: role)
        guard try target.place(of: current) == nil else { return }
        let count = try await house.read { rows in
            try rows.count("SELECT COUNT(*) AS n FROM key_role WHERE role = $1", [.text(role.rawValue)])
        }
        let label = try role.label(after: count)
        var digest: Digest?
        if role == .wrapping {
            try target.makeWrapping(label)
            // Shows that it works, before anything depends on it.
            let probe = house.random(32)
            let wrapped = try target.wrap(probe, under: label, context: [])
            guard try target.unwrap(wrapped, under: label, context: []) == probe else {
                throw Refusal(
                    .internal, "The new wrapping key does not open what it wrapped.", hint: "Check the token.")
            }
        } else {
            digest = try target.findOrMake(label, algorithm: role == .ledger ? .ed25519 : .p256).keyDigest
        }
        let key = digest
        try await house.change(as: .system) { change in
            try change.rows.execute(
                "INSERT INTO key_role (role, label, since) VALUES ($1, $2, $3)",
                [.text(role.rawValue), Value(label), Value(change.now)])
            try change.record(.keySucceeded(role: role.rawValue, label: label.text, key: key))
        }
        try await house.authorities.load(from: house)
        try tell("\(label) succeeds \(current).")
    }
}
