import Store
import TUF
import Wire

/// Whether drafts may be published together: each is open, unchanged and signed by as many as the role above it demands. For products
/// and layers these are two persons at least, one of them with a key in a token.
enum UpdateApproval {
    /// Drafts of one publication.
    static let limit = 32

    /// - Returns: the signed documents, root and top-level targets first, so that each follows the one that names its signers.
    static func judge(
        _ contents: [Digest], _ state: PublishedUpdates, at now: Timestamp, in rows: any Rows
    ) throws -> [MetadataDraft] {
        guard (1...limit).contains(contents.count) else {
            throw Refusal(.malformed, "\(contents.count) drafts are named.", hint: "Name 1 to \(limit).")
        }
        let drafts = try contents.map { try UpdateDraft.require($0, in: rows) }.sorted { rank($0.role) < rank($1.role) }
        guard Set(drafts.map(\.role)).count == drafts.count else {
            throw Refusal(.conflict, "Two of the drafts are of one role.", hint: "Publish one after the other.")
        }
        var approved: [MetadataDraft] = []
        for draft in drafts {
            try draft.demandOpen(at: now, published: state.version(of: draft.role))
            let signed =
                switch draft.role {
                case RootRole.type: try root(draft, state)
                case TargetsRole.type: try targets(draft, approved, state)
                default: try delegated(draft, approved, state, in: rows)
                }
            guard signed.expires > now else {
                throw Refusal(
                    .gone, "The document of \(draft.role) expired at \(signed.expires).", hint: "Propose it anew.",
                    rule: "TUF 1.0.34 §5.6.5")
            }
            approved.append(signed)
        }
        return approved
    }

    private static func rank(_ role: String) -> Int {
        switch role {
        case RootRole.type: 0
        case TargetsRole.type: 1
        default: ReleaseLayout.place(of: role)?.layer == nil ? 2 : 3
        }
    }

    private static func root(_ draft: UpdateDraft, _ state: PublishedUpdates) throws -> MetadataDraft {
        let signed = try draft.signed()
        let next = try MetadataRefusal.explained { () throws(MetadataRefusal) in try signed.root() }
        if let present = try state.root() { try demand(signed, by: present.root, "root \(present.version)") }
        try demand(signed, by: next.root, "root \(next.version)")
        try MetadataRefusal.explained { () throws(MetadataRefusal) in
            try RootStep.demand(signed.document, after: state.roots.last)
        }
        return signed
    }

    private static func targets(
        _ draft: UpdateDraft, _ approved: [MetadataDraft], _ state: PublishedUpdates
    ) throws -> MetadataDraft {
        let signed = try draft.signed()
        guard let root = try UpdateEdition.root(approved, state) else {
            throw Refusal(
                .conflict, "No root is published, so nobody signs for \(draft.role).",
                hint: "Publish a root first: lifelong tuf root draft")
        }
        try demand(signed, by: root.targets, "root \(root.version)")
        return signed
    }

    private static func delegated(
        _ draft: UpdateDraft, _ approved: [MetadataDraft], _ state: PublishedUpdates, in rows: any Rows
    ) throws -> MetadataDraft {
        let above = ReleaseLayout.delegator(of: draft.role) ?? TargetsRole.type
        let next = approved.first { $0.role == above }
        let content = try MetadataRefusal.explained { () throws(MetadataRefusal) in try next?.targets() }
        let delegator = try content ?? state.targets(above)
        guard let delegation = delegator?.delegations?.roles.first(where: { $0.name == draft.role }) else {
            throw Refusal(
                .conflict, "\(above) does not say yet who signs for \(draft.role).",
                hint: "Propose and sign that first (lifelong tuf delegate); it may be published together with this.",
                rule: "TUF 1.0.34 §4.5")
        }
        // What somebody signed who was removed since, or left, does not count.
        let registered = try UpdateSigner.all(of: draft.role, in: rows)
        let counting = draft.signatures.compactMap { signature -> UpdateSigner? in
            guard let signer = registered[signature.key.keyid], signer.person == signature.person,
                delegation.signers.keyids.contains(signer.key.keyid)
            else { return nil }
            return signer
        }
        let signed = try draft.signed(by: Set(counting.map(\.key.keyid)))
        try demand(signed, by: delegation.signers, above)
        try UpdateSigner.demandEnough(counting, for: "this draft of \(draft.role)")
        if ReleaseLayout.place(of: draft.role)?.layer != nil {
            try UpdateReleases.demand(signed, after: state.targets(draft.role), in: rows)
        }
        return signed
    }

    private static func demand(_ draft: MetadataDraft, by signers: Signers, _ above: String) throws(Refusal) {
        let missing = draft.missing(of: signers)
        guard missing == 0 else {
            throw Refusal(
                .conflict,
                "\(draft.role), version \(draft.version), wants \(missing) more of the \(signers.threshold) signatures that \(above) demands.",
                hint: "Have it signed by others who may: lifelong tuf status", rule: "TUF 1.0.34 §5.3.4, §5.6.3")
        }
    }
}
