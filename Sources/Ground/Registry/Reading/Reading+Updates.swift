import Passport
import Store
import TUF
import Wire

extension Reading {
    /// What is published, who signs, and what waits for signatures.
    package func updateMetadata(as principal: Principal) async throws -> UpdateMetadataView {
        try Access.demand(.readFleet, of: principal)
        let now = house.clock()
        return try await house.read { rows in
            let state = try PublishedUpdates(rows)
            let drafts = try UpdateDraft.open(at: now, versions: state.versions, limit: Self.listLimit, in: rows)
            return UpdateMetadataView(
                roles: try Self.updateRoles(state, in: rows), drafts: try drafts.map { try Self.view($0, in: rows) })
        }
    }

    /// One draft with its bytes.
    package func updateDraft(_ name: String, as principal: Principal) async throws -> UpdateDraftView {
        try Access.demand(.readFleet, of: principal)
        guard name.utf8.count == 64, let content = Digest(hex: name) else {
            throw Refusal(
                .malformed, "\"\(name.prefix(80))\" is no SHA-256.", hint: "Use 64 hexadecimal digits.")
        }
        return try await house.read { rows in
            let draft = try UpdateDraft.require(content, in: rows)
            var view = try Self.view(draft, in: rows)
            view.document = String(decoding: try draft.signed().document, as: UTF8.self)
            return view
        }
    }

    private static func view(_ draft: UpdateDraft, in rows: any Rows) throws -> UpdateDraftView {
        UpdateDraftView(
            draft: draft.content, role: draft.role, version: draft.version,
            proposedBy: try name(of: draft.proposer, in: rows), proposedAt: draft.at, expires: draft.expires,
            signatures: try draft.signatures.map { signature in
                UpdateDraftView.Signature(
                    key: UpdateSigner.digest(signature.key), person: try name(of: signature.person, in: rows),
                    at: signature.at)
            })
    }

    static func name(of person: PersonID?, in rows: any Rows) throws -> String? {
        guard let person else { return nil }
        return try rows.first("SELECT name FROM person WHERE id = $1", [Value(person)])?.text("name")
    }

    private static func updateRoles(_ state: PublishedUpdates, in rows: any Rows) throws -> [UpdateRoleView] {
        let registered = try rows.query("SELECT DISTINCT role FROM tuf_signer WHERE removed_at IS NULL").map {
            try $0.text("role")
        }
        let top = [RootRole.type, TargetsRole.type, SnapshotRole.type, TimestampRole.type]
        let others = Set(registered).union(state.versions.keys).subtracting(top).sorted()
        let root = try state.root()
        // Nothing at all before the first root.
        let shown = (root == nil ? [] : top) + others
        return try shown.map { role in
            let above: Signers? =
                switch role {
                case RootRole.type: root?.root
                case TargetsRole.type: root?.targets
                case SnapshotRole.type: root?.snapshot
                case TimestampRole.type: root?.timestamp
                default:
                    try ReleaseLayout.delegator(of: role).flatMap { try state.targets($0) }?.delegations?.roles
                        .first { $0.name == role }?.signers
                }
            let known = try UpdateSigner.all(of: role, in: rows)
            let named = above?.keyids ?? []
            let keys = named + known.keys.filter { !named.contains($0) }.sorted()
            return UpdateRoleView(
                role: role, version: state.version(of: role), expires: try state.draft(role)?.expires,
                threshold: above?.threshold,
                signers: try keys.map { keyid in
                    UpdateRoleView.Signer(
                        key: Digest(hex: keyid) ?? Digest([]), person: try name(of: known[keyid]?.person, in: rows),
                        isInToken: known[keyid]?.isInToken, isPublished: named.contains(keyid))
                })
        }
    }
}
