import Passport
import Registry
import Store
import Trust
import Wire

/// The maker lets one token speak for every device of a product, as fleets of hawkBit have it, or ends that. Whoever has it can
/// say to be any of them, so that no product has one unless somebody wanted it.
package struct SetGatewayToken: Action {
    package static let name = "use/set-gateway-token"
    package static let permission = Permission.publish

    package var product: ProductID
    /// False ends the token that there is.
    package var allowed: Bool
    /// One that the devices have already; made if left out.
    package var token: String?

    package init(product: ProductID, allowed: Bool, token: String? = nil) {
        self.product = product
        self.allowed = allowed
        self.token = token
    }

    package struct Answer: Codable, Sendable {
        /// Shown once; missing if it was brought, or ended.
        package var token: String?
    }

    package func perform(in change: Change) throws -> Answer {
        if let token { try DeviceToken.check(token) }
        let new = allowed ? token ?? DeviceToken.make(change.house.random(DeviceToken.randomBytes)) : nil
        let changed = try change.rows.execute(
            "UPDATE product SET gateway_token = $1 WHERE id = $2",
            [Value(new.map { Self.hash($0, product).description }), Value(product)])
        guard changed == 1 else {
            throw Refusal(.notFound, "There is no product \"\(product)\".", hint: "Publish the product first.")
        }
        try change.record(.gatewayTokenSet(product: product, allowed: allowed))
        return Answer(token: token == nil ? new : nil)
    }

    private static func hash(_ token: String, _ product: ProductID) -> Digest {
        LeafCertificate.sha256(Array("lifelong gateway token v1\n\(product)\n\(token)".utf8))
    }

    /// The device of that name, if the token is that of its product.
    package static func admit(_ token: String, of name: String, in rows: any Rows) throws -> (Device, StockClient)? {
        guard let device = try Device.find(name, in: rows) else { return nil }
        let product = device.passport.product
        let row = try rows.first("SELECT gateway_token FROM product WHERE id = $1", [Value(product)])
        guard let kept = row?.optionalText("gateway_token").flatMap({ Digest(hex: $0) }),
            ConstantTime.equal(hash(token, product).bytes, kept.bytes)
        else { return nil }
        return (device, try StockClient.find(device.id, in: rows))
    }
}
