import HTTPTypes
import Hummingbird
import Passport
import Registry
import Store
import Use
import Wire

/// Software modules: drafts of releases, and releases. A module's name is its product.
extension Management {
    /// A module: a draft, or what was published.
    enum Software: Sendable {
        case draft(ReleaseDraft)
        case release(Reading.NumberedRelease, ReleaseDraft?)

        /// The number under which it was begun, if it was, else that of its publication.
        var id: Int64 {
            switch self {
            case .draft(let draft): draft.id
            case .release(let release, let draft): draft?.id ?? release.number
            }
        }
        var product: ProductID {
            switch self {
            case .draft(let draft): draft.product
            case .release(let release, _): release.product
            }
        }
        var version: String {
            switch self {
            case .draft(let draft): draft.version
            case .release(let release, _): release.version
            }
        }
        var kind: String {
            switch self {
            case .draft(let draft): draft.kind
            case .release(_, let draft): draft?.kind ?? "os"
            }
        }
        var at: Timestamp {
            switch self {
            case .draft(let draft): draft.at
            case .release(let release, let draft): draft?.at ?? release.publishedAt
            }
        }
        /// Name, SHA-256 and size of its file.
        var file: (name: String, sha256: Wire.Digest, size: Int)? {
            switch self {
            case .draft(let draft): draft.artifact.map { (name: $0.file, sha256: $0.sha256, size: $0.size) }
            case .release(let release, let draft):
                (
                    name: draft?.artifact?.file ?? "\(release.product)-\(release.sequence)", sha256: release.sha256,
                    size: release.size
                )
            }
        }
    }

    var modules: [PeopleRoute] {
        let path = "/softwaremodules"
        return [
            route(
                .get, path, "Drafts of releases, and releases, as software modules.", needs: [.readFleet],
                query: Paging.filtered, reply: "HawkBitModulePage"
            ) { call in
                let paging = try Paging(call.query, sortedBy: ["id"], descending: false)
                let all = try await software(as: call).filter(try Self.filter(call)).sorted {
                    paging.descending ? $0.id > $1.id : $0.id < $1.id
                }
                return paging.page(of: all) { show($0, call) }
            },
            route(
                .post, path, "Begins a release; its bytes come later.", needs: [.publish], request: "HawkBitModules",
                reply: "HawkBitModuleList", status: 201
            ) { call in
                let asked = try Self.one(of: try await call.body([ManagementModule].self))
                guard asked.encrypted != true else {
                    throw Self.refuse(
                        "A module is not encrypted by the server.",
                        "Encrypt it before: lifelong release publish --encrypt")
                }
                let draft = try await house.perform(
                    DraftRelease(product: asked.name, version: asked.version, kind: asked.type), as: call.principal
                ).draft
                return [show(try await software(draft), call)]
            },
            route(.get, path + "/{module}", "One module.", needs: [.readFleet], reply: "HawkBitModule") { call in
                show(try await software(call.number("module")), call)
            },
            route(
                .delete, path + "/{module}", "Gives up a draft.", needs: [.publish], reply: "none", status: 204
            ) { call in
                let module = try await software(call.number("module"))
                guard case .draft(let draft) = module else { throw Self.published }
                _ = try await house.perform(DropDraft(draft: draft.id), as: call.principal)
                return nil
            },
        ]
    }

    static var published: Refusal {
        refuse(
            "What was published stays published.",
            "Take it back from devices (DELETE of their actions, or lifelong rollout stop), or off update metadata: lifelong tuf "
                + "propose --withdraw")
    }

    /// Lists of one: each is an act of its own, and what is half done is hard to mend.
    static func one<T>(of list: [T]) throws(Refusal) -> T {
        guard list.count == 1, let first = list.first else {
            throw Refusal(
                .malformed, "The list has \(list.count) elements.", hint: "Send them one by one, each in a list.")
        }
        return first
    }

    static func filter(_ call: Call) throws -> (Software) -> Bool {
        guard let text = call.query.text("q") else { return { _ in true } }
        let asked = try RSQL(text, fields: ["id", "name", "version", "type"])
        return { module in
            asked.comparisons.allSatisfy { comparison in
                switch comparison.field {
                case "id": comparison.holds("\(module.id)")
                case "name": comparison.holds(module.product.text)
                case "version": comparison.holds(module.version)
                default: comparison.holds(module.kind)
                }
            }
        }
    }

    // MARK: - Finding

    private func software(as call: Call) async throws -> [Software] {
        let releases = try await door.reading.numberedReleases(as: call.principal)
        return try await house.read { rows in
            let drafts = try ReleaseDraft.all(in: rows).filter { try $0.release(in: rows) == nil }
            return try drafts.map { Software.draft($0) } + releases.map { try Self.software($0, in: rows) }
        }
    }

    func software(_ id: Int64) async throws -> Software {
        try await house.read { rows in
            if let draft = try ReleaseDraft.find(id, in: rows) {
                guard let digest = try draft.release(in: rows), let release = try Reading.number(of: digest, in: rows)
                else { return .draft(draft) }
                return .release(release, draft)
            }
            guard let release = try Reading.release(number: id, in: rows) else {
                throw Refusal(
                    .notFound, "There is no software module \(id).", hint: "List them: GET /rest/v1/softwaremodules")
            }
            return try Self.software(release, in: rows)
        }
    }

    static func software(_ release: Reading.NumberedRelease, in rows: any Rows) throws -> Software {
        .release(
            release, try ReleaseDraft.origin(of: release.product, release.version, release.sha256, in: rows))
    }

    func show(_ module: Software, _ call: Call) -> Document.Module {
        let path = "/softwaremodules/\(module.id)"
        return Document.Module(
            id: module.id, name: module.product.text, version: module.version, type: module.kind,
            createdAt: module.at.milliseconds, complete: module.file != nil,
            _links: ["self": call.link(path), "artifacts": call.link(path + "/artifacts")])
    }
}
