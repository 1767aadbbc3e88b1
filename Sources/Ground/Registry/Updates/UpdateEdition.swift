import Keys
import Store
import TUF
import Trust
import Wire

/// The house's own share of a state of the repository: snapshot and timestamp, signed by keys that are at hand.
enum UpdateEdition {
    /// A client that was shown nothing newer for so long knows that it is being held back.
    static let timestampSeconds: Int64 = 24 * 3600
    /// Signed anew so long before the end: every 6 hours.
    static let timestampRenewalSeconds: Int64 = 18 * 3600
    static let snapshotDays: Int64 = 7
    static let snapshotRenewalSeconds: Int64 = 4 * 86_400

    /// The root that holds once these are published.
    static func root(_ approved: [MetadataDraft], _ state: PublishedUpdates) throws -> RootRole? {
        guard let draft = approved.first(where: { $0.role == RootRole.type }) else { return try state.root() }
        return try MetadataRefusal.explained { () throws(MetadataRefusal) in try draft.root() }
    }

    /// Snapshot, where there is something new, and timestamp; nothing as long as there are no top-level targets.
    static func make(
        _ approved: [MetadataDraft], after state: PublishedUpdates, at now: Timestamp, in house: House
    ) async throws -> [MetadataDraft] {
        let listed = approved.filter { $0.role != RootRole.type }
        guard let root = try Self.root(approved, state),
            state.version(of: TargetsRole.type) > 0 || listed.contains(where: { $0.role == TargetsRole.type })
        else { return [] }
        let (before, present) = try previous(state)
        var edition: [MetadataDraft] = []
        var listing = present?.snapshot
        // A new root may have taken the snapshot's keys away, or come after it ended.
        let isStale =
            try state.draft(SnapshotRole.type).map {
                $0.missing(of: root.snapshot) > 0 || $0.expires.seconds(since: now) <= snapshotRenewalSeconds
            } ?? true
        if isStale || !listed.isEmpty || listing == nil {
            let next = Edition.snapshot(after: before, with: listed, expires: now.adding(days: snapshotDays))
            let signed = try await sign(MetadataDraft(next), by: .snapshot, root.snapshot, in: house)
            edition.append(signed)
            listing = Edition.listing(signed)
        }
        guard let listing else { return [] }
        let next = Edition.timestamp(after: present, of: listing, expires: now.adding(seconds: timestampSeconds))
        edition.append(try await sign(MetadataDraft(next), by: .timestamp, root.timestamp, in: house))
        return edition
    }

    private static func previous(_ state: PublishedUpdates) throws -> (SnapshotRole?, TimestampRole?) {
        let (snapshot, timestamp) = (try state.draft(SnapshotRole.type), try state.draft(TimestampRole.type))
        return try MetadataRefusal.explained { () throws(MetadataRefusal) in
            (try snapshot?.snapshot(), try timestamp?.timestamp())
        }
    }

    /// By those keys of the role that the root names: a key that succeeded them signs once a root names it.
    private static func sign(
        _ draft: MetadataDraft, by role: KeyRole, _ signers: Signers, in house: House
    ) async throws -> MetadataDraft {
        let labels = try await house.read { try KeyRole.labels(in: $0)[role] ?? [] }
        return try await house.keys.apart {
            var draft = draft
            // One that was succeeded may be away.
            for label in labels where draft.missing(of: signers) > 0 {
                guard let key = try? house.keys.require(label),
                    signers.keyids.contains(try MetadataKey(spki: key.publicKeyDER).keyid)
                else { continue }
                try draft.sign(with: key)
            }
            guard draft.missing(of: signers) == 0 else {
                throw Refusal(
                    .conflict, "The root names no key for \(role.rawValue) that this house has at hand.",
                    hint: "See to its key store, or publish a root that names the house's own: lifelong tuf root draft")
            }
            return draft
        }
    }

    /// Goes up the whole ladder over what would be published, as a device with the first root does, and looks for all that is new.
    static func rehearse(
        _ next: [MetadataDraft], over state: PublishedUpdates, at now: Timestamp
    ) throws(Refusal) {
        let files = state.files(with: next)
        guard files[MetadataRequest.localName(of: TimestampRole.type)] != nil,
            let oldest = state.roots.first ?? next.first(where: { $0.role == RootRole.type })?.document
        else { return }
        do throws(MetadataRefusal) {
            let repository = try Edition.rehearse(files, trusted: oldest, at: now)
            for path in try paths(next, state) { try look(for: path, in: repository, files) }
        } catch {
            throw Refusal(
                .conflict, "Devices would refuse this state. \(error.refusal.detail)",
                hint:
                    "Publish with it what it needs, such as the documents that new keys signed, or a root that has not expired.",
                rule: error.refusal.rule)
        }
    }

    private static func look(
        for path: Path, in repository: TrustedRepository, _ files: [String: [UInt8]]
    ) throws(MetadataRefusal) {
        let found: FoundTarget?
        do throws(MetadataRefusal) { found = try Edition.find(path.text, in: repository, files) } catch {
            // Another layer's document that ran out is no fault of these.
            if !path.isListed, case .expired = error.reason { return }
            throw error
        }
        guard !path.isListed || found?.role == path.role else {
            throw MetadataRefusal(path.role, "5.6.7", .notInSnapshot)
        }
    }

    private struct Path {
        let role: String
        let text: String
        /// A target; otherwise a path that only leads through the documents that speak for it.
        let isListed: Bool
    }

    /// No layer can have this name.
    private static let anyLayer = "~"

    /// Every target of a layer that is new; and one way through each layer whose delegation may have changed.
    private static func paths(_ next: [MetadataDraft], _ state: PublishedUpdates) throws(MetadataRefusal) -> [Path] {
        let changed = Set(next.map(\.role))
        var paths: [Path] = []
        for draft in next where ReleaseLayout.place(of: draft.role)?.layer != nil {
            paths += try draft.targets().targets.keys.sorted().map { Path(role: draft.role, text: $0, isListed: true) }
        }
        for role in changed.union(state.newest.keys).sorted() {
            guard let place = ReleaseLayout.place(of: role),
                changed.contains(role) || changed.contains(TargetsRole.type)
                    || changed.contains(ReleaseLayout.role(of: place.product))
            else { continue }
            let text = ReleaseLayout.path(place.product, layer: place.layer ?? anyLayer, file: "any")
            paths.append(Path(role: role, text: text, isListed: false))
        }
        return paths
    }
}
