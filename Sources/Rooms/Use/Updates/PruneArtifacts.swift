import Passport
import Registry
import Store
import Wire

/// Removes the artifacts that nobody may want any more, and says of the others why they stay (docs/operating.md).
///
/// 1. What is needed is read, beside everything else. 2. In one transaction it is asked whether that changed, and what goes is
/// written down, in the ledger too; from then on nothing is published or offered with it. 3. The bytes go. 4. That is written down.
/// Whoever is killed behind 2. leaves what the next one does.
package struct PruneArtifacts: Ceremony {
    package static let name = "use/prune-artifacts"
    package static let permission = Permission.administer
    /// Artifacts that go in one call, and that are told of in one answer.
    package static let limit = 500

    /// Everything that was published or uploaded stays so many days; 30 if left out.
    package var keepDays: Int?
    /// So many of the newest releases of each layer stay; 2 if left out.
    package var keepReleases: Int?
    /// Nothing is removed; the answer says what would be. Never left out: who forgets it removes nothing.
    package var dryRun: Bool

    package init(keepDays: Int? = nil, keepReleases: Int? = nil, dryRun: Bool) {
        self.keepDays = keepDays
        self.keepReleases = keepReleases
        self.dryRun = dryRun
    }

    package struct Piece: Codable, Sendable, Equatable {
        package var artifact: Digest
        package var size: Int
        /// "thermostat-2 7"
        package var releases: [String]
        package var why: String
    }

    package struct Answer: Codable, Sendable, Equatable {
        /// At most `limit`, the largest first, and so below.
        package var removed: [Piece]
        package var kept: [Piece]
        /// Of all that are removed or kept, told of or not.
        package var removedCount: Int
        package var removedBytes: Int
        package var keptCount: Int
        package var keptBytes: Int
        /// Call again: not everything that may go is gone.
        package var more: Bool
    }

    /// The fleet may change what is needed while it is looked at.
    private static let mostTries = 8

    package func perform(in house: House, as principal: Principal) async throws -> Answer {
        let (days, releases) = (keepDays ?? 30, keepReleases ?? 2)
        guard (0...36_500).contains(days), (1...1000).contains(releases) else {
            throw Refusal(
                .malformed, "keepDays or keepReleases is out of range.",
                hint: "Use 0 to 36500 days, and 1 to 1000 releases.")
        }
        let terms = ArtifactNeeds.Terms(days: Int64(days), releases: releases)
        let store = house.artifacts
        for _ in 0..<Self.mostTries {
            // 1. The bytes first: what is uploaded later is not on the list.
            let sizes = try store.sizes()
            let needs = try await ArtifactNeeds.read(terms, in: house)
            let plan = Plan(sizes, needs)
            if dryRun { return plan.answer }
            let lock = try store.lock(to: .remove)
            defer { withExtendedLifetime(lock) {} }
            // 2.
            guard let marked = try await Self.mark(plan, needs, in: house, as: principal) else { continue }
            // 3. and 4.
            let removed = try await ArtifactRecords.remove(
                marked.artifacts, markedAt: marked.at, from: store, in: house, as: principal)
            return plan.answer(for: Set(removed))
        }
        throw Refusal(
            .unavailable, "What is needed changed while it was looked at, \(Self.mostTries) times.",
            hint: "Try again when less is published and offered.", retryAfterSeconds: 60)
    }

    private struct Marked: Sendable {
        var artifacts: [Digest]
        var at: Timestamp
    }

    /// Nil if it has to be looked at anew.
    private static func mark(
        _ plan: Plan, _ needs: ArtifactNeeds, in house: House, as principal: Principal
    ) async throws -> Marked? {
        guard !plan.changesNothing else { return Marked(artifacts: [], at: needs.at) }
        // Most of what happened since is read here, and little in the transaction, while which nobody else writes.
        let caughtUp = try await house.read { rows -> ArtifactNeeds? in
            var needs = needs
            return try needs.isStale(in: rows) ? nil : needs
        }
        guard let caughtUp else { return nil }
        return try await house.change(as: principal) { change -> Marked? in
            var needs = caughtUp
            guard try !needs.isStale(in: change.rows) else { return nil }
            try ArtifactRecords.notice(plan.unseen, in: change)
            try ArtifactRecords.settle(plan.gone, in: change)
            let limit = needs.limit(at: change.now)
            let marked = try plan.going.prefix(Self.limit).filter {
                try ArtifactRecords.mark($0.artifact, of: $0.size, uploadedBefore: limit, in: change)
            }
            return Marked(artifacts: marked.map(\.artifact), at: change.now)
        }
    }
}

/// What becomes of each artifact that is there.
private struct Plan: Sendable {
    typealias Piece = PruneArtifacts.Piece
    /// The largest first.
    private(set) var going: [Piece] = []
    private var staying: [Piece] = []
    /// Nobody is known to have uploaded them: their days begin now.
    private(set) var unseen: [Digest] = []
    /// Whose removal was written down, and which are not there: it was done.
    private(set) var gone: [Digest] = []
    var changesNothing: Bool { going.isEmpty && unseen.isEmpty && gone.isEmpty }

    init(_ sizes: [Digest: Int], _ needs: ArtifactNeeds) {
        for (artifact, size) in sizes {
            let (releases, record) = (needs.releases[artifact] ?? [], needs.records[artifact])
            var why = needs.reasons[artifact]?.joined(separator: "; ")
            if why == nil, releases.isEmpty, record == nil {
                unseen.append(artifact)
                why = "of no release, and not seen before: its days begin now"
            }
            if why == nil, record?.isUnderWay(at: needs.at) == true { why = "it is being removed just now" }
            let left = releases.isEmpty ? "of no release" : "nothing needs it any more"
            let piece = Piece(artifact: artifact, size: size, releases: releases, why: why ?? left)
            if why == nil { going.append(piece) } else { staying.append(piece) }
        }
        for (artifact, record) in needs.records
        where sizes[artifact] == nil && record.state == .removing && !record.isUnderWay(at: needs.at) {
            gone.append(artifact)
        }
        func isBefore(_ one: Piece, _ other: Piece) -> Bool {
            (other.size, one.artifact.description) < (one.size, other.artifact.description)
        }
        going.sort(by: isBefore)
        staying.sort(by: isBefore)
    }

    /// What would be done, if nobody stopped in between.
    var answer: PruneArtifacts.Answer {
        let most = PruneArtifacts.limit
        return PruneArtifacts.Answer(
            removed: Array(going.prefix(most)), kept: Array(staying.prefix(most)), removedCount: going.count,
            removedBytes: going.reduce(0) { $0 + $1.size }, keptCount: staying.count,
            keptBytes: staying.reduce(0) { $0 + $1.size }, more: false)
    }

    /// What was done.
    func answer(for removed: Set<Digest>) -> PruneArtifacts.Answer {
        var answer = self.answer
        answer.removed = going.filter { removed.contains($0.artifact) }
        answer.removedCount = removed.count
        answer.removedBytes = answer.removed.reduce(0) { $0 + $1.size }
        answer.more = removed.count < going.count
        return answer
    }
}
