import Registry
import TUF
import Wire

/// A key may sign for a product or one of its layers. Devices hear of it with the next `DelegateUpdates`.
package struct AddSigner: Action {
    package static let name = "use/add-signer"
    package static let permission = Permission.administer

    package var product: ProductID
    /// Left out: the product itself, which says who signs for its layers.
    package var layer: String?
    /// Name of the person whose key it is.
    package var person: String
    /// Base64 of its SubjectPublicKeyInfo.
    package var key: String
    /// Whether the key was made in a PKCS#11 token, and cannot leave it.
    package var inToken: Bool

    package init(product: ProductID, layer: String? = nil, person: String, key: String, inToken: Bool) {
        self.product = product
        self.layer = layer
        self.person = person
        self.key = key
        self.inToken = inToken
    }

    package struct Answer: Codable, Sendable, Equatable {
        /// The key's name in update metadata.
        package var key: Digest
    }

    package func perform(in change: Change) throws -> Answer {
        guard key.utf8.count <= 4096, let spki = Base64.decode(key) else {
            throw Refusal(.malformed, "The key is not Base64.", hint: "Send the DER of the key's PEM as Base64.")
        }
        let role = try UpdateRole.name(product, layer, in: change.rows)
        let added = try UpdateSigner.add(spki, of: person, for: role, inToken: inToken, in: change)
        return Answer(key: UpdateSigner.digest(added))
    }
}
