import Passport
import Registry
import Store
import TUF
import Wire

/// Who signs for a product, or for one of its layers, is to be said to the devices: the next document of the role above is drafted, in
/// which the registered signers stand. What it says of everybody else stays.
package struct DelegateUpdates: Action {
    package static let name = "use/delegate-updates"
    package static let permission = Permission.administer

    package var product: ProductID
    /// Left out: the product itself, in the top-level targets.
    package var layer: String?
    /// Signatures that are demanded, 2 at least.
    package var threshold: Int
    /// Life of the document.
    package var days: Int

    package init(product: ProductID, layer: String? = nil, threshold: Int = 2, days: Int = 365) {
        self.product = product
        self.layer = layer
        self.threshold = threshold
        self.days = days
    }

    package typealias Answer = ProposedMetadata

    package func perform(in change: Change) throws -> Answer {
        try MetadataDays.demand(days, atMost: 3650)
        let role = try UpdateRole.name(product, layer, in: change.rows)
        let above = ReleaseLayout.delegator(of: role) ?? TargetsRole.type
        let registered = try UpdateSigner.all(of: role, in: change.rows)
        try UpdateSigner.demandEnough(registered.values, for: role)
        let keys = registered.sorted { $0.key < $1.key }.map(\.value.key)
        let signers = Signers(keys, threshold: threshold)
        try MetadataThreshold.demand(signers, for: role)
        try Self.demandPersons(registered.values, threshold, role)
        let delegation =
            layer.map { ReleaseLayout.delegation(to: $0, of: product, signedBy: signers) }
            ?? ReleaseLayout.delegation(to: product, signedBy: signers)
        let present = try UpdateCompositions.targets(above, in: change.rows)
        var roles = present?.delegations?.roles ?? []
        if let place = roles.firstIndex(where: { $0.name == role }) {
            roles[place] = delegation
        } else {
            roles.append(delegation)
        }
        let next = TargetsRole(
            version: (present?.version ?? 0) + 1, expires: change.now.adding(days: Int64(days)),
            targets: present.map { Array($0.targets.values) } ?? [], delegations: Delegations(roles))
        return try ProposedMetadata(MetadataDraft(next, as: above), in: change)
    }
}

extension DelegateUpdates {
    /// Devices count keys, and cannot know whose they are: no person may have as many as are enough, and each signs once.
    private static func demandPersons(
        _ signers: some Collection<UpdateSigner>, _ threshold: Int, _ role: String
    ) throws(Refusal) {
        let held = Dictionary(grouping: signers, by: \.person).values.map(\.count)
        guard threshold <= held.count, threshold > held.max() ?? 0 else {
            throw Refusal(
                .conflict,
                "\(threshold) signatures for \(role) would be more than its \(held.count) persons can give, or one person could give them all.",
                hint:
                    "Use a threshold up to the number of persons and above the keys of each, or take a key away: lifelong tuf signer remove",
                rule: "release: two persons")
        }
    }
}

enum UpdateRole {
    /// "product~thermostat-2~os", of a product that there is.
    static func name(_ product: ProductID, _ layer: String?, in rows: any Rows) throws -> String {
        guard try rows.first("SELECT id FROM product WHERE id = $1", [Value(product)]) != nil else {
            throw Refusal(.notFound, "There is no product \"\(product)\".", hint: "Publish the product first.")
        }
        guard let layer else { return ReleaseLayout.role(of: product) }
        return ReleaseLayout.role(of: product, layer: try ReleaseLayout.layer(layer))
    }
}
