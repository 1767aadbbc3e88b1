import Registry
import TUF
import Wire

/// The root of update metadata is drafted, the first or the next: who signs the root and the top-level targets, and the house's own keys
/// of snapshot and timestamp, which are made with the first. Its holders sign it offline.
package struct DraftRoot: Ceremony {
    package static let name = "use/draft-root"
    package static let permission = Permission.administer

    /// Base64 of SubjectPublicKeyInfo; left out: as in the present root.
    package var rootKeys: [String]?
    package var rootThreshold: Int?
    package var targetsKeys: [String]?
    package var targetsThreshold: Int?
    /// Life of the root.
    package var days: Int

    package init(
        rootKeys: [String]? = nil, rootThreshold: Int? = nil, targetsKeys: [String]? = nil,
        targetsThreshold: Int? = nil,
        days: Int = 365
    ) {
        self.rootKeys = rootKeys
        self.rootThreshold = rootThreshold
        self.targetsKeys = targetsKeys
        self.targetsThreshold = targetsThreshold
        self.days = days
    }

    package typealias Answer = ProposedMetadata

    package func perform(in house: House, as principal: Principal) async throws -> Answer {
        try MetadataDays.demand(days, atMost: 3650)
        let named = (try Self.keys(rootKeys), try Self.keys(targetsKeys))
        let own = try await UpdateKeys.complete(house)
        return try await house.change(as: principal) { change in
            let present = try UpdateCompositions.root(in: change.rows)
            let root = try Self.signers(named.0, rootThreshold, present?.root, for: "root")
            let targets = try Self.signers(named.1, targetsThreshold, present?.targets, for: "targets")
            let online = [own.snapshot.keyid, own.timestamp.keyid]
            guard online.allSatisfy({ !root.keyids.contains($0) && !targets.keyids.contains($0) }) else {
                throw Refusal(
                    .conflict, "A key of the house itself is to sign the root or the targets.",
                    hint: "Use keys that are kept away from the server.")
            }
            let role = RootRole(
                version: (present?.version ?? 0) + 1, expires: change.now.adding(days: Int64(days)), root: root,
                timestamp: Signers([own.timestamp], threshold: 1), snapshot: Signers([own.snapshot], threshold: 1),
                targets: targets)
            return try ProposedMetadata(MetadataDraft(role), in: change)
        }
    }

    private static func keys(_ texts: [String]?) throws -> [MetadataKey]? {
        try texts?.map { text in
            guard text.utf8.count <= 4096, let spki = Base64.decode(text) else {
                throw Refusal(
                    .malformed, "A public key is not Base64 of a SubjectPublicKeyInfo.",
                    hint: "Send the DER of the key's PEM.")
            }
            return try MetadataKey(spki: spki)
        }
    }

    private static func signers(
        _ keys: [MetadataKey]?, _ threshold: Int?, _ present: Signers?, for role: String
    ) throws(Refusal) -> Signers {
        if keys == nil, threshold == nil, let present { return present }
        let next = keys.map {
            Signers($0, threshold: threshold ?? present?.threshold ?? UpdateSigner.smallestThreshold)
        }
        guard let signers = next ?? present?.with(threshold: threshold) else {
            throw Refusal(
                .malformed, "The first root has to name the keys that sign for \(role).",
                hint: "Name them: lifelong tuf root draft --root-key … --targets-key …")
        }
        try MetadataThreshold.demand(signers, for: role)
        return signers
    }
}

/// What was proposed: its name is what people sign.
package struct ProposedMetadata: Codable, Sendable, Equatable {
    /// SHA-256 of exactly what is signed.
    package var draft: Digest
    package var role: String
    package var version: Int

    init(_ draft: MetadataDraft, in change: Change) throws {
        self.draft = try UpdateDraft.propose(draft, in: change)
        role = draft.role
        version = draft.version
    }
}

enum MetadataDays {
    static func demand(_ days: Int, atMost most: Int) throws(Refusal) {
        guard (1...most).contains(days) else {
            throw Refusal(.malformed, "A life of \(days) days is out of range.", hint: "Use 1 to \(most) days.")
        }
    }
}

enum MetadataThreshold {
    /// No one person, and no one stolen key, speaks for a role; and no role is beyond those who sign for it.
    static func demand(_ signers: Signers, for role: String) throws(Refusal) {
        let keys = Set(signers.keyids).count
        guard keys == signers.keyids.count, keys <= UpdateSigner.limit,
            signers.threshold >= UpdateSigner.smallestThreshold, signers.threshold <= keys
        else {
            throw Refusal(
                .conflict, "\(signers.threshold) of \(keys) different keys cannot sign for \(role).",
                hint: """
                    Use a threshold from \(UpdateSigner.smallestThreshold) up to the number of different keys, and at most \
                    \(UpdateSigner.limit) keys.
                    """, rule: "release: two persons")
        }
    }
}
