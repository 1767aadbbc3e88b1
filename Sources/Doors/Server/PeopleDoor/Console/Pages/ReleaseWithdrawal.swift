import Hummingbird
import Passport
import Registry
import Use
import Wire

/// A release is taken off: at once where the house's seal is all, by a proposal that two persons sign where update metadata names it.
extension Console {
    /// The page that asks first.
    func confirmWithdrawal(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        try Access.demand(WithdrawRelease.permission, of: session.principal)
        let name = try Self.part("release", context)
        let release = try await reading.release(name, as: session.principal).release
        let title = "Withdraw release \(release.sequence) of \(release.product)"
        return Page(title, in: .releases, for: session) {
            tag("div", .class("narrow-page")) {
                pageHead(title, crumb: link(Place("/releases", name), "Release \(release.sequence)"))
                tag("section", .class("card"), .label("Confirm")) {
                    consequence(release)
                    Forms.form(to: Place("/releases", name, "withdraw"), session: session) {
                        Forms.field("confirm", "Type \(release.product) to confirm", more: [.flag("required")])
                        tag("div", .class("row")) {
                            tag("button", .class("final"), .type("submit")) {
                                release.layer == nil ? "Withdraw the release" : "Propose its withdrawal"
                            }
                            link(Place("/releases", name), "Cancel")
                        }
                    }
                }
            }
        }.response
    }

    private func consequence(_ release: ReleaseView) -> HTML {
        group {
            if let layer = release.layer {
                tag("p") {
                    "The next document of the layer \(layer) is proposed without it. Nothing happens before two persons have "
                    "signed that and somebody publishes it; then nobody is offered the release any more, and devices refuse it."
                }
            } else {
                tag("p") {
                    "Nobody is offered it any more, whoever was and has not installed it gets no more bytes, and its rollouts "
                    "stop for ever. \(counted(release.running ?? 0, "device that runs it keeps it", "devices that run it keep it"))."
                }
                tag("p", .class("notice bad")) { "This cannot be undone. Publish it again under a higher number." }
            }
        }
    }

    func withdrawRelease(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        let who = session.principal
        try Access.demand(WithdrawRelease.permission, of: who)
        let name = try Self.part("release", context)
        let release = try await reading.release(name, as: who).release
        let (here, confirm) = (Place("/releases", name), context.form?["confirm"] ?? "")
        guard let layer = release.layer else {
            _ = try await house.perform(
                WithdrawRelease(product: release.product, sequence: release.sequence, confirm: confirm), as: who)
            return Self.back(to: here)
        }
        try WithdrawRelease.demand(confirm, for: release.product)
        let proposal = ProposeRelease(
            product: release.product, layer: layer, release: nil, withdraws: [release.sequence])
        let draft = try await house.perform(proposal, as: who).draft
        return Self.back(to: here.with("proposed", draft.description))
    }
}
