import Registry
import Wire

/// A key signs no more for a product or layer: what it signed and is not published does not count. Devices hear of it with the next
/// `DelegateUpdates`.
package struct RemoveSigner: Action {
    package static let name = "use/remove-signer"
    package static let permission = Permission.administer

    package var product: ProductID
    package var layer: String?
    /// The key's name in update metadata.
    package var key: Digest

    package init(product: ProductID, layer: String? = nil, key: Digest) {
        self.product = product
        self.layer = layer
        self.key = key
    }

    package func perform(in change: Change) throws -> Done {
        try UpdateSigner.remove(key, of: UpdateRole.name(product, layer, in: change.rows), in: change)
        return Done()
    }
}
