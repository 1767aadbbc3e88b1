import Registry
import Wire

/// Drafts that have their signatures are published together, with the snapshot and timestamp that the house makes for them.
///
/// Several at once where one needs the other: new signers of a layer, and the layer's document that they signed. Its steps are those
/// of `UpdatePublication`.
package struct PublishMetadata: Ceremony {
    package static let name = "use/publish-metadata"
    package static let permission = Permission.publish

    package var drafts: [Digest]
    package init(drafts: [Digest]) { self.drafts = drafts }

    package typealias Answer = Done

    package func perform(in house: House, as principal: Principal) async throws -> Done {
        try await UpdatePublication.publish(drafts, in: house, as: principal)
        return Done()
    }
}
