import Wire

/// How the releases of a service are laid out: the top-level targets trust a role a product for that product's paths alone, and a
/// product's role trusts a role a layer (operating system, application, network module), each with signers of its own.
///
/// Paths are "PRODUCT/LAYER/FILE". Both delegations are terminating: nobody else is asked about a product, or about its layer.
package enum ReleaseLayout {
    /// A layer's name: lower-case letters, digits and "-", at most 32.
    package static func layer(_ text: String) throws(Refusal) -> String {
        let isPlain = text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
        guard isPlain, (1...32).contains(text.utf8.count) else {
            throw Refusal(
                .malformed, "\"\(text.prefix(40))\" is no name of a layer.",
                hint: "Use lower-case letters, digits and \"-\", like \"os\" or \"network\".", rule: "release: layer")
        }
        return text
    }

    /// "product~thermostat-2": never a top-level role's name, whatever a product is called; no product has a "~".
    package static func role(of product: ProductID) -> String { "product~\(product.text)" }
    /// "product~thermostat-2~os".
    package static func role(of product: ProductID, layer: String) -> String { "\(role(of: product))~\(layer)" }

    /// What a role of this layout speaks for; nil for any other role.
    package static func place(of role: String) -> (product: ProductID, layer: String?)? {
        let parts = role.split(separator: "~", omittingEmptySubsequences: false).map(String.init)
        guard (2...3).contains(parts.count), parts[0] == "product", let product = try? ProductID(parts[1]) else {
            return nil
        }
        guard parts.count == 3 else { return (product, nil) }
        return (try? layer(parts[2])).map { (product, $0) }
    }

    /// Whose document says who signs for a role of this layout: the top-level targets for a product, a product for its layers.
    package static func delegator(of role: String) -> String? {
        place(of: role).map { $0.layer == nil ? TargetsRole.type : self.role(of: $0.product) }
    }

    package static func path(_ product: ProductID, layer: String, file: String) -> String {
        "\(product.text)/\(layer)/\(file)"
    }

    /// For the top-level targets.
    package static func delegation(to product: ProductID, signedBy signers: Signers) -> Delegation {
        Delegation(
            name: role(of: product), signers: signers, paths: .patterns([PathPattern("\(product.text)/*/*")]),
            isTerminating: true)
    }

    /// For a product's role.
    package static func delegation(
        to layer: String, of product: ProductID, signedBy signers: Signers
    ) -> Delegation {
        Delegation(
            name: role(of: product, layer: layer), signers: signers,
            paths: .patterns([PathPattern("\(product.text)/\(layer)/*")]), isTerminating: true)
    }
}
