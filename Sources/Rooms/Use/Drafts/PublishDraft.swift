import Passport
import Registry
import Store
import Wire

/// A draft becomes the next release of its product, for the product's hardware; what may not be published so is refused as by
/// `PublishRelease`.
package struct PublishDraft: Ceremony {
    package static let name = "use/publish-draft"
    package static let permission = Permission.publish

    package var draft: Int64
    package init(draft: Int64) { self.draft = draft }

    package typealias Answer = PublishRelease.Answer

    package func perform(in house: House, as principal: Principal) async throws -> Answer {
        let release = try await house.read { rows in
            let draft = try ReleaseDraft.require(self.draft, in: rows)
            try draft.demandOpen(in: rows)
            guard let artifact = draft.artifact else {
                throw Refusal(
                    .conflict, "The draft \(draft.id) has no artifact.", hint: "Upload and attach it first.",
                    rule: "release: one artifact")
            }
            guard
                let product = try rows.first("SELECT hardware FROM product WHERE id = $1", [Value(draft.product)])
            else { throw Row.damaged("product") }
            return PublishRelease(
                product: draft.product, sequence: try StoredRelease.newest(of: draft.product, in: rows) + 1,
                version: draft.version, hardware: [try product.text("hardware")], sha256: artifact.sha256,
                size: artifact.size)
        }
        return try await release.perform(in: house, as: principal)
    }
}
