import Passport
import Store
import TUF
import Wire

/// From approved drafts to a state of the repository that clients take.
///
/// 1. The drafts are judged. 2. Snapshot and timestamp are made and signed, outside of any transaction, because a key may take its
/// time. 3. The whole is rehearsed as a device with the first root will do it. 4. New releases are judged by what their product demands
/// now, and their manifests are sealed. 5. In one
/// transaction: nothing was published since, the drafts are judged again and are the same; then documents, releases and ledger
/// entries are written, or nothing. Whoever was faster in between,
/// on whichever node, is followed: from 1 again.
package enum UpdatePublication {
    private static let attempts = 4

    package static func publish(_ contents: [Digest], in house: House, as principal: Principal) async throws {
        var forms: [Digest: ArtifactForm] = [:]
        for _ in 0..<attempts {
            let now = try house.time()
            let (state, approved) = try await house.read { rows in
                let state = try PublishedUpdates(rows)
                return (state, try UpdateApproval.judge(contents, state, at: now, in: rows))
            }
            let edition = try await UpdateEdition.make(approved, after: state, at: now, in: house)
            try UpdateEdition.rehearse(approved + edition, over: state, at: now)
            let manifests = try await UpdateManifests.make(
                approved, after: state, at: now, in: house, reading: &forms)
            let isDone = try await house.change(as: principal) { change in
                guard try UpdateDocuments.versions(in: change.rows) == state.versions,
                    try UpdateApproval.judge(contents, state, at: change.now, in: change.rows) == approved
                else { return false }
                for draft in approved + edition { try UpdateDocuments.add(draft, at: change.now, in: change.rows) }
                for draft in approved {
                    try UpdateReleases.note(draft, in: change.rows)
                    try change.record(
                        .updateMetadataPublished(
                            role: draft.role, version: draft.version, content: draft.contentDigest))
                }
                try manifests.store(in: change)
                return true
            }
            if isDone { return }
        }
        throw Refusal(
            .unavailable, "Update metadata is being published by others at this moment.", hint: "Try again.",
            retryAfterSeconds: 2)
    }
}
