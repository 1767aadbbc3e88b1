import Hummingbird
import Passport
import Registry
import Use
import Wire

/// One release: who answers for it, what admission says of it, what it is made of, what changed, and where it went.
extension Console {
    func release(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        let name = try Self.part("release", context)
        let detail = try await reading.release(name, as: session.principal)
        let wanted = Self.query("component", request)
        var parts: ReleaseComponents?
        if detail.materials != nil {
            parts = try await reading.components(
                of: name, matching: wanted, limit: Reading.pageLimit, as: session.principal)
        }
        let made = parts
        let now = house.clock()
        let release = detail.release
        let title = "Release \(release.sequence) of \(release.product)"
        return Page(title, in: .releases, for: session) {
            pageHead(title, lead: Self.lead(detail), crumb: link(Place("/releases"), "Releases")) {
                Self.state(release)
            }
            if let draft = Self.query("proposed", request).flatMap({ Digest(hex: $0) }) { Self.proposed(draft) }
            card("Release", id: "release") { facts(detail, now: now) }
            card("Signatures", id: "signatures", lead: Self.whoAnswers(detail)) { signatures(detail, now: now) }
            card(
                "Admission", id: "admission",
                lead:
                    "Asked again for this page: by what the product asks today, of the files as they are in the store."
            ) { checks(detail.checks) }
            if let made, let materials = detail.materials { components(made, materials, name, wanted) }
            if let difference = detail.difference { differences(difference, of: release) }
            card("Files", id: "files", lead: "By their SHA-256 in the artifact store.") { files(detail.artifacts) }
            card("Rollouts", id: "rollouts") { ways(detail, now: now) }
            if release.isOffered, Access.allows(WithdrawRelease.permission, session.principal) {
                card("Actions", id: "actions") {
                    link(Place("/releases", name, "withdraw"), .class("button final")) { "Withdraw the release…" }
                }
            }
        }.response
    }

    private static func lead(_ detail: ReleaseDetail) -> String {
        let release = detail.release
        let layer = release.layer.map { ", layer \($0)" } ?? ""
        let state = release.isOffered ? "" : " It was withdrawn: nobody is offered it any more."
        return "Version \(release.version)\(layer); "
            + "\(counted(release.running ?? 0, "device runs", "devices run")) it.\(state)"
    }

    private func facts(_ detail: ReleaseDetail, now: Timestamp) -> HTML {
        func any(_ versions: [String]) -> HTML { .text(versions.isEmpty ? "any" : versions.joined(separator: ", ")) }
        let release = detail.release
        var rows: [(name: String, value: HTML)] = [
            ("Published", Times.element(release.publishedAt, now: now)),
            ("Devices that run it", Self.running(release)),
            ("Hardware", .text(release.hardware.joined(separator: ", "))),
            ("May follow", any(detail.from)), ("Bootloader", any(detail.bootloader)), ("Network", any(detail.network)),
            ("Way back", .text(detail.mayReturnTo.map { "to release \($0), by its signed manifest" } ?? "none")),
            (
                "Travels",
                .text(
                    release.encryption.map { "encrypted (\($0)), opened by the device alone" } ?? "as it is installed")
            ),
            ("Name", tag("code", text: release.release.description)),
        ]
        if let person = release.publishedBy { rows.insert(("Published by", .text(person)), at: 1) }
        if let target = detail.target { rows.append(("In update metadata", tag("code", text: target))) }
        return Pieces.facts(rows)
    }

    private static func whoAnswers(_ detail: ReleaseDetail) -> String {
        detail.target == nil
            ? "The house's release key sealed it; its product has no update metadata, so nobody else had to sign."
            : "Who signed the document that brought it. The house's release key sealed its manifest after that."
    }

    private func signatures(_ detail: ReleaseDetail, now: Timestamp) -> HTML {
        Pieces.table("Signatures", columns: ["Who", "Key", "In a token", "When"]) {
            for signature in detail.signatures {
                tag("tr") {
                    tag("td", .class("nowrap")) { signature.person ?? "somebody who is no more registered" }
                    tag("td") { Pieces.short(signature.key.description, to: 16) }
                    tag("td") { signature.isInToken.map { $0 ? "yes" : "no" } ?? "unknown" }
                    tag("td") { Times.element(signature.at, now: now) }
                }
            }
            tag("tr") {
                tag("td", .class("nowrap")) { "the house's release key" }
                tag("td") { detail.sealedBy.map { Pieces.short($0, to: 16) } ?? Self.none }
                tag("td") { Self.none }
                tag("td") { Times.element(detail.release.publishedAt, now: now) }
            }
        }
    }

    private func checks(_ checks: [ReleaseDetail.Check]) -> HTML {
        Pieces.table("Rules of admission", columns: ["Rule", "Result", "Why"]) {
            for check in checks {
                tag("tr") {
                    tag("td", .class("nowrap")) { tag("code", text: check.rule) }
                    tag("td") { check.isPassed ? Self.chip("passed", "chip good") : Self.chip("refused", "chip bad") }
                    tag("td", .class("long"), text: check.detail)
                }
            }
        }
    }

    private func files(_ files: [ReleaseDetail.Artifact]) -> HTML {
        Pieces.table("Files", columns: ["File", "SHA-256", "Bytes", "In the store"], numbers: [2]) {
            for file in files {
                tag("tr") {
                    tag("td", .class("nowrap"), text: file.what)
                    tag("td") { tag("code", text: file.sha256.description) }
                    tag("td", .class("number")) { file.size.map { HTML.text(grouped($0)) } ?? Self.none }
                    tag("td") {
                        if file.isStored {
                            Self.chip("yes", "chip good")
                        } else if file.what == "as installed" {
                            tag("span", .class("quiet"), text: "never: devices decrypt it")
                        } else {
                            Self.chip("missing", "chip bad")
                        }
                    }
                }
            }
        }
    }

    /// Its rollouts, by the same row as on the page Updates.
    private func ways(_ detail: ReleaseDetail, now: Timestamp) -> HTML {
        if detail.rollouts.isEmpty {
            return Pieces.empty("No rollout of it yet.") {
                "Plan one: "
                tag("code") { "lifelong rollout plan \(detail.release.product) \(detail.release.sequence)" }
            }
        }
        return rolloutTable(detail.rollouts, now: now)
    }

    private static func proposed(_ draft: Digest) -> HTML {
        tag("div", .class("notice done"), Attribute("role", "status")) {
            tag("p") {
                "The layer's next document, without this release, is proposed as "
                tag("code", text: draft.description)
                ". It is offered as before until two persons have signed that and somebody publishes it: "
                tag("code") { "lifelong tuf fetch" }
                ", "
                tag("code") { "sign" }
                ", "
                tag("code") { "submit" }
                ", "
                tag("code") { "publish" }
                "."
            }
        }
    }
}
