import Keys
import Passport
import Store
import Trust
import Wire

/// The statements by which devices and stations in the field learn of new keys, and drop old ones, by themselves.
///
/// Each is signed by all keys of the role that live when it is made, the one that it drops among them, and kept for ever:
/// whoever was away for years follows them one after another from the key that it knows.
package enum Successions {
    package struct Stored: Sendable, Equatable {
        package var number: Int
        package var keys: [String]
        package var seal: Seal
    }

    /// Others are learnt from the documents themselves (`ledger`), or by nobody outside.
    static let roles: [(role: KeyRole, stated: KeySuccession.Role)] = [(.release, .release), (.permit, .permit)]

    static func stored(in rows: any Rows) throws -> [KeyRole: [Stored]] {
        var found: [KeyRole: [Stored]] = [:]
        for row in try rows.query("SELECT role, number, seal FROM succession ORDER BY role, number") {
            guard let role = KeyRole(rawValue: try row.text("role")) else { continue }
            let seal = try CanonicalJSON.decode(Seal.self, from: Array(row.text("seal").utf8))
            let statement = try CanonicalJSON.decode(KeySuccession.self, from: seal.payloadBytes())
            found[role, default: []].append(
                Stored(number: try row.int("number"), keys: statement.keys, seal: seal))
        }
        return found
    }

    /// States what holds now, where that was not stated yet: after a succession, and after one that was cut off.
    /// - Returns: the roles of which something was stated.
    static func complete(_ house: House) async throws -> [KeyRole] {
        var done: [KeyRole] = []
        for (role, _) in roles {
            let labels = try house.authorities.labels(of: role)
            guard labels.count > 1 || house.authorities.succession(of: role) != nil else { continue }
            // Where a key is away the statement waits: it needs the signature of each.
            let found = try labels.map { try house.keys.find($0) }
            let signers = found.compactMap { $0 }
            let holding = signers.map { Base64.encode($0.publicKeyDER) }
            guard signers.count == labels.count, house.authorities.succession(of: role)?.keys != holding else {
                continue
            }
            let next = try state(role, holding: signers, signedBy: signers, in: house)
            try await house.change(as: .system) { try keep(next, of: role, in: $0) }
            try await house.authorities.load(from: house)
            done.append(role)
        }
        return done
    }

    /// - Parameter signers: all that live now, those among them that do not hold any more.
    static func state(
        _ role: KeyRole, holding: [any SigningKey], signedBy signers: [any SigningKey], in house: House
    ) throws -> Stored? {
        guard let stated = roles.first(where: { $0.role == role })?.stated else { return nil }
        let statement = KeySuccession(
            role: stated, number: (house.authorities.succession(of: role)?.number ?? 0) + 1,
            keys: holding.map { Base64.encode($0.publicKeyDER) }, at: house.clock())
        let seal = try Seal.sign(
            type: Seal.PayloadType.succession, payload: try CanonicalJSON.encode(statement), with: signers)
        return Stored(number: statement.number, keys: statement.keys, seal: seal)
    }

    /// Of two nodes that state the same at once, one is kept.
    static func keep(_ next: Stored?, of role: KeyRole, in change: Change) throws {
        guard let next else { return }
        try change.rows.execute(
            """
            INSERT INTO succession (role, number, seal, at) VALUES ($1, $2, $3, $4) ON CONFLICT (role, number) DO NOTHING
            """,
            [
                .text(role.rawValue), Value(next.number),
                .text(String(decoding: try CanonicalJSON.encode(next.seal), as: UTF8.self)), Value(change.now),
            ])
    }
}

/// Releases that were published before their key was succeeded, so that a device that knows only the new one takes them.
enum Resealing {
    /// Releases that share one transaction.
    private static let pageSize = 200

    /// - Returns: how many got the signatures of all keys of the role.
    static func run(_ house: House) async throws -> Int {
        let signers = try house.signingKeys(.release)
        guard signers.count > 1, let current = signers.first else { return 0 }
        var (done, last) = (0, "")
        while true {
            let after = last
            let page = try await house.read { rows in
                try rows.query(
                    "SELECT digest, manifest FROM release WHERE digest > $1 ORDER BY digest LIMIT $2",
                    [.text(after), Value(pageSize)])
            }
            guard let final = page.last else { return done }
            last = try final.text("digest")
            let fresh = try page.compactMap { row -> (digest: String, seal: String)? in
                let seal = try seal(of: row)
                guard !isSigned(seal, by: current) else { return nil }
                let again = try Seal.sign(type: seal.payloadType, payload: seal.payloadBytes(), with: signers)
                return (try row.text("digest"), String(decoding: try CanonicalJSON.encode(again), as: UTF8.self))
            }
            guard !fresh.isEmpty else { continue }
            try await house.database.write { rows in
                for release in fresh {
                    try rows.execute(
                        "UPDATE release SET manifest = $1 WHERE digest = $2",
                        [.text(release.seal), .text(release.digest)])
                }
            }
            done += fresh.count
        }
    }

    /// Whether there is a release that the key did not sign.
    static func isDue(for key: any SigningKey, in rows: any Rows) throws -> Bool {
        var last = ""
        while true {
            let page = try rows.query(
                "SELECT digest, manifest FROM release WHERE digest > $1 ORDER BY digest LIMIT $2",
                [.text(last), Value(pageSize)])
            guard let final = page.last else { return false }
            last = try final.text("digest")
            if try page.contains(where: { try !isSigned(seal(of: $0), by: key) }) { return true }
        }
    }

    private static func seal(of row: Row) throws -> Seal {
        try CanonicalJSON.decode(Seal.self, from: Array(row.text("manifest").utf8))
    }

    /// By its hint: the house wrote it itself.
    private static func isSigned(_ seal: Seal, by key: any SigningKey) -> Bool {
        seal.signatures.contains { $0.keyid == key.keyDigest.description }
    }
}
